"""Checking a quotation: where in all meetings it was said, word by word, and by whom.

Candidates come from the index; then the words of the quotation are laid over the words of the meeting. A verdict claims
no more than is known: what matches, matches a machine's transcript, unless a person has listened to those words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from pathlib import Path
from typing import Any as Untyped
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import tantivy
from numpy.typing import NDArray
from rapidfuzz.distance import Indel

from search import index
from search.articles import BREAK, GAP, Passage
from search.cite import around
from search.fold import words
from search.quotes import Address, Quote
from transcribe import privacy
from transcribe.problem import Problem
from transcribe.records import Record, Transcript, text_of
from transcribe.spoken import TITLES, plain

MOST_WORDS = 2_000  # of a quotation
N_CANDIDATES = 60  # statements that are looked at, of each way of looking
N_PLACES = 1_000  # places with the same words that are counted
N_OTHERS = 10  # of them, that are listed
RAREST = 24  # words of a quotation that are looked for by themselves
RUN = 4  # words that are looked for in a row
N_RUNS = 200  # of them
ACROSS = 12  # words of a quotation that may have no more than three in a row in any statement
N_CLOSEST = 6  # statements over whose meetings the quotation is laid
NEAREST = 0.6  # of how near the nearest is, and no less
SKIPPED = 0.004  # what a word costs that an ellipsis stands for, so that the nearest place is taken
INSERTED = 12  # words that square brackets may stand for
AROUND = 80  # words beside a statement in which a quotation with an ellipsis is looked for
SURE, LIKELY = 0.75, 0.4  # weights of the words that stand in both, of all: "differs", and "possibly reworded"
FEWEST = 4  # words of which a quotation that doesn't match has to have, for anything to be said of it

Kind = Literal["matches", "listened", "other speaker", "other meeting", "differs", "reworded", "not found", "unclear"]
Same = Literal["same", "other", "unknown", ""]


class Difference(Record):
    """A run of words as quoted and as transcribed: `same`, `changed`, `added` (only quoted), `left out` (only said)
    and `omitted` (only said, where the quotation has an ellipsis or brackets)."""

    kind: Literal["same", "changed", "added", "left out", "omitted"]
    quoted: str
    said: str


class Place(Record):
    """Another place that has the words."""

    address: str
    speaker: str
    text: str


class Finding(Record):
    """What became of a quotation.

    `wording`, `speaker` and `meeting` say whether these are as quoted; "" where that was not asked, `speaker` "unknown"
    where nobody knows who speaks there. `quote` is what was said, with its address. `n_places` counts statements that
    hold all words as quoted; `others` are some of them. `similarity` is the share of the quotation that stands there,
    each word weighed by how rare it is.
    """

    quoted: str
    verdict: str
    kind: Kind
    said_by: str = ""
    paragraph: int | None = None
    wording: Same = ""
    speaker: Same = ""
    meeting: Same = ""
    similarity: float | None = None
    quote: Quote | None = None
    differences: tuple[Difference, ...] = ()
    n_places: int = 0
    others: tuple[Place, ...] = ()
    notes: tuple[str, ...] = ()


class Covered(NamedTuple):
    """How much of the meetings there is words of."""

    transcribed_ms: int
    duration_ms: int


@dataclass(frozen=True)
class Spoken:
    """A meeting's words as they are looked through: folded, with the word of the transcript that each is of."""

    transcript: Transcript
    rows: tuple[Quote, ...]

    @cached_property
    def tokens(self) -> list[str]:
        return [token for token, _ in self._folded]

    @cached_property
    def word_of(self) -> list[int]:
        return [i for _, i in self._folded]

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {token: n for n, token in enumerate(dict.fromkeys(self.tokens))}

    @cached_property
    def ids(self) -> NDArray[np.int32]:
        return np.array([self.numbers[token] for token in self.tokens], np.int32)

    @cached_property
    def middles(self) -> NDArray[np.int64]:
        """Twice the midpoint of the word of each token, ms."""
        said = self.transcript.words
        return np.array([(said[i].start_ms or 0) + (said[i].end_ms or 0) for i in self.word_of], np.int64)

    @cached_property
    def _folded(self) -> list[tuple[str, int]]:
        return [
            (token, i)
            for i, word in enumerate(self.transcript.words)
            if word.start_ms is not None
            for token in words(word.text)
        ]


