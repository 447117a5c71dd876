"""A data folder as the page shows it.

Files may change, or go, while they are served: each is read again when it is another than it was, and a meeting whose
files do not belong together just now says so. What is hidden is looked up where people write it, not in what a run has
made of it: until a run has taken it out, the meeting is not shown at all, nor is its sound played.
"""

import hashlib
import logging
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from analyse.codebook import Codebook
from analyse.records import Statements
from pipeline import clips, corrections, hidden, meeting_toml, meetings, places, receipts, settings, telling
from pipeline.asked import codebook_of, context_of
from pipeline.fresh import Kept
from pipeline.meetings import Layout
from search import cite, find, links
from search.cite import Passage
from search.find import Results
from search.quotes import Quote, parse_address, read_parquet, resolve, source_of
from search.reading import Appearance, Held, Known, Listed, NotNow, Sound, Told, has_page
from transcribe import correct, playable
from transcribe.documents import Unreadable, load
from transcribe.problem import Problem
from transcribe.ranges import Ranges, joined, without
from transcribe.records import Coverage, Meeting, Record, Recording, SpeakerName, Stretch, Transcript
from transcribe.repair import repairs

N_HELD = 8  # whole meetings in memory: one of four hours takes about 30 MB
N_MEETINGS = 20_000  # of which little things are
N_AGAIN = 6  # searches, each without the meetings that were not to be shown in the one before
LOOK_S, LOOK_EVERY_S = 0.01, 1.0  # of a search, to ask which meetings may be shown; and how often all are asked
N_CUTTING, CUT_WAIT_S = 2, 20.0  # clips at once, and how long one waits for its turn
LONGEST_CLIP_MS = 30 * 60_000
log = logging.getLogger("onrecord")


class _Word(msgspec.Struct):
    speaker: str | None = None


class _Read(msgspec.Struct):
    """What is read of a transcript for lists: the texts of words are skipped, which makes it fast."""

    engine: str
    words: list[_Word]
    stretches: tuple[Stretch, ...] = ()
    names: tuple[SpeakerName, ...] = ()
    coverage: Coverage | None = None


class _Summary(Record):
    """What is kept of it, of every meeting: of the words only how many each voice says."""

    engine: str
    n_words: dict[str, int]
    stretches: tuple[Stretch, ...]
    names: tuple[SpeakerName, ...]
    coverage: Coverage | None


