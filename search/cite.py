"""Citing a quote: the words, who said them and how we know, where to listen, and what stands around.

`citation` gathers what there is to say of a quote, `cite` writes it in a style. See `docs/citing.md`.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, cast

from msgspec.structs import replace

from analyse import listen
from search import links, references, styles
from search.quotes import Address, Quote, check_of, resolve, speaker_name
from search.styles import NOTICE as NOTICE
from search.styles import STATUS as STATUS
from search.styles import Citation
from search.styles import timecode as timecode
from transcribe import listened
from transcribe.correct import REACH_MS
from transcribe.moments import middle
from transcribe.problem import Problem
from transcribe.records import GAP, Record, SpeakerName, Stretch, Transcript, Word, text_of, text_with_gaps

N_MOVED = 3  # words by which either end of a quotation may have moved out of its range
MOST_WORDS = 1_000  # of what is looked for so; longer is no quotation
_UNPRINTED = ("Cc", "Cs", "Co", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # which print nothing either, but are how some words are spelt

STYLES = styles.TEXTS | references.FORMATS


def citation(quote: Quote, *, accessed: date | None = None, players: Mapping[str, str] = {}) -> Citation:
    """What there is to cite of a quote, looked at on the day `accessed`. `players` as in `search.links`.

    Titles and names are put on one line; nothing that prints nothing comes along. The words stay as they are.
    """
    source = links.link(quote.source_url, quote.source_start_ms, _source_end_ms(quote), players)
    published = bool(source.url) and quote.source_start_ms is not None
    return Citation(
        words=_line(quote.text),
        speaker=_line(quote.speaker),
        status=cast(Any, quote.speaker_status if quote.speaker_status in STATUS else "unknown"),
        in_captions=quote.speaker_in_captions,
        role=_line(quote.role),
        meeting=_line(quote.title) or quote.meeting,
        body=_line(quote.body),
        held_on=quote.held_on,
        at_ms=cast(int, quote.source_start_ms) if published else quote.start_ms,
        published=published,
        address=quote.cited,
        url=source.url,
        plays=source.plays,
        accessed=accessed,
        listened=_line(quote.listened_by),
    )


def cite(citation: Citation, style: str = "plain") -> str:
    """A citation as text that stands by itself. Raises Problem for a style that is not known."""
    if style not in STYLES:
        raise Problem(f"there is no citation style {style!r}", fix=f"use one of: {', '.join(STYLES)}")
    return STYLES[style](citation)


def who(quote: Quote) -> str:
    """The speaker with role and how we know: nobody reads a name here without it."""
    return styles.who(citation(quote))


def _source_end_ms(quote: Quote) -> int | None:
    start_ms = quote.source_start_ms
    return None if start_ms is None else start_ms + quote.end_ms - quote.start_ms


def _line(text: str) -> str:
    """Text on one line, without what prints nothing or turns the direction in which it is read."""
    kinds = ((c, unicodedata.category(c)) for c in text)
    kept = (" " if kind in _UNPRINTED else "" if kind == "Cf" and c not in _JOINERS else c for c, kind in kinds)
    return " ".join("".join(kept).split())


# -- a quote and what stands around it ------------------------------------------------------------


class Said(Record):
    """What one voice said in a row."""

    address: str
    start_ms: int
    end_ms: int
    speaker: str
    speaker_status: str
    text: str


class Passage(Record):
    """A place in time as it now reads, with the turns around it.

    `changed` says whether wording or speaker differ from what was cited; None where the address carries no check.
    `moved` says that just what was cited now stands a little earlier or later: `quote` has where. `same_words` says of
    what changed that the words did not: they were cited as somebody else's, or as nobody's. `left_out` is time of the
    place of which there are no words, or not all.
    """

    quote: Quote
    before: tuple[Said, ...]
    after: tuple[Said, ...]
    changed: bool | None = None
    moved: bool = False
    same_words: bool = False
    left_out: tuple[Stretch, ...] = ()

    @property
    def what_changed(self) -> str:
        """What of a cited place is not as it was, to be told; empty where nothing is, or nobody knows."""
        if not self.changed:
            return ""
        if self.same_words:
            return "the words are the same, the speaker is another"
        return "the wording changed, or who is named for it"


def around(address: Address, rows: Sequence[Quote], transcript: Transcript, n_turns: int = 2) -> Passage:
    """What is said at an address, whole statement or not, with `n_turns` turns on either side.

    `rows` are the meeting's quotes in order. Raises Problem where nothing is said at that place.
    """
    quote = _read(address, rows, resolve(address, transcript), transcript)
    moved = None
    if address.check and (quote is None or quote.check != address.check):
        moved = next((_read(place, rows, words, transcript) for place, words in _moved(address, transcript)), None)
    found = moved or quote
    if found is None:
        raise Problem(
            f"there are no words at {address}",
            fix="search for the words, and copy their address",
        )
    return Passage(
        quote=found,
        before=_turns([row for row in rows if row.end_ms <= found.start_ms])[-n_turns:] if n_turns else (),
        after=_turns([row for row in rows if row.start_ms >= found.end_ms])[:n_turns],
        changed=found.check != address.check if address.check else None,
        moved=moved is not None,
        same_words=found.check != address.check and _other_speaker(found, address.check, transcript),
        left_out=_left_out(found.start_ms, found.end_ms, transcript),
    )


def _other_speaker(quote: Quote, check: str, transcript: Transcript) -> bool:
    """Whether these words were cited as said by another person of the meeting, or by nobody who is known."""
    others = {e.person for name in transcript.names for e in name.evidence}
    nearly = {name.runner_up[0] for name in transcript.names if name.runner_up}
    people = {name.person for name in transcript.names} | others | nearly | {None}
    return any(check_of(transcript.recording_sha256, quote.text, person) == check for person in people)


def _moved(address: Address, transcript: Transcript) -> Iterator[tuple[Address, tuple[Word, ...]]]:
    """Runs of words that are what was cited, and begin and end a few words before or after the address; the nearest
    first.

    Where a new transcript times words a little otherwise, one at either end may have left the range. A run that shares
    less than half of its time with the range is something else, though the same words be said again.
    """
    words = [w for w in transcript.words if w.start_ms is not None and w.end_ms is not None]
    inside = [i for i, w in enumerate(words) if address.start_ms <= middle(w) < address.end_ms]
    if len(inside) > MOST_WORDS:
        return
    later = next((i for i, w in enumerate(words) if middle(w) >= address.start_ms), len(words))
    first, end = (inside[0], inside[-1] + 1) if inside else (later, later)
    steps = range(-N_MOVED, N_MOVED + 1)
    for a, b in sorted(((a, b) for a in steps for b in steps), key=lambda step: abs(step[0]) + abs(step[1])):
        run = tuple(words[max(0, first + a) : max(0, end + b)])
        if not run:
            continue
        start_ms, end_ms = run[0].start_ms or 0, max(w.end_ms or 0 for w in run)
        drift_ms = max(abs(start_ms - address.start_ms), abs(end_ms - address.end_ms))
        shared_ms = min(end_ms, address.end_ms) - max(start_ms, address.start_ms)
        longest_ms = max(end_ms - start_ms, address.end_ms - address.start_ms)
        if (
            start_ms < end_ms
            and 2 * shared_ms >= longest_ms
            and drift_ms <= REACH_MS
            and check_of(transcript.recording_sha256, text_of(run), _speaker_of(run, transcript).person)
            == address.check
        ):
            yield replace(address, start_ms=start_ms, end_ms=end_ms), run


def _read(address: Address, rows: Sequence[Quote], words: Sequence[Word], transcript: Transcript) -> Quote | None:
    """The row for `words`, which stand at an address: the statement's own, or one for just these words."""
    touched = [row for row in rows if row.start_ms < address.end_ms and address.start_ms < row.end_ms]
    if not words or not touched:
        return None
    same = [row for row in touched if (row.start_ms, row.end_ms) == (address.start_ms, address.end_ms)]
    return same[0] if same else _part(address, touched, words, transcript)


