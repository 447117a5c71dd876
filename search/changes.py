"""What became of earlier quotes: those that read otherwise now, or are somebody else's, or have other codes.

An address is a place in time, so a quote is compared with what is said in its place now, however statements are cut
today. Of what is hidden since, nothing is told but that it is.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from search.quotes import Quote, speaker_name
from transcribe.correct import HIDING, REACH_MS
from transcribe.listened import said
from transcribe.moments import inside, middles
from transcribe.records import Hidden, Record, Stretch, Transcript, Word, text_with_gaps

Kind = Literal["words", "speaker", "codes"]


class Reading(Record, omit_defaults=False):
    """What is said in a place, by whom, and how it is coded, as of some time."""

    text: str
    speaker: str
    speaker_status: str
    person: str | None
    codes: tuple[str, ...]


class Elsewhere(Record):
    """A correction of another place of the meeting: its id, and by whom it is."""

    id: str
    by: str
    start_ms: int
    end_ms: int


class Change(Record, omit_defaults=False):
    """A quote that changed. `new` is None where nothing is said there any more; both are where that is `hidden`. `by`
    are the people who corrected it. Where nobody did, `after` are the latest corrections of other places that were made
    since it read as before: speakers are told by the whole meeting, and codes by what is said around. There are none
    where an engine, a codebook or the program itself is another."""

    at: str  # UTC
    start_ms: int
    end_ms: int
    old: Reading | None
    new: Reading | None
    hidden: Hidden | None = None
    by: tuple[str, ...] = ()
    after: tuple[Elsewhere, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """In what it changed."""
        if self.old is None or self.new is None:
            return ("words",)
        old, new = self.old, self.new
        differs: dict[Kind, bool] = {
            "words": said(old.text) != said(new.text),
            "speaker": (old.person, old.speaker, old.speaker_status) != (new.person, new.speaker, new.speaker_status),
            "codes": set(old.codes) != set(new.codes),
        }
        return tuple(kind for kind, is_other in differs.items() if is_other)


Earlier = tuple[int, int, Reading]  # a quote's place, and how it read


def earlier(path: Path) -> list[Earlier]:
    """How the quotes in a table read, which may be of another version; none where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["start_ms", "end_ms", *Reading.__struct_fields__]
    try:
        rows = pq.ParquetFile(path).read(columns=columns).to_pylist()
        return [(r.pop("start_ms"), r.pop("end_ms"), msgspec.convert(r, Reading)) for r in rows]
    except (OSError, pa.ArrowException, msgspec.ValidationError, KeyError):
        return []


def changes(before: Iterable[Earlier], rows: Sequence[Quote], transcript: Transcript, *, at: str) -> list[Change]:
    """The quotes of `before` that read otherwise now, in order; `rows` are all quotes of now."""
    same = {(row.start_ms, row.end_ms): _reading(row) for row in rows}
    at_ms, ends = middles(transcript.words), list(_latest_ends(rows))
    found = []
    for start_ms, end_ms, old in before:
        new = same.get((start_ms, end_ms))
        if new == old:
            continue
        if new is None:
            there = [transcript.words[i] for i in inside(at_ms, start_ms, end_ms)]
            new = _now(start_ms, end_ms, there, rows, ends, transcript)
        change = Change(at=at, start_ms=start_ms, end_ms=end_ms, old=old, new=new)
        if change.kinds:
            found.append(change)
    return found


def _reading(row: Quote) -> Reading:
    return Reading(
        text=row.text, speaker=row.speaker, speaker_status=row.speaker_status, person=row.person, codes=row.codes
    )


def _latest_ends(rows: Iterable[Quote]) -> Iterable[int]:
    latest_ms = 0
    for row in rows:
        latest_ms = max(latest_ms, row.end_ms)
        yield latest_ms


def _now(
    start_ms: int,
    end_ms: int,
    words: Sequence[Word],
    rows: Sequence[Quote],
    ends: Sequence[int],
    transcript: Transcript,
) -> Reading | None:
    """What is said in a place that no quote of now has for its own: `words` are those that are."""
    if not words:
        return None
    labels = {w.speaker for w in words}
    name = speaker_name(next(iter(labels)) if len(labels) == 1 else None, transcript.names)
    codes: dict[str, None] = {}
    for row in rows[bisect_left(ends, start_ms) :]:
        if row.start_ms >= end_ms:
            break
        shared_ms = min(row.end_ms, end_ms) - max(row.start_ms, start_ms)
        if 2 * shared_ms > min(row.end_ms - row.start_ms, end_ms - start_ms):
            codes |= dict.fromkeys(row.codes)
    return Reading(
        text=text_with_gaps(words, transcript.stretches),
        speaker="several speakers" if len(labels - {None}) > 1 else name.display,
        speaker_status=name.status,
        person=name.person,
        codes=tuple(codes),
    )


def without_hidden(changes: Iterable[Change], stretches: Iterable[Stretch]) -> list[Change]:
    """Changes without a word of what is hidden, nor of what another transcription may have put there. Of what is shown
    again nothing is told: nobody knows how it read before."""
    hidden = [s for s in stretches if s.kind in HIDING.values()]
    return [silent for change in changes if (silent := _silent(change, hidden))]


def _silent(change: Change, hidden: Sequence[Stretch]) -> Change | None:
    near = [s for s in hidden if s.start_ms - REACH_MS < change.end_ms and change.start_ms < s.end_ms + REACH_MS]
    if not near:
        return None if change.hidden else change
    return msgspec.structs.replace(change, old=None, new=None, hidden=near[0].kind)
