"""Quotations laid over the words of a meeting, word by word: where the least of them differs."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby, zip_longest
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.articles import BREAK, GAP
from search.cite import around
from search.fold import heard
from search.quotes import Address, Quote
from transcribe.records import Record, Transcript, text_of

SKIPPED = 0.004  # what a word costs that an ellipsis stands for, so that the nearest place is taken
INSERTED = 12  # words that square brackets may stand for
AROUND = 80  # words beside a statement in which a quotation with an ellipsis is looked for


class Difference(Record):
    """A run of words as quoted and as transcribed: `same`, `changed`, `added` (only quoted), `left out` (only said)
    and `omitted` (only said, where the quotation has an ellipsis or brackets)."""

    kind: Literal["same", "changed", "added", "left out", "omitted"]
    quoted: str
    said: str


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
            for token in heard(word.text)
        ]


Source = Callable[[str], Spoken | None]  # a meeting's words by its id; None where they can't be had


# -- the quotation --------------------------------------------------------------------------------


class Part(NamedTuple):
    """A word of a quotation (of those that are written as one, the first has the `text`); or, without one, a place
    where others may stand, `most` of them."""

    token: str
    text: str
    most: int = 0
    unmarked: bool = False  # a reader doesn't see that words may be missing here


_MARKS = re.compile(rf"({BREAK}|{GAP}|\[[^\[\]]{{0,400}}\])")
_IN_WORD = re.compile(r"\[([A-Za-z]{1,3})\](?=[a-z])|(?<=[A-Za-z])\[([a-z]{1,4})\]")


def read_parts(text: str) -> list[Part]:
    """A quotation as words and gaps. Brackets inside a word, as in "[W]e", are only that; others are the writer's own
    words, in the place of some that were said."""
    parts: list[Part] = []
    for piece in _MARKS.split(_IN_WORD.sub(lambda m: m[1] or m[2], text)):
        if piece in (BREAK, GAP):
            parts.append(Part("", "…" if piece == GAP else "", AROUND, piece == BREAK))
        elif piece.startswith("[") and piece.endswith("]"):
            gap = not any(c.isalnum() for c in piece)
            parts.append(Part("", "…" if gap else piece, AROUND if gap else INSERTED))
        else:
            for word in piece.split():
                parts.extend(Part(token, word if not n else "") for n, token in enumerate(heard(word)))
    while parts and not parts[-1].token:
        parts.pop()
    while parts and not parts[0].token:
        parts.pop(0)
    return parts


def in_rows(parts: Sequence[Part]) -> list[list[str]]:
    """The words that stand in a row, without gaps between."""
    rows: list[list[str]] = [[]]
    for part in parts:
        if part.token:
            rows[-1].append(part.token)
        elif rows[-1]:
            rows.append([])
    return [row for row in rows if row]


# -- laying over ----------------------------------------------------------------------------------


class _Step(NamedTuple):
    """How one part of the quotation and one word said go together; None where there is none of it."""

    part: int | None
    token: int | None


class Match:
    """A quotation laid over a stretch of a meeting."""

    def __init__(
        self, meeting: str, spoken: Spoken, parts: Sequence[Part], steps: Sequence[_Step], weights: dict[str, float]
    ) -> None:
        self.meeting, self.spoken, self.parts, self.steps = meeting, spoken, parts, steps
        here = self._as_heard([self._kind(s) for s in steps])
        self.steps, self._kinds = [s for s, _ in here], [kind for _, kind in here]
        said = [s.token for s in self.steps if s.token is not None]
        self.first, self.end = said[0], said[-1] + 1
        equal = [s.part for s, kind in here if kind == "same" and s.part is not None]
        whole = sum(weights[p.token] for p in parts if p.token)
        added = sum(s.part is None for s, kind in here if kind != "same")
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

    def _as_heard(self, kinds: Sequence[str]) -> list[tuple[_Step, str]]:
        """Steps with their kinds, where words that only are parted otherwise are the same: nobody hears whether it is a
        watch list or a watchlist. At either end what was said there is only what is quoted."""
        heard: list[tuple[_Step, str]] = []
        numbered = list(enumerate(zip(self.steps, kinds, strict=True)))
        for differs, group in groupby(numbered, key=lambda each: each[1][1] in ("changed", "added", "left out")):
            run = list(group)
            here = [step for _, (step, _) in run]
            parts = [s.part for s in here if s.part is not None]
            tokens = [s.token for s in here if s.token is not None]
            quoted = "".join(self.parts[i].token for i in parts)
            firsts = range(len(tokens)) if run[0][0] == 0 else [0]
            ends = range(1, len(tokens) + 1) if run[-1][0] == len(self.steps) - 1 else [len(tokens)]
            said = (tokens[i:j] for i in firsts for j in ends)
            same = differs and next((t for t in said if "".join(self.spoken.tokens[n] for n in t) == quoted), None)
            if same:
                heard += [(_Step(*pair), "same") for pair in zip_longest(parts, same)]
            else:
                heard += [each for _, each in run]
        return heard

    def _words(self) -> list[tuple[int | None, int | None]]:
        """For each step, the numbers of the word quoted and of the word said that it is of."""
        starts = accumulate(bool(p.text) or not p.token for p in self.parts)
        quoted = dict(enumerate(starts))
        return [
            (quoted.get(-1 if s.part is None else s.part), None if s.token is None else self.spoken.word_of[s.token])
            for s in self.steps
        ]

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
        kinds = _of_whole_words(self._kinds, self._words())
        for step, kind in zip(self.steps, kinds, strict=True):
            kind = kind if kind in ("same", "omitted") else "changed"  # words beside each other that differ are one run
            if not runs or runs[-1][0] != kind:
                runs.append((kind, [], []))
            if step.part is not None and step.part not in runs[-1][1]:
                runs[-1][1].append(step.part)
            if step.token is not None:
                runs[-1][2].append(step.token)
        words = self.spoken.transcript.words
        made = []
        for kind, parts, tokens in runs:
            quoted = " ".join(self.parts[i].text for i in parts if self.parts[i].text)
            said = text_of(words[i] for i in dict.fromkeys(self.spoken.word_of[t] for t in tokens))
            if kind == "changed" and not (quoted and said):
                kind = "added" if quoted else "left out"
            if quoted or said:
                made.append(Difference(kind=kind, quoted=quoted, said=said))  # type: ignore[arg-type]
        return tuple(made)


def _of_whole_words(kinds: Sequence[str], of: Sequence[tuple[int | None, int | None]]) -> list[str]:
    """Kinds of steps, where a word that is only in part the same is another: 25 is not 26, though both are twenty."""
    whole = list(kinds)
    for side in (0, 1):
        steps: dict[int, list[int]] = {}
        for i, words in enumerate(of):
            if (word := words[side]) is not None:
                steps.setdefault(word, []).append(i)
        for group in steps.values():
            found = {whole[i] for i in group}
            if len(found) > 1 and found <= {"same", "changed", "added", "left out"}:
                for i in group:
                    whole[i] = "changed"
    return whole


def laid_over(quotes: Iterable[Quote], parts: Sequence[Part], weights: dict[str, float], source: Source) -> list[Match]:
    """The quotation laid over the words at and beside each of these statements, the best first."""
    reach = len(parts) + (AROUND if any(not part.token for part in parts) else 5)
    found: dict[tuple[str, int, int], Match] = {}
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
            match = Match(quote.meeting, spoken, parts, steps, weights)
            found.setdefault((quote.meeting, match.first, match.end), match)
            if match.exact:
                break
    return in_order(found.values())


def in_order(matches: Iterable[Match]) -> list[Match]:
    return sorted(matches, key=lambda m: (not m.exact, -m.similarity))


def _laid(parts: Sequence[Part], spoken: Spoken, start: int, end: int) -> list[_Step]:
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


def _without_gap_ends(steps: list[_Step], parts: Sequence[Part]) -> list[_Step]:
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