def _left_out(start_ms: int, end_ms: int, transcript: Transcript) -> tuple[Stretch, ...]:
    return tuple(s for s in transcript.stretches if s.start_ms < end_ms and start_ms < s.end_ms)


def _with_gaps(words: Sequence[Word], address: Address, transcript: Transcript) -> str:
    """Words as they are printed, with a gap also where the place begins or ends with something that is not there."""
    text = text_with_gaps(words, transcript.stretches)
    gone = _left_out(address.start_ms, address.end_ms, transcript)
    first_ms, last_ms = middle(words[0]), middle(words[-1])
    before = f"{GAP} " if any(s.end_ms <= first_ms for s in gone) else ""
    after = f" {GAP}" if any(s.start_ms >= last_ms for s in gone) else ""
    return f"{before}{text}{after}"


def _part(address: Address, touched: Sequence[Quote], words: Sequence[Word], transcript: Transcript) -> Quote:
    """The row for any run of words: that of the statement it mostly lies in, with its own words and speaker.

    What a statement was coded with holds for the whole of it, so a part of several takes what any of them has.
    """
    most = max(touched, key=lambda row: min(row.end_ms, address.end_ms) - max(row.start_ms, address.start_ms))
    name = _speaker_of(words, transcript)
    text = _with_gaps(words, address, transcript)
    return replace(
        most,
        address=str(replace(address, check="")),
        check=check_of(transcript.recording_sha256, text, name.person),
        start_ms=address.start_ms,
        end_ms=address.end_ms,
        text=text,
        speaker_label=name.label or None,
        speaker=name.display,
        speaker_status=name.status,
        speaker_in_captions=name.in_captions,
        person=name.person,
        role=name.role,
        party=name.party,
        topic=any(row.topic for row in touched),
        codes=tuple(dict.fromkeys(code for row in touched for code in row.codes)),
        listen_first=listen.of_words(words, transcript, name),
        listened_by=listened.who(words, transcript.listened),
        source_start_ms=_shifted(most.source_start_ms, address.start_ms - most.start_ms),
    )


