"""Everything that is wrong, or doubtful, with what people put in. Reads all of it and changes nothing.

An error is what a run would fail with, and comes from what a run reads with; advice is what a run would do differently
from what was probably meant.
"""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pipeline import corrections, meeting_toml, meetings, receipts, settings, toml_files, work
from pipeline.add import HIDDEN
from pipeline.meetings import CAPTION_SUFFIXES, Layout, few, readable
from pipeline.toml_files import Fault, Place, Toml
from search.links import link
from transcribe import engines, privacy
from transcribe.documents import load
from transcribe.problem import Problem
from transcribe.records import Media, Meeting, Record, Recording, language_code


class Finding(Record):
    """`folder` is the meeting's, and empty where it concerns the data folder; `line` is None where it is no line's."""

    kind: Literal["error", "advice"]
    folder: str
    file: str
    line: int | None
    what: str
    fix: str


def check(layout: Layout, folders: Sequence[Path], ids: dict[str, str]) -> Iterator[Finding]:
    """What is wrong with meetings. `ids` are those of all folders."""
    for folder in folders:
        for kind, fault in _meeting(layout, folder, ids):
            yield Finding(
                kind=kind,
                folder=readable(folder.name),
                file=readable(str(fault.path)),
                line=fault.line,
                what=readable(fault.what),
                fix=readable(fault.fix),
            )


def check_data(layout: Layout, ids: dict[str, str]) -> Iterator[Finding]:
    """What is wrong with, or doubtful about, the data folder itself."""

    def advice(path: Path, what: str, fix: str, line: int | None = None) -> Finding:
        return Finding(kind="advice", folder="", file=readable(str(path)), line=line, what=what, fix=fix)

    for fault in settings.examine(layout)[1]:
        file = readable(str(fault.path))
        yield Finding(kind="error", folder="", file=file, line=fault.line, what=fault.what, fix=fault.fix)
    for path in meetings.loose_media(layout):
        yield advice(
            path,
            "this recording lies beside the meetings and is left alone",
            "`onrecord add` makes a folder for it; then delete it here",
        )
    for path in sorted(layout.raw.glob(f"{HIDDEN}*")):
        what = "`onrecord add` was killed here before it had finished"
        yield advice(path, what, f"delete this folder (rm -r {shlex.quote(str(path))}), then add the recording again")
    toml = toml_files.read(layout.ids, largest_bytes=meetings.LARGEST_IDS)
    there = {readable(name) for name in ids}
    for name in meetings.read_ids(layout):
        if name not in there:
            yield advice(
                layout.ids,
                f"there is no folder {name!r}, whose id is fixed here",
                "if it was renamed, rename it here, too; else its quotes get new addresses",
                toml.line("meetings", name),
            )


# -- one meeting ----------------------------------------------------------------------------------

Found = tuple[Literal["error", "advice"], Fault]


def _meeting(layout: Layout, folder: Path, ids: dict[str, str]) -> Iterator[Found]:
    path = folder / "meeting.toml"
    if problem := meetings.shared_id(folder, ids):
        yield "error", _fault(problem, folder)
    try:
        meeting, faults = meeting_toml.examine(folder, ids[folder.name])
        toml = toml_files.read(path)
    except (Problem, OSError) as e:
        yield "error", _fault(e, path)
        return
    yield from (("error", fault) for fault in faults)
    duration_ms = 0
    for fault, ms in _files(layout, folder, meeting, toml):
        duration_ms += ms
        if fault and not any(f.line == fault.line and f.path == fault.path for f in faults):
            yield "error", fault
    try:
        for c in corrections.due(folder):
            place = f"{meeting.id}/{c.start_ms}-{c.end_ms}"
            yield (
                "advice",
                Fault(
                    what=f"{place} was withheld until {c.until}, and still is: {c.reason}",
                    path=folder / corrections.FILE,
                    fix=f"decide again: onrecord correct {place} --undo, or --undo and --withhold until another day",
                ),
            )
    except (Problem, OSError) as e:
        yield "error", _fault(e, folder / corrections.FILE)
    yield from (("advice", fault) for fault in _advice(folder, meeting, toml, duration_ms))


def _fault(error: Exception, where: Path) -> Fault:
    """A problem as a fault, with the line that it names."""
    problem = error if isinstance(error, Problem) else work.as_problem(error, where, "meeting")
    path, _, line = problem.where.rpartition(", line ")
    if path and line.isdigit():
        return Fault(what=problem.what, path=Path(path), line=int(line), fix=problem.fix)
    return Fault(what=problem.what, path=Path(problem.where or where), fix=problem.fix)


