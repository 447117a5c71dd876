"""The history of a meeting's quotes: `changes.jsonl`, which the index stage adds to, and what of it was cited.

`cited.jsonl`, beside a meeting's recording, has a line for each address that somebody cited. Neither holds a word of
what is hidden, nor the name of somebody who is not shown by name.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from pipeline import journal, places, receipts
from pipeline.context import Context
from pipeline.events import now
from pipeline.meetings import Layout
from search import changes
from search.changes import Change, Elsewhere, Reading
from search.quotes import Address, Quote, parse_address
from transcribe import privacy
from transcribe.problem import Problem, reading
from transcribe.ranges import within
from transcribe.records import Record, Transcript

FILE = "changes.jsonl"
CITED = "cited.jsonl"
MOST_AFTER = 5  # corrections that a change is told to come after
log = logging.getLogger("onrecord")


class Citation(Record):
    """That somebody cited an address, with its check, at a time in UTC."""

    at: str
    address: str


class Changed(Record, omit_defaults=False):
    """A change of a meeting's quote; `cited` are the addresses in its place that were cited before it changed."""

    address: str
    cited: tuple[str, ...]
    kinds: tuple[changes.Kind, ...]
    change: Change


def kept(context: Context, rows: Sequence[Quote], transcript: Transcript) -> bytes:
    """The lines of `changes.jsonl` once these are the meeting's quotes: those before, and how the quotes that are in
    place read otherwise. Where those before cannot be read they end here: what is hidden has to go all the same."""
    receipt = receipts.read(context.made, "index")
    since = receipt.finished if receipt else ""
    people = [c for c in context.corrections() if c.at >= since and c.kind != "listen"]  # maybe in that millisecond
    shown = cache(lambda speaker, person: privacy.shown_as(speaker, person, context.meeting.people))
    elsewhere = [Elsewhere(id=c.id, by=c.by, start_ms=c.start_ms, end_ms=c.end_ms) for c in people[-MOST_AFTER:]]
    try:
        read_before = _read(context.made / FILE)
    except Problem as e:
        log.warning("%s: what changed before is lost: %s", context.made / FILE, e.what)
        read_before = []
    before = [c for c in (_as_shown(c, shown) for c in read_before) if c.kinds]
    known = {(c.start_ms, c.end_ms): (c.old, c.new) for c in before}
    quotes = [(a, b, _reading(old, shown)) for a, b, old in changes.earlier(context.made / "quotes.parquet")]
    for change in changes.changes(quotes, rows, transcript, at=now()):
        start_ms, end_ms = change.start_ms, change.end_ms
        if known.get((start_ms, end_ms)) != (change.old, change.new):  # else somebody was killed who had kept it
            here = [c for c in people if within(c.stretches or [(c.start_ms, c.end_ms)], [(start_ms, end_ms)])]
            by, after = dict.fromkeys(c.by for c in here), () if here else elsewhere
            before.append(msgspec.structs.replace(change, by=tuple(by), after=tuple(after)))
    return b"".join(msgspec.json.encode(c) + b"\n" for c in changes.without_hidden(before, transcript.stretches))


Shown = Callable[[str, str | None], tuple[str, str | None]]


def _as_shown(change: Change, shown: Shown) -> Change:
    """A change in which nobody is named who is not shown by name any more."""
    return msgspec.structs.replace(
        change, old=change.old and _reading(change.old, shown), new=change.new and _reading(change.new, shown)
    )


def _reading(reading: Reading, shown: Shown) -> Reading:
    speaker, person = shown(reading.speaker, reading.person)
    return msgspec.structs.replace(reading, speaker=speaker, person=person)


def _read(path: Path) -> list[Change]:
    """The changes in a file, without lines that hold none. Raises Problem where it is there and cannot be read."""
    found = []
    for line in _lines(path):
        with contextlib.suppress(msgspec.MsgspecError):
            found.append(msgspec.json.decode(line, type=Change))
    return found


def _lines(path: Path) -> list[bytes]:
    if not os.path.lexists(path):
        return []
    with reading(path):
        return path.read_bytes().splitlines()


def since(layout: Layout, meetings: Sequence[tuple[Path, str]], day: date) -> list[Changed]:
    """What changed on that day (UTC) or later, in meetings given as folder and id: first what was cited, then by
    meeting and time. What changed again counts once, and not at all where it reads as it did."""
    found = []
    for folder, id in meetings:
        cited = list(citations(folder))
        later = [c for c in _read(layout.made(id) / FILE) if c.at[:10] >= day.isoformat()]
        for change in _as_one(later, [at for at, _ in cited]):
            place = Address(meeting=id, start_ms=change.start_ms, end_ms=change.end_ms)
            quoted = [a for at, a in cited if at < change.at and _overlap(a, place)]
            texts = tuple(dict.fromkeys(map(str, quoted)))
            found.append(Changed(address=str(place), cited=texts, kinds=change.kinds, change=change))
    return sorted(found, key=lambda c: not c.cited)


def _as_one(made: Sequence[Change], cited_at: Sequence[str]) -> list[Change]:
    """Changes of one place that follow each other as one, none where it reads again as it did; but apart where somebody
    cited the meeting in between, who saw what was there, and apart from when it was hidden."""
    kept: list[Change] = []
    last: dict[tuple[int, int], int] = {}
    for change in made:
        place = change.start_ms, change.end_ms
        before = kept[last[place]] if place in last else None
        seen = before and any(before.at <= at < change.at for at in cited_at)
        if before is None or before.hidden != change.hidden or (seen and not change.hidden):
            last[place] = len(kept)
            kept.append(change)
        else:
            by = tuple(dict.fromkeys((*before.by, *change.by)))
            after = () if by else tuple(dict.fromkeys((*before.after, *change.after)))[-MOST_AFTER:]
            kept[last[place]] = msgspec.structs.replace(change, old=before.old, by=by, after=after)
    return [c for c in kept if c.hidden or c.kinds]


def of_place(layout: Layout, place: Address) -> list[Change]:
    """What changed of quotes that lie in a place, in order."""
    spans = (
        (c, Address(meeting=place.meeting, start_ms=c.start_ms, end_ms=c.end_ms))
        for c in _read(layout.made(place.meeting) / FILE)
    )
    return [change for change, span in spans if _overlap(span, place)]


def _overlap(a: Address, b: Address) -> bool:
    return a.start_ms < b.end_ms and b.start_ms < a.end_ms


# -- citations ------------------------------------------------------------------------------------


def note_cited(layout: Layout, address: str) -> None:
    """Remember that somebody cites an address, once. Where that cannot be kept, nobody is stopped for it, but told."""
    place = parse_address(address)
    try:
        folder = places.folder_of(layout, place.meeting)
        if folder is None or any(known == place for _, known in citations(folder)):
            return
        journal.add(folder / CITED, Citation(at=now(), address=str(place)))
    except (OSError, Problem) as e:
        why = e.what if isinstance(e, Problem) else e.strerror
        log.warning("%s: it cannot be remembered that this was cited: %s", place, why)


def citations(folder: Path) -> Iterator[tuple[str, Address]]:
    """When an address was first cited, and which, of a meeting's folder of raw files; a line that is none is passed
    over. Raises Problem where they are there and cannot be read."""
    for line in _lines(folder / CITED):
        with contextlib.suppress(msgspec.MsgspecError, Problem):
            citation = msgspec.json.decode(line, type=Citation)
            yield citation.at, parse_address(citation.address)