def _shifted(source_ms: int | None, by_ms: int) -> int | None:
    """A moment of the published recording, or None where that begins only later."""
    return None if source_ms is None or source_ms + by_ms < 0 else source_ms + by_ms


def _speaker_of(words: Sequence[Word], transcript: Transcript) -> SpeakerName:
    """Who says these words: nobody is given the words of two. A person may have several voices."""
    names = {w.speaker: speaker_name(w.speaker, transcript.names) for w in words}
    people = {name.person for name in names.values()}
    first, *others = names.values()
    if not others:
        return first
    if len(people) == 1 and None not in people:
        least = min(names.values(), key=lambda name: (name.status == "confirmed", name.probability or 0.0))
        return replace(least, label="")
    return SpeakerName(
        label="", display="several speakers" if len(names.keys() - {None}) > 1 else speaker_name(None, ()).display
    )


def _turns(rows: Sequence[Quote]) -> tuple[Said, ...]:
    said = []
    for _, group in groupby(rows, key=lambda row: row.speaker_label):
        run = list(group)
        first, last = run[0], run[-1]
        said.append(
            Said(
                address=str(Address(meeting=first.meeting, start_ms=first.start_ms, end_ms=last.end_ms)),
                start_ms=first.start_ms,
                end_ms=last.end_ms,
                speaker=first.speaker,
                speaker_status=first.speaker_status,
                text=" ".join(row.text for row in run),
            )
        )
    return tuple(said)