Source = Callable[[str], Spoken | None]  # a meeting's words by its id; None where they can't be had


# -- the quotation --------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A word of a quotation; or, without one, a place where others may stand, `most` of them."""

    token: str
    text: str
    most: int = 0
    unmarked: bool = False  # a reader doesn't see that words may be missing here


_MARKS = re.compile(rf"({BREAK}|{GAP}|\[[^\[\]]{{0,400}}\])")
_IN_WORD = re.compile(r"\[([A-Za-z]{1,3})\](?=[a-z])|(?<=[A-Za-z])\[([a-z]{1,4})\]")


def _parts(text: str) -> list[_Part]:
    """A quotation as words and gaps. Brackets inside a word, as in "[W]e", are only that; others are the writer's own
    words, in the place of some that were said."""
    parts: list[_Part] = []
    for piece in _MARKS.split(_IN_WORD.sub(lambda m: m[1] or m[2], text)):
        if piece in (BREAK, GAP):
            parts.append(_Part("", "…" if piece == GAP else "", AROUND, piece == BREAK))
        elif piece.startswith("[") and piece.endswith("]"):
            gap = not any(c.isalnum() for c in piece)
            parts.append(_Part("", "…" if gap else piece, AROUND if gap else INSERTED))
        else:
            for word in piece.split():
                parts.extend(_Part(token, word if not n else "") for n, token in enumerate(words(word)))
    while parts and not parts[-1].token:
        parts.pop()
    while parts and not parts[0].token:
        parts.pop(0)
    return parts


# -- finding --------------------------------------------------------------------------------------


def find(
    folder: Path,
    quotation: str | Passage,
    source: Source,
    covered: Callable[[], Covered],
    *,
    speaker: str = "",
    meeting: str = "",
) -> Finding:
    """Where the words of a quotation were said, in the index at `folder`, or that they were not found.

    `speaker` is who is said to have said it, as people write names (for a Passage, whom the article gives it to);
    `meeting` the id of the meeting in which. Raises Problem where nothing has been indexed, or the index is stale;
    never for what a quotation holds.
    """
    if not index.check(folder):
        raise Problem("nothing has been indexed yet", where=folder, fix="make the index with `onrecord run`")
    passage = quotation if isinstance(quotation, Passage) else None
    quoted = passage.shown if passage else " ".join(str(quotation).split())
    speaker = speaker or (passage.said_by if passage else "")
    parts = _parts(passage.text if passage else _with_gaps(quoted))
    notes = ["the quotation mark is never closed"] if passage and not passage.closed else []

    def told(kind: Kind, verdict: str, **more: Untyped) -> Finding:
        paragraph = passage.paragraph if passage else None
        more.setdefault("notes", tuple(notes))
        return Finding(quoted=quoted, verdict=verdict, kind=kind, said_by=speaker, paragraph=paragraph, **more)

    tokens = [part.token for part in parts if part.token]
    if not tokens:
        return told("unclear", "nothing to look for")
    if len(tokens) > MOST_WORDS:
        return told("unclear", f"longer than {MOST_WORDS:,} words: check it in parts")
    looking = _Index(folder)
    weights = looking.weights(tokens)
    rows = _rows(parts)
    whole = looking.whole(tokens) if len(rows) == 1 else []
    chosen = [max(whole, key=lambda row: _agrees(row, speaker, meeting))] if whole else []
    matches = _laid_over(looking.near(rows, weights) if not whole else chosen, parts, weights, source)
    if meeting and not any(row.meeting == meeting for row in chosen):
        matches = _in_order([*matches, *_laid_over(looking.near(rows, weights, meeting), parts, weights, source)])
    if not any(m.exact for m in matches):
        matches = _in_order([*matches, *_laid_over(looking.across(rows), parts, weights, source)])
    best = _preferred(matches, speaker, meeting)
    if best is None or (not best.exact and (len(tokens) < FEWEST or best.similarity < LIKELY)):
        return told("not found", _not_found(covered()))
    if not best.exact and _is_rivalled(best, matches):
        notes.append("several places are as near to these words")
    quote = best.quote()
    more: dict[str, Untyped] = {
        "wording": "same" if best.exact else "other",
        "speaker": _same_speaker(speaker, quote) if speaker else "",
        "meeting": ("same" if best.meeting == meeting else "other") if meeting else "",
        "similarity": round(best.similarity, 3),
        "quote": quote,
        "differences": best.differences(),
        "n_places": looking.n_whole(tokens) if whole else int(best.exact),
        "others": tuple(_place(row) for row in whole if row not in chosen)[:N_OTHERS],
    }
    if more["n_places"] > 1:
        notes.append(f"these words are said in {more['n_places']:,} places")
    if more["speaker"] == "unknown":
        notes.append("the transcript does not say who speaks there")
    if best.exact and any(d.kind == "omitted" for d in more["differences"]):
        notes.append("words are left out where the quotation has a gap or brackets")
    if best.broken:
        notes.append("words are left out, unmarked, where the quotation is broken off and goes on")
    kind, verdict = _verdict(best, more, quote.listened_by)
    return told(kind, verdict, notes=tuple(notes), **more)