class DataFolder:
    """A `search.reading.Shelf` over a data folder."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._cutting = threading.BoundedSemaphore(N_CUTTING)
        self._looking, self._look_again = threading.Lock(), 0.0
        self._to_look: list[str] = []
        self._bared_seen: frozenset[str] = frozenset()
        self._warned: dict[str, str] = {}  # by meeting
        self._whole, self._summaries, self._small = Kept(N_HELD), Kept(N_MEETINGS), Kept(4 * N_MEETINGS)

    # -- what there is

    def search(self, text: str, *, sort: Literal["best", "newest"], limit: int, offset: int, facets: bool) -> Results:
        """What the index finds, without meetings of which a part was hidden that the index may still hold.

        All meetings are asked in turn; one that a search finds meanwhile is left out at once, and not counted.
        """
        folders = self._folders()
        without = self._known_bared(folders)
        for _ in range(N_AGAIN):
            found = find.search(
                self.layout.index, text, sort=sort, limit=limit, offset=offset, facets=facets, without=without
            )
            ids = {h.quote.meeting for h in found.hits}
            bared = frozenset(id for id in ids if id not in folders or self._may_not_be_shown(id, folders[id]))
            if not bared:
                return found
            without |= bared
        return replace(found, hits=tuple(h for h in found.hits if h.quote.meeting not in without))

    def _known_bared(self, folders: dict[str, Path]) -> frozenset[str]:
        """Meetings that are not to be shown just now, as far as one has looked: a search takes little time to look."""
        if self._looking.acquire(blocking=False):
            try:
                self._look(folders, time.monotonic())
            finally:
                self._looking.release()
        return frozenset(id for id in self._bared_seen if id in folders and self._may_not_be_shown(id, folders[id]))

    def _look(self, folders: dict[str, Path], began: float) -> None:
        """Go on with the round of all meetings, or begin another."""
        if began < self._look_again:
            return
        self._to_look = self._to_look or list(folders)
        found = set()
        while self._to_look and time.monotonic() < began + LOOK_S:
            id = self._to_look.pop()
            if id in folders and self._may_not_be_shown(id, folders[id]):
                found.add(id)
        self._bared_seen = frozenset(id for id in self._bared_seen | found if id in folders)
        if not self._to_look:
            self._look_again = time.monotonic() + LOOK_EVERY_S

    def _may_not_be_shown(self, id: str, folder: Path) -> bool:
        """Whether a meeting is not to be shown: what cannot be read may hide something, too."""
        try:
            return self._bared(id, folder)
        except (Problem, OSError) as e:
            self._warn(id, e)
            return True

    def _warn(self, id: str, error: Problem | OSError) -> None:
        """Write to the log why a meeting is not shown, or not all of it: once, though it is asked for all the time."""
        why = f"{error.what} ({error.where})" if isinstance(error, Problem) else str(error)
        if self._warned.get(id) != why:
            self._warned[id] = why
            log.warning("%s: not all of this meeting is shown: %s", id, why)

    def codebook(self) -> Codebook:
        return self._small.get("codebook", [self.layout.codebook], lambda: codebook_of(self.layout))

    def meetings(self) -> Sequence[Listed]:
        """All meetings that have a transcript; what cannot be read is left out."""
        listed = []
        for id, folder in self._folders().items():
            try:
                if (self.layout.made(id) / "transcript.json").is_file() and not self._bared(id, folder):
                    listed.append(self._listed(id, folder))
            except (Problem, OSError) as e:
                self._warn(id, e)
        return listed

    def check_shown(self, id: str) -> Path:
        """The folder of a meeting's raw files. Raises NotNow where something was hidden that may still be shown."""
        folder = self.folder(id)
        if self._bared(id, folder):
            raise NotNow(
                "this meeting is being changed: part of it was hidden, and is not out of it yet",
                where=folder,
                fix="Try again in a few minutes.",
            )
        return folder

    def meeting(self, id: str) -> Held:
        folder = self.check_shown(id)
        made = self.layout.made(id)
        files = [made / n for n in ("transcript.json", "statements.json", "quotes.parquet", "recording.json")]
        return self._whole.get(id, [*files, *meeting_toml.files(folder)], lambda: self._read(id, folder))

    def sound(self, id: str) -> Sound | None:
        """What may be played of a meeting: never the recording itself where anything of it is hidden."""
        folder, made = self.folder(id), self.layout.made(id)
        recording = self._recording(id)
        if recording is None or not recording.media:
            return None
        copy = made / "playable.m4a"
        shown = correct.silence(self._summary(id).stretches)
        silence = joined([*self._hidden(id, folder), *shown])
        if silence or playable.needs_copy(recording.media):
            made_so = receipts.read(made, "playable")
            silenced = made_so.params.get("silence", ()) if made_so else ()
            right = made_so is not None and made_so.params.get("recording") == recording.sha256
            if not right or without(silence, silenced) or not copy.is_file():
                return None
            return Sound(path=copy, video=False)
        part = recording.media[0]
        path = folder / part.file
        if ".." in Path(part.file).parts or not path.is_file():
            return None
        return Sound(path=path, video=any(s.kind == "video" for s in part.streams))

    def plays(self, quote: Quote) -> str:
        try:
            if self.sound(quote.meeting) is not None:
                return f"/quote/{quote.cited}#play"
        except (Problem, OSError) as e:
            self._warn(quote.meeting, e)
            return ""
        return self._published(quote.source_url, quote.source_start_ms)

    def moment(self, held: Held, ms: int) -> str:
        return self._published(*source_of(ms, held.meeting, held.recording)) if held.recording else ""

    def _published(self, url: str, at_ms: int | None) -> str:
        found = links.link(url, at_ms, None, self._players())
        return found.url if found.plays else ""

    def _players(self) -> dict[str, str]:
        """How pages of hosts are linked to, as far as that can be read: what is wrong with it is not for readers."""

        def read() -> dict[str, str]:
            try:
                return settings.examine(self.layout)[0].players
            except Problem:
                return {}

        return self._small.get("players", [self.layout.settings], read)

    # -- one place, one person

    def passage(self, address: str) -> tuple[Held, Passage]:
        place = parse_address(address)
        held = self.meeting(place.meeting)
        if not held.settled:
            raise NotNow("this meeting is being brought up to date", fix="Try again in a few minutes.")
        try:
            return held, places.passage(self.layout, place, held.transcript, 3, held.quotes)
        except Problem as e:  # where a file lies is nothing for readers
            raise Problem(e.what) from e

    def told(self, held: Held, passage: Passage) -> Told:
        quote = passage.quote
        here = parse_address(quote.address)
        words = resolve(here, held.transcript)
        made = places.changed_by_people(self.layout, quote.meeting)
        name = next((n for n in held.transcript.names if n.label == quote.speaker_label), None)
        setters = [c.by for c in places.changes(words, made) if c.kind == "speaker" and c.by]
        past = places.history(self.layout, here.start_ms, here.end_ms, held.transcript, quote.meeting)
        source = cite.citation(quote, accessed=date.today(), players=self._players())
        return Told(
            changes=(
                *map(telling.change, past),
                *(f"Software wrote “{r.written}” where it had heard “{r.heard}”: {r.why}." for r in repairs(words)),
            ),
            citations={style: cite.cite(source, style) for style in cite.STYLES},
            evidence=telling.shown_evidence(name) if name and not setters else (),
            confirmed_by=setters[-1] if setters else telling.confirmed_by(name) if name else "",
            link=source.url,
            link_plays=source.plays,
        )

    def clip(self, address: str, pad_s: int) -> Path:
        """What an address plays, with padding, in a new folder that the caller takes away."""
        place = parse_address(address)
        self.check_shown(place.meeting)
        sound = self.sound(place.meeting)
        if sound is None:
            raise Problem("There is no recording of this meeting to cut from")
        if place.end_ms - place.start_ms > LONGEST_CLIP_MS:
            raise Problem("This is too long for a clip: at most half an hour is cut at once")
        if not self._cutting.acquire(timeout=CUT_WAIT_S):
            raise NotNow("Other clips are being cut", fix="Try again in a moment.")
        folder = Path(tempfile.mkdtemp(prefix="onrecord-clip-"))
        try:
            name = f"{place.meeting}-{cite.timecode(place.start_ms).replace(':', '-')}"
            out = folder / f"{name}{'.mp4' if sound.video else '.m4a'}"
            clips.write(context_of(self.layout, place.meeting), replace(place, check=""), out, pad_s=pad_s)
            return out
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            self._cutting.release()

    def person(self, id: str) -> Known:
        found = []
        for listed in self.meetings():
            names = [n for n in self._summary(listed.id).names if n.person == id and has_page(id, n.role)]
            found += [Appearance(meeting=listed, name=name, evidence=telling.shown_evidence(name)) for name in names]
        if not found:
            raise Problem("Nobody of this name is known to have spoken")
        newest = sorted(found, key=lambda a: str(a.meeting.held_on or ""), reverse=True)
        return Known(id=id, name=newest[0].name.display, appearances=tuple(newest))

    # -- reading

    def _folders(self) -> dict[str, Path]:
        """Folders of raw files by meeting id."""
        raw = self.layout.raw

        def read() -> dict[str, Path]:
            folders = meetings.find_folders(self.layout) if raw.is_dir() else []
            ids = meetings.assign_ids(self.layout, folders)
            return {ids[f.name]: f for f in reversed(folders)}

        return self._small.get("folders", [raw, self.layout.ids], read)

    def folder(self, id: str) -> Path:
        """The folder of a meeting's raw files. Raises Problem where it has no transcript."""
        folder = self._folders().get(id) if meetings.is_id(id) else None
        if folder is None or not (self.layout.made(id) / "transcript.json").is_file():
            raise Problem("There is no such meeting here")
        return folder

    def _meeting(self, id: str, folder: Path) -> Meeting:
        paths = meeting_toml.files(folder)
        return self._small.get(("meeting", id), paths, lambda: meeting_toml.examine(folder, id)[0])

    def _recording(self, id: str) -> Recording | None:
        path = self.layout.made(id) / "recording.json"
        return self._small.get(("recording", id), [path], lambda: places.recording_of(self.layout, id))

    def _hidden(self, id: str, folder: Path) -> Ranges:
        """What people have hidden, by what they wrote last."""

        def written() -> Ranges:
            return correct.silence(hidden.stretches(folder, self._meeting(id, folder)))

        paths = [folder / "meeting.toml", folder / corrections.FILE, folder]
        return self._small.get(("hidden", id), paths, written)

    def _bared(self, id: str, folder: Path) -> bool:
        """Whether what is shown of a meeting may hold something that was hidden since its transcript was made."""
        silence = self._hidden(id, folder)
        if not silence:
            return False
        path = receipts.receipt_path(self.layout.made(id), "transcript")
        made = self._small.get(("receipt", id), [path], lambda: receipts.read(self.layout.made(id), "transcript"))
        return bool(hidden.still_shown(made, silence))

    def _summary(self, id: str) -> _Summary:
        path = self.layout.made(id) / "transcript.json"

        def read() -> _Summary:
            try:
                found = msgspec.json.decode(path.read_bytes(), type=_Read)
            except (msgspec.MsgspecError, UnicodeDecodeError) as e:
                raise Unreadable(f"not a readable transcript: {e}", where=path, fix="onrecord run") from e
            return _Summary(
                engine=found.engine,
                n_words=Counter(word.speaker or "" for word in found.words),
                stretches=found.stretches,
                names=found.names,
                coverage=found.coverage,
            )

        return self._summaries.get(id, [path], read)

    def _listed(self, id: str, folder: Path) -> Listed:
        meeting, summary, recording = self._meeting(id, folder), self._summary(id), self._recording(id)
        status = {n.label: n.status for n in summary.names}
        by_status: dict[str, int] = {}
        for label, n in summary.n_words.items():
            known = status.get(label, "unknown")
            by_status[known] = by_status.get(known, 0) + n
        return Listed(
            id=id,
            title=meeting.title or id,
            body=meeting.body,
            held_on=meeting.held_on,
            duration_ms=recording.duration_ms if recording else 0,
            coverage=summary.coverage,
            stretches=summary.stretches,
            n_words=sum(summary.n_words.values()),
            words_by_status=by_status,
            engine=summary.engine,
            has_sound=bool(recording and recording.media),
        )

    def _read(self, id: str, folder: Path) -> Held:
        made = self.layout.made(id)
        path = made / "transcript.json"
        data = path.read_bytes()
        transcript = load(data, Transcript, "transcript/2", where=path)
        sha256 = hashlib.sha256(data).hexdigest()
        statements: Statements | None = None
        quotes: tuple[Quote, ...] = ()
        place, table = made / "statements.json", made / "quotes.parquet"
        try:
            if place.is_file() and table.is_file():  # else they are still to be made
                statements = load(place.read_bytes(), Statements, "statements/2", where=place)
                quotes = read_parquet(table)
        except (Problem, OSError) as e:
            self._warn(id, e)
            statements = None
        settled = (
            statements is not None
            and statements.transcript_sha256 == sha256
            and all(q.transcript_sha256 == sha256 for q in quotes)
        )
        return Held(
            meeting=self._meeting(id, folder),
            recording=self._recording(id),
            transcript=transcript,
            statements=statements if settled else None,
            quotes=quotes if settled else (),
            settled=settled,
        )
