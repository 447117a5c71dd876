"""What is known of a place in a meeting beside what is said there: why nothing is, who changed it, where to listen."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from pipeline import corrections, meeting_toml, meetings
from pipeline.hear_captions import CUE_REACH_MS
from pipeline.meetings import Layout
from search.cite import Passage, around, timecode
from search.exports import silent
from search.quotes import Address, Quote, part_at, read_parquet, resolve
from transcribe import privacy
from transcribe.correct import HIDING, UNSETTLED, VOICES, Correction, Kind, hidden, in_force, silence
from transcribe.documents import load
from transcribe.problem import Problem
from transcribe.ranges import within
from transcribe.records import Person, Record, Recording, Stretch, Transcript, Word
from transcribe.said_by import people_called


class Change(Record):
    """Words or a speaker that a person set. `was` is what the words were made of, `first` whether no person had changed
    them before, `settled` whether that is what the person saw."""

    kind: Literal["words", "speaker"]
    by: str
    on: str  # UTC day; empty where the correction is not kept any more
    was: str = ""
    first: bool = True
    settled: bool = True


class Past(Record, omit_defaults=False):
    """A correction that touched a place: its id, who made it, when (UTC), and what it turned into what. Neither is told
    of what is hidden now (`hidden`), nor of hiding itself. `undone_by` took it back, where anybody did."""

    id: str
    kind: Kind
    by: str
    at: str
    start_ms: int
    end_ms: int
    old: str = ""
    new: str = ""
    reason: str = ""
    hidden: bool = False
    undone_by: str = ""
    undone_at: str = ""


def folder_of(layout: Layout, meeting: str) -> Path | None:
    """The folder of a meeting's raw files, by its id; None where there is none."""
    folders = meetings.find_folders(layout) if layout.raw.is_dir() else []
    ids = meetings.assign_ids(layout, folders)
    return next((f for f in folders if ids[f.name] == meeting), None)


def load_transcript(layout: Layout, meeting: str) -> Transcript:
    """A meeting's transcript as it stands. Raises Problem where there is none, or no such meeting."""
    path = layout.made(meeting) / "transcript.json"
    if path.is_file() and meetings.is_id(meeting):
        return load(path.read_bytes(), Transcript, "transcript/2", where=path)
    if folder_of(layout, meeting):
        raise Problem(f"there is no transcript of {meeting!r}", where=path, fix=f"onrecord run {meeting}")
    if meetings.is_id(meeting) and layout.made(meeting).is_dir():
        raise Problem(
            f"there is no transcript of {meeting!r}, and its folder in raw/ is gone",
            where=path,
            fix=f"put that folder back, or take out what is left: onrecord remove {meeting}",
        )
    raise Problem(f"there is no meeting {meeting!r}", where=layout.raw, fix="`onrecord status` lists them")


def recording_of(layout: Layout, meeting: str) -> Recording | None:
    path = layout.made(meeting) / "recording.json"
    return load(path.read_bytes(), Recording, "recording/1", where=path) if path.is_file() else None


def changed_by_people(layout: Layout, meeting: str) -> tuple[Correction, ...]:
    """What people changed in a meeting, in order; nothing where its folder is gone."""
    folder = folder_of(layout, meeting)
    return corrections.read(folder) if folder else ()


def passage(
    layout: Layout, place: Address, transcript: Transcript, n_turns: int = 0, rows: Sequence[Quote] | None = None
) -> Passage:
    """What is said at a place, with turns around it; `rows` are the meeting's quotes where they are at hand. Raises
    Problem where there are none yet, and why where nothing is said there."""
    if rows is None:
        table = layout.made(place.meeting) / "quotes.parquet"
        if not table.is_file():
            raise Problem(
                f"{place.meeting!r} is not in the index yet", where=table, fix=f"onrecord run {place.meeting}"
            )
        rows = read_parquet(table)
    if not place.check and not resolve(place, transcript):
        raise why_silent(layout, place, transcript)
    try:
        return around(place, rows, transcript, n_turns)
    except Problem as e:
        raise why_silent(layout, place, transcript) from e


def why_silent(layout: Layout, place: Address, transcript: Transcript) -> Problem:
    """Why there are no words at a place."""
    address = str(replace(place, check=""))
    recording = recording_of(layout, place.meeting)
    if recording and place.start_ms >= recording.duration_ms:
        ends = f"the recording ends before that, at {timecode(recording.duration_ms)}"
        return Problem(ends, where=address, fix="check the times")
    there = [s for s in transcript.stretches if s.start_ms < place.end_ms and place.start_ms < s.end_ms]
    stretch = min(
        there, key=lambda s: ("masked", "excluded", "withheld", "partial", "untranscribed").index(s.kind), default=None
    )
    if not stretch and (hiding := _beside(place, transcript)):
        what = f"there are no words here: a line of captions goes as a whole where a part of it is {hiding.kind}"
        where = f"{address}, beside {timecode(hiding.start_ms)} to {timecode(hiding.end_ms)}"
        return Problem(
            what, where=where, fix="read that line in the captions themselves; hide whole lines to lose no more"
        )
    if not stretch:
        fix = "search for the words, and copy their address"
        return Problem(f"there are no words at {timecode(place.start_ms)}", where=address, fix=fix)
    unheard = (
        f"nothing is known of {timecode(stretch.start_ms)} to {timecode(stretch.end_ms)} yet: it was not listened to"
    )
    what = unheard if stretch.kind == "partial" else silent(stretch)
    return Problem(what, where=address, fix=_mended(layout, place.meeting, address, place, stretch))