def _with_gaps(text: str) -> str:
    return re.sub(r"…|\.\s?\.\s?\.(?:\s?\.)?", GAP, text.replace(GAP, " ").replace(BREAK, " "))


def _verdict(best: "_Match", more: dict[str, Untyped], listened_by: str) -> tuple[Kind, str]:
    if not best.exact:
        return ("differs", "differs") if best.similarity >= SURE else ("reworded", "possibly reworded")
    if more["meeting"] == "other":
        return "other meeting", "matches, other meeting"
    if more["speaker"] == "other":
        return "other speaker", "matches, other speaker"
    if listened_by:
        return "listened", f"matches, listened to by {listened_by}"
    return "matches", "matches the machine transcript"


def _not_found(covered: Covered) -> str:
    return f"not found in the {_hours(covered.transcribed_ms)} transcribed of {_hours(covered.duration_ms)}"


def _hours(ms: int) -> str:
    """Whole minutes, rounded down.

    >>> _hours(3_725_000)
    '1:02'
    """
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}"


def _agrees(quote: Quote, speaker: str, meeting: str) -> tuple[bool, int]:
    """How well a place agrees with the meeting and the speaker that were named; more is better."""
    same = _same_speaker(speaker, quote) if speaker else ""
    return bool(meeting) and quote.meeting == meeting, ("other", "", "unknown", "same").index(same)


def _preferred(matches: Sequence["_Match"], speaker: str, meeting: str) -> "_Match | None":
    """The best; among those as good, the one in the meeting and by the speaker that were named."""
    if not matches:
        return None
    equal = [m for m in matches if m.exact == matches[0].exact and m.similarity >= matches[0].similarity - 0.02]
    return max(equal, key=lambda m: _agrees(m.quote(), speaker, meeting))


def _is_rivalled(best: "_Match", matches: Sequence["_Match"]) -> bool:
    return any(
        m.similarity >= best.similarity - 0.05
        for m in matches
        if m is not best and (m.meeting != best.meeting or abs(m.first - best.first) > len(best.parts))
    )


def _place(quote: Quote) -> Place:
    return Place(address=quote.address, speaker=quote.speaker, text=quote.text)


# -- whose words ----------------------------------------------------------------------------------


def _same_speaker(named: str, quote: Quote) -> Same:
    """Whether the speaker is called so. Titles don't count; a surname has to agree, and a first name where both have
    one. "the chair" is a role, and so is whatever else holds no name."""
    if quote.speaker_status == "unknown" or quote.speaker.startswith(privacy.SHOWN):  # whose name is kept back
        return "unknown"
    asked, known = _names(named), _names(quote.speaker)
    roles = {plain(word) for word in f"{quote.role} {quote.speaker}".split()}
    if plain(named) == plain(quote.person or "") or (asked and set(asked) <= set(known)):
        return "same"
    wanted = {re.sub(r"(?<=chair)(wo)?man$", "", n) for n in map(plain, named.split()) if n and n != "the"}
    if not asked or (named.islower() and wanted <= roles):
        return "same" if wanted and wanted <= roles else "other"
    if not known or not _alike(asked[-1], known[-1]):
        return "other"
    if len(asked) == 1 or len(known) == 1 or _alike(asked[0], known[0]):
        return "same"
    initial = min(len(asked[0]), len(known[0])) == 1 and asked[0][0] == known[0][0]
    return "same" if initial else "other"