def _files(layout: Layout, folder: Path, meeting: Meeting, toml: Toml) -> Iterator[tuple[Fault | None, int]]:
    """For each recording, or captions without one, what is wrong with it, and its length in ms.

    What has been through a run unchanged is taken from there. Anything else is opened, as a run would.
    """
    from transcribe import audio, captions

    made = layout.made(meeting.id)
    receipt = receipts.read(made, "probe")
    before = _recorded(made)
    for part in meeting.media:
        path = folder / part.file
        known = receipt.inputs.get(f"raw/{part.file}") if receipt else None
        try:
            stat = path.stat()
            found = before.get(part.file)
            if (
                known
                and found
                and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
                and part.audio_track in (None, found.audio_track)
            ):
                yield None, found.duration_ms
            else:
                yield None, audio.probe(path, sha256="", track=part.audio_track, channels=part.channels).duration_ms
        except Exception as e:
            rows = ((i, "file") for i, row in _rows(toml, "media") if row.get("file") == part.file)
            yield _named(e, path, toml, "media", *next(rows, ())), 0
    if meeting.captions:
        path = folder / meeting.captions
        try:
            captions.read(path, recording_sha256="", duration_ms=None)
        except Exception as e:
            yield _named(e, path, toml, "captions"), 0


def _recorded(made: Path) -> dict[str, Media]:
    path = made / "recording.json"
    try:
        return {m.file: m for m in load(path.read_bytes(), Recording, "recording/1", where=path).media}
    except (OSError, Problem):
        return {}


def _named(error: Exception, path: Path, toml: Toml, *place: str | int) -> Fault:
    """What is wrong with a file; where there is none, it is the line that names it."""
    if not os.path.lexists(path) and toml.line(*place):
        fix = "put the file there, or name another"
        return toml.fault(f"there is no file {path.name!r} in this folder", *place, fix=fix)
    return _fault(error, path)


# -- what is probably not meant -------------------------------------------------------------------


def _advice(folder: Path, meeting: Meeting, toml: Toml, duration_ms: int) -> Iterator[Fault]:
    lacking = {}
    if meeting.held_on is None and "held_on" not in toml.values:
        lacking["held_on"] = "no date is given: searches by date do not find it"
    if not meeting.people and "people" not in toml.values:
        lacking["people"] = "nobody is named: every voice stays unknown"
    for key, what in lacking.items():
        yield Fault(what=what, path=toml.path, fix=f"add {meeting_toml.EXAMPLES[key]}")
    yield from _advice_date(meeting, toml)
    yield from _advice_language(meeting, toml)
    yield from _advice_links(meeting, toml)
    yield from _advice_exclude(meeting, toml, duration_ms)
    yield from _advice_people(toml)
    yield from _advice_public(meeting, toml)
    yield from _advice_agenda(toml)
    yield from _advice_unseen(toml)
    if meeting.media and not meeting.captions:
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in CAPTION_SUFFIXES):
            name = readable(path.name)
            what = f"captions are here that meeting.toml does not name: {name!r} is not used"
            yield Fault(what=what, path=path, fix=f"to use them: captions = {toml_files.quoted(name)}")


def _advice_language(meeting: Meeting, toml: Toml) -> Iterator[Fault]:
    """Languages in which no recording can be heard here."""
    if not meeting.media or meeting.captions:
        return
    spoken = dict.fromkeys(language_code(tag) for tag in (meeting.language, *meeting.other_languages) if tag)
    choice = engines.choose_recogniser()
    alone = choice.model.endswith(".en") and not choice.lacks
    for code in spoken:
        if code not in engines.LANGUAGES:
            what, fix = f"Whisper knows no language {code!r}: the meeting cannot be heard", "name those that it knows"
            yield toml.fault(what, "language", fix=f"{fix} (docs/engines.md)")
        elif alone and code != "en":
            what = f"the best model here, {choice.name}, knows English alone, and the meeting is in {code!r}"
            yield toml.fault(what, "language", fix="onrecord models get whisper-base")


def _advice_date(meeting: Meeting, toml: Toml) -> Iterator[Fault]:
    if isinstance(toml.values.get("held_on"), str) and meeting.held_on:
        fix = f"write it without quotes: held_on = {meeting.held_on}"
        yield toml.fault("a date needs no quotes", "held_on", fix=fix)
    if meeting.held_on and meeting.held_on > corrections.today():
        yield toml.fault(f"this meeting is yet to come: {meeting.held_on}", "held_on", fix="check the year")