def _beside(place: Address, transcript: Transcript) -> Stretch | None:
    """What is hidden so near that words of a place in captions, whose own times nobody knows, went with it."""
    if not transcript.engine.startswith("captions"):
        return None
    near = (place.start_ms - CUE_REACH_MS, place.end_ms + CUE_REACH_MS)
    hidden = (s for s in transcript.stretches if s.kind in ("masked", "excluded"))
    return next((s for s in hidden if s.start_ms < near[1] and near[0] < s.end_ms), None)


def _mended(layout: Layout, meeting: str, address: str, place: Address, stretch: Stretch) -> str:
    if stretch.kind == "partial":
        return f"onrecord run {meeting}"
    if stretch.kind == "untranscribed":
        return "listen to the recording itself: words could not be made out there"
    hiding = [c for c in in_force(changed_by_people(layout, meeting)) if c.kind in HIDING]
    if any(c.touches(place.start_ms, place.end_ms) for c in hiding):
        return f"where it should not be: onrecord correct {address} --undo"
    return "where it should not be, take it out of `exclude` in its meeting.toml"


def changes(words: Sequence[Word], made: Iterable[Correction]) -> list[Change]:
    """Who set the wording and the speakers of words that stand in a row, from all corrections of their meeting."""
    made = list(made)
    by_id = {c.id: c for c in made}
    found: dict[str, Change] = {}
    for change, group in groupby(words, key=lambda w: w.change or ""):
        name = change.removeprefix(UNSETTLED)
        if not name.startswith("correction "):
            continue
        c = by_id.get(name.removeprefix("correction "))
        before = made[: made.index(c)] if c else ()
        was = " ".join(w.original for w in group if w.original)
        known = found.get(change)
        found[change] = Change(
            kind="words",
            by=c.by if c else "",
            on=c.at[:10] if c else "",
            was=f"{known.was} … {was}" if known and known.was and was else (known.was if known else "") or was,
            first=not any(b.kind == "words" and c and b.touches(c.start_ms, c.end_ms) for b in before),
            settled=change == name,
        )
    return [*found.values(), *_speakers_set(words, made)]


def _speakers_set(words: Sequence[Word], made: Iterable[Correction]) -> list[Change]:
    """Who said last who speaks, for each correction that still holds for one of these words."""
    setting = [c for c in in_force(made) if c.kind == "speaker"]
    holding: dict[str, Correction] = {}
    for word in words:
        middle = ((word.start_ms or 0) + (word.end_ms or 0)) // 2
        last = next((c for c in reversed(setting) if c.start_ms <= middle < c.end_ms), None)
        if last is None:
            continue
        given = f"@{last.new}" if last.new else None
        if word.speaker == given or (last.new and privacy.stands_in(word.speaker)):
            holding[last.id] = last
    return [Change(kind="speaker", by=c.by, on=c.at[:10]) for c in holding.values()]


def history(layout: Layout, start_ms: int, end_ms: int, transcript: Transcript, meeting: str) -> list[Past]:
    """Every correction that touched a place, in the order in which they were made, with those that were taken back.

    Nobody is named in it who is not shown by name. Raises Problem where the meeting's folder cannot be read.
    """
    folder = folder_of(layout, meeting)
    if not folder:
        return []
    made, people = corrections.read(folder), meeting_toml.read_meeting(folder, meeting).people
    undone = {c.undoes: c for c in made if c.kind == "undo"}
    gone = silence((*transcript.stretches, *hidden(made)))
    found = []
    for c in made:
        spans = c.stretches or ((c.start_ms, c.end_ms),)
        if c.kind == "undo" or not within(spans, [(start_ms, end_ms)]):
            continue
        is_hidden = bool(within(spans, gone))
        old, new = (c.old, c.new) if c.kind == "words" else _names(c, people)
        back = undone.get(c.id)
        found.append(
            Past(
                id=c.id,
                kind=c.kind,
                by=c.by,
                at=c.at,
                start_ms=c.start_ms,
                end_ms=c.end_ms,
                old="" if is_hidden else old,
                new="" if is_hidden else new,
                reason=c.reason,
                hidden=is_hidden,
                undone_by=back.by if back else "",
                undone_at=back.at if back else "",
            )
        )
    return found


def _names(c: Correction, people: Sequence[Person]) -> tuple[str, str]:
    """Who was taken for the speaker before a correction and after it, as they are shown; nobody where it is no such."""
    if c.kind not in ("speaker", *VOICES):
        return "", ""
    unnamed = privacy.not_named(people)
    names = {p.id: privacy.SHOWN if p in unnamed else p.name for p in people}
    old = [privacy.SHOWN if people_called(unnamed, part) else part for part in c.old.split(", ")]
    return ", ".join(dict.fromkeys(old)), names.get(c.new, c.new) or "unknown speaker"


def where_to_listen(layout: Layout, meeting: str, at_ms: int, transcript: Transcript) -> tuple[Path, int] | None:
    """A file on this machine, and the ms in it, at which a moment of a meeting plays; None where there is none.

    It is the recording, or the part of it; and the copy that leaves out what is hidden, where anything is.
    """
    copy = layout.made(meeting) / "playable.m4a"
    if copy.is_file() and silence(transcript.stretches):
        return copy, at_ms
    recording, folder = recording_of(layout, meeting), folder_of(layout, meeting)
    part = part_at(at_ms, recording.media) if recording else None
    if part and folder and (folder / part.file).is_file():
        return folder / part.file, at_ms - part.start_ms
    return (copy, at_ms) if copy.is_file() else None