def _names(text: str) -> list[str]:
    """The parts of a name, without titles."""
    return [n for n in map(plain, re.split(r"[\s.]+", text)) if n and n not in TITLES and n not in _NOT_NAMES]


_NOT_NAMES = frozenset(
    {"the", "supt", "insp", "det", "chief", "assistant", "deputy", "chair", "chairman", "chairwoman"}
)


def _alike(a: str, b: str) -> bool:
    """One name, or one with a slip in it."""
    return a == b or (min(len(a), len(b)) >= 5 and Indel.normalized_similarity(a, b) >= 0.85)


# -- candidates -----------------------------------------------------------------------------------


class _Index:
    """The index as it was last committed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        last = index.last_committed(folder)
        self._searcher, self._schema = last.searcher(), last.schema

    def weights(self, tokens: Sequence[str]) -> dict[str, float]:
        """How much each word tells: more where fewer statements have it."""
        n = self._searcher.num_docs + 1
        return {t: log(1 + n / (1 + self._searcher.doc_freq("exact", t))) for t in set(tokens)}

    def n_whole(self, tokens: Sequence[str]) -> int:
        """Statements in which all of these words stand in a row."""
        return int(self._searcher.search(self._row(tokens), limit=1).count)

    def _row(self, tokens: Sequence[str]) -> Untyped:
        if len(tokens) == 1:
            return tantivy.Query.term_query(self._schema, "exact", tokens[0])
        return tantivy.Query.phrase_query(self._schema, "exact", list(tokens))

    def whole(self, tokens: Sequence[str]) -> list[Quote]:
        """Statements in which all of these words stand in a row, at most N_PLACES."""
        return list(self._found(self._row(tokens), N_PLACES))

    def near(self, rows: Sequence[Sequence[str]], weights: dict[str, float], meeting: str = "") -> list[Quote]:
        """Statements that have most of the words, those with some in a row among them; the nearest first."""
        rarest = sorted((t for t in weights if self._searcher.doc_freq("exact", t)), key=lambda t: -weights[t])
        runs = [row[i : i + RUN] for row in rows for i in range(0, max(1, len(row) - RUN + 1), 2)][:N_RUNS]
        asked = [*(self._row(row) for row in rows), *(self._row(run) for run in runs)]
        found: dict[str, Quote] = {}
        for parts in (asked, [self._row([t]) for t in rarest[:RAREST]]):
            for quote in self._found(self._any(parts, meeting), N_CANDIDATES):
                found.setdefault(quote.address, quote)

        def nearness(quote: Quote) -> float:
            there = words(quote.text)
            told = " ".join(there)
            in_row = sum(f" {' '.join(run)} " in f" {told} " for run in runs)
            return sum(weights.get(t, 0.0) for t in set(there)) + in_row * 5.0

        ranked = sorted(((nearness(quote), quote) for quote in found.values()), key=lambda pair: -pair[0])
        least = max(ranked[0][0] * NEAREST, sum(weights.values()) * LIKELY / 2) if ranked else 0.0
        return [quote for near, quote in ranked[:N_CLOSEST] if near >= least]

    def across(self, rows: Sequence[Sequence[str]]) -> Iterator[Quote]:
        """Statements beside whose border words in a row may stand that begin in one and go on in the next."""
        sides: list[tuple[int, Sequence[str], bool]] = []  # how many have the words, and whether at their end
        for row in (row for row in rows if len(row) <= ACROSS):
            for at in range(1, len(row)):
                both = [(self.n_whole(side), side, ends) for side, ends in ((row[:at], True), (row[at:], False))]
                if all(n for n, _, _ in both):
                    sides.append(min(both, key=lambda side: side[0]))
        seen: set[str] = set()
        for _, side, ends in sorted(sides, key=lambda side: side[0]):
            for quote in self._found(self._row(side), N_PLACES):
                there = words(quote.text)
                edge = there[-len(side) :] if ends else there[: len(side)]
                if edge == list(side) and quote.address not in seen:
                    seen.add(quote.address)
                    yield quote

    def _any(self, parts: Sequence[Untyped], meeting: str = "") -> Untyped:
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])
        if not meeting:
            return query
        there = tantivy.Query.term_query(self._schema, "id", meeting)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, there)])

    def _found(self, query: Untyped, limit: int) -> Iterator[Quote]:
        try:
            for _, at in self._searcher.search(query, limit=limit, count=False).hits:
                yield msgspec.json.decode(self._searcher.doc(at).get_first("quote"), type=Quote)
        except (ValueError, TypeError) as e:
            raise index.stale(self._folder, "the index is damaged") from e


# -- laying over ----------------------------------------------------------------------------------


class _Step(NamedTuple):
    """How one part of the quotation and one word said go together; None where there is none of it."""

    part: int | None
    token: int | None


class _Match:
    """A quotation laid over a stretch of a meeting."""

    def __init__(
        self, meeting: str, spoken: Spoken, parts: Sequence[_Part], steps: Sequence[_Step], weights: dict[str, float]
    ) -> None:
        self.meeting, self.spoken, self.parts, self.steps = meeting, spoken, parts, steps
        said = [s.token for s in steps if s.token is not None]
        self.first, self.end = said[0], said[-1] + 1
        equal = [s.part for s in steps if self._kind(s) == "same" and s.part is not None]
        whole = sum(weights[p.token] for p in parts if p.token)
        added = sum(s.part is None for s in steps)
        n = sum(bool(p.token) for p in parts)
        self.similarity = sum(weights[parts[i].token] for i in equal) / whole * n / (n + added / 2)
        breaks = [s for s in steps if s.part is not None and s.token is not None and parts[s.part].unmarked]
        self.broken = bool(breaks)
        self.exact = len(equal) == n and not added and not breaks

    def _kind(self, step: _Step) -> str:
        if step.part is not None and not self.parts[step.part].token:
            return "left out" if self.parts[step.part].unmarked and step.token is not None else "omitted"
        if step.part is None:
            return "left out"
        if step.token is None:
            return "added"
        return "same" if self.parts[step.part].token == self.spoken.tokens[step.token] else "changed"

    def quote(self) -> Quote:
        """What was said there, as a row, with its address."""
        said = self.spoken.transcript.words
        place = [said[self.spoken.word_of[i]] for i in range(self.first, self.end)]
        start_ms = min(w.start_ms or 0 for w in place)
        last_ms = max(((w.start_ms or 0) + (w.end_ms or 0)) // 2 + 1 for w in place)
        end_ms = max(last_ms, place[-1].end_ms or 0)
        middles = self.spoken.middles // 2
        inside = [int(m) for m in middles[self.first : self.end]]
        before, behind = middles[: self.first], middles[self.end :]
        if len(before) and inside[0] > int(before[-1]):  # words may overlap: a place holds those whose middle is in it
            start_ms = max(start_ms, int(before[-1]) + 1)
        if len(behind) and inside[-1] < int(behind[0]):
            end_ms = min(end_ms, int(behind[0]))
        address = Address(meeting=self.meeting, start_ms=min(start_ms, inside[0]), end_ms=max(end_ms, last_ms))
        return around(address, self.spoken.rows, self.spoken.transcript, 0).quote

    def differences(self) -> tuple[Difference, ...]:
        """The quotation and what was said, run by run."""
        runs: list[tuple[str, list[int], list[int]]] = []
        for step in self.steps:
            kind = self._kind(step)
            if not runs or runs[-1][0] != kind:
                runs.append((kind, [], []))
            if step.part is not None and step.part not in runs[-1][1]:
                runs[-1][1].append(step.part)
            if step.token is not None:
                runs[-1][2].append(step.token)
        said = self.spoken.transcript.words
        made = (
            Difference(
                kind=kind,  # type: ignore[arg-type]
                quoted=" ".join(self.parts[i].text for i in parts if self.parts[i].text),
                said=text_of(said[i] for i in dict.fromkeys(self.spoken.word_of[t] for t in tokens)),
            )
            for kind, parts, tokens in runs
        )
        return tuple(d for d in made if d.quoted or d.said)


def _laid_over(
    quotes: Iterable[Quote], parts: Sequence[_Part], weights: dict[str, float], source: Source
) -> list[_Match]:
    """The quotation laid over the words at and beside each of these statements, the best first."""
    reach = len(parts) + (AROUND if any(not part.token for part in parts) else 5)
    found: dict[tuple[str, int, int], _Match] = {}
    looked: dict[str, list[tuple[int, int]]] = {}
    for quote in quotes:
        spoken = source(quote.meeting)
        if spoken is None or not spoken.tokens:
            continue
        a, b = (int(np.searchsorted(spoken.middles, 2 * ms)) for ms in (quote.start_ms, quote.end_ms))
        window = max(0, a - reach), min(len(spoken.tokens), b + reach)
        if any(w[0] <= window[0] and window[1] <= w[1] for w in looked.get(quote.meeting, ())):
            continue
        looked.setdefault(quote.meeting, []).append(window)
        if steps := _laid(parts, spoken, *window):
            match = _Match(quote.meeting, spoken, parts, steps, weights)
            found.setdefault((quote.meeting, match.first, match.end), match)
            if match.exact:
                break
    return _in_order(found.values())


def _in_order(matches: "Iterable[_Match]") -> "list[_Match]":
    return sorted(matches, key=lambda m: (not m.exact, -m.similarity))


def _rows(parts: Sequence[_Part]) -> list[list[str]]:
    """The words that stand in a row, without gaps between."""
    rows: list[list[str]] = [[]]
    for part in parts:
        if part.token:
            rows[-1].append(part.token)
        elif rows[-1]:
            rows.append([])
    return [row for row in rows if row]


def _laid(parts: Sequence[_Part], spoken: Spoken, start: int, end: int) -> list[_Step]:
    """The cheapest way to lay a quotation over some words of a window: a word that is another, added or left out costs
    1, what stands in a gap next to nothing. Empty where no word is the same."""
    ids = spoken.ids[start:end]
    n, m = len(parts), len(ids)
    grid = np.arange(m + 1, dtype=np.float32)
    cost = np.zeros((n + 1, m + 1), np.float32)  # it may begin anywhere
    for i, part in enumerate(parts, 1):
        before = cost[i - 1]
        if not part.token:
            slid = np.minimum.accumulate(before - SKIPPED * grid) + SKIPPED * grid
            cost[i] = slid
            continue
        differs = (ids != spoken.numbers.get(part.token, -1)).astype(np.float32)
        step = before + 1
        step[1:] = np.minimum(step[1:], before[:-1] + differs)
        cost[i] = np.minimum.accumulate(step - grid) + grid
    steps: list[_Step] = []
    i, j = n, int(np.argmin(cost[n]))
    while j < m and cost[n, j + 1] == cost[n, j]:  # a last word is another, rather than added
        j += 1
    equal = False
    while i:
        here, part = cost[i, j], parts[i - 1]
        if not part.token:
            k = j
            while k and cost[i - 1, k] + SKIPPED * (j - k) > here + 1e-3:
                k -= 1
            steps.extend(_Step(i - 1, start + t) for t in range(j - 1, k - 1, -1))
            if j == k:
                steps.append(_Step(i - 1, None))
            i, j = i - 1, k
            continue
        same = j > 0 and int(ids[j - 1]) == spoken.numbers.get(part.token, -1)
        if j and abs(cost[i - 1, j - 1] + (not same) - here) < 1e-3:
            steps.append(_Step(i - 1, start + j - 1))
            equal |= same
            i, j = i - 1, j - 1
        elif abs(cost[i - 1, j] + 1 - here) < 1e-3:
            steps.append(_Step(i - 1, None))
            i -= 1
        else:
            steps.append(_Step(None, start + j - 1))
            j -= 1
    return _without_gap_ends(steps[::-1], parts) if equal else []


def _without_gap_ends(steps: list[_Step], parts: Sequence[_Part]) -> list[_Step]:
    """Brackets may stand for a few words only: what is skipped beyond that was left out."""
    n_skipped: dict[int, int] = {}
    checked = []
    for step in steps:
        if step.part is not None and step.token is not None and not parts[step.part].token:
            n_skipped[step.part] = n_skipped.get(step.part, 0) + 1
            if n_skipped[step.part] > parts[step.part].most:
                step = _Step(None, step.token)
        checked.append(step)
    return checked