def _advice_links(meeting: Meeting, toml: Toml) -> Iterator[Fault]:
    links: list[tuple[str, Place]] = [(meeting.source_url, ("source_url",))]
    links += [(m.source_url, ("media", i, "source_url")) for i, m in enumerate(meeting.media)]
    for url, place in links:
        if url and not link(url, None).url:
            fix = "write all of it, from https:// on"
            yield toml.fault("source_url is not a link that a browser opens: quotes get none", *place, fix=fix)
    if meeting.source_offset_s and not any(url for url, _ in links):
        yield toml.fault("source_offset_s means nothing without source_url", "source_offset_s", fix="give source_url")
    if meeting.source_state and not any(url for url, _ in links):
        yield toml.fault("source_state means nothing without source_url", "source_state", fix="give source_url")


def _advice_exclude(meeting: Meeting, toml: Toml, duration_ms: int) -> Iterator[Fault]:
    written = toml.values.get("exclude", [])
    if not isinstance(written, list) or len(written) != len(meeting.exclude):
        return  # some are at fault, and which is which can't be told
    rows = sorted(enumerate(meeting.exclude), key=lambda row: row[1][:2])
    before_ms, before = 0, ""
    for i, (start_ms, end_ms, why) in rows:
        if start_ms < before_ms:
            what = f"two excluded stretches overlap: {before!r} and {why!r}"
            yield toml.fault(what, "exclude", i, fix="check their times; all of both is left out")
        before_ms, before = max((before_ms, before), (end_ms, why))
    for i, (start_ms, end_ms, why) in rows:
        if duration_ms and end_ms > duration_ms + 1000:
            where = "lies" if start_ms >= duration_ms else "goes on"
            what = f"an excluded stretch {where} beyond the recording, which is {duration_ms / 1000:g} s long: {why!r}"
            yield toml.fault(what, "exclude", i, fix="check its times: is the right stretch left out?")


def _rows(toml: Toml, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Tables of a list as they are written, so that their places are right whatever is at fault."""
    rows = toml.values.get(key)
    yield from ((i, row) for i, row in enumerate(rows if isinstance(rows, list) else ()) if isinstance(row, dict))


def _advice_people(toml: Toml) -> Iterator[Fault]:
    names: dict[str, int] = {}
    called: dict[str, set[int]] = defaultdict(set)
    for i, row in _rows(toml, "people"):
        if not isinstance(name := row.get("name"), str) or not name.strip():
            continue
        first = names.setdefault(name.casefold().strip(), i)
        if first != i:
            line = toml.line("people", first, "name")
            what = f"two people have the name {name!r}: this one and the one on line {line}"
            yield toml.fault(what, "people", i, "name", fix="nobody can tell them apart: add what parts them")
        aliases = row.get("aliases", ())
        for n, alias in enumerate(aliases if isinstance(aliases, list) else ()):
            if not isinstance(alias, str):
                continue
            others = called[alias.casefold().strip()]
            if others - {i}:
                line = toml.line("people", min(others - {i}), "aliases")
                what = f"two people have the alias {alias!r}: this one and the one on line {line}"
                yield toml.fault(what, "people", i, "aliases", n, fix="it can name neither: take it from one of them")
            others.add(i)


def _advice_public(meeting: Meeting, toml: Toml) -> Iterator[Fault]:
    """People of whom nothing says whether they came as members of the public, which some or none are then taken for."""
    untold = [p.name for p in meeting.people if not (p.role or p.public or privacy.has_office(p))]
    if not untold:
        return
    shown = "shown as members of the public" if privacy.not_named(meeting.people) else "shown by name"
    what = f"no role, party or title, so {shown}: {few(untold, 3)}"
    fix = 'give a role if there is one (role = "Officer"), else role = "Resident", or public = "named"'
    yield Fault(what=what, path=toml.path, fix=fix)


def _advice_agenda(toml: Toml) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for i, row in _rows(toml, "agenda"):
        item = row.get("item")
        if isinstance(item, int) and abs(item) < meeting_toml.MOST_ITEMS:
            item = str(item)
        if isinstance(item, str) and first.setdefault(item, i) != i:
            line = toml.line("agenda", first[item], "item")
            yield toml.fault(
                f"item {item} is there twice: here and on line {line}", "agenda", i, "item", fix="check it"
            )


def _advice_unseen(toml: Toml) -> Iterator[Fault]:
    """Characters that people can't see, in what people are shown."""
    shown: list[tuple[Any, Place]] = [(toml.values.get(key), (key,)) for key in ("title", "body")]
    shown += [(row.get(k), ("people", i, k)) for i, row in _rows(toml, "people") for k in ("name", "role", "party")]
    shown += [(row.get("title"), ("agenda", i, "title")) for i, row in _rows(toml, "agenda")]
    for text, place in shown:
        if isinstance(text, str) and (unseen := next((c for c in text if not c.isprintable()), "")):
            what = f"{place[-1]} holds a character that can't be seen (U+{ord(unseen):04X})"
            yield toml.fault(what, *place, fix="type it again by hand")
