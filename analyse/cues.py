"""The small language in which codebooks say what to look for, and how it is looked for.

    facial recognition        these words, one after the other (case, hyphens and curly quotes do not matter)
    consult*                  any word that begins so
    no|without ... notice     one of these words, then up to five others, then this one; never across a sentence's end
    ?                         a question mark
    ^stop|publish             only where a sentence begins: an order, and not "they publish"
    ~the technology           a hint: half the weight of a plain cue
    -listening ears           not this: a cue that overlaps it does not count

Cues are matched word by word from an index of their first two words, so the time is linear in the text whatever a
codebook says: there is no regular expression to go astray.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

from analyse.statements import sentences
from transcribe.records import Record

GAP_WORDS = 5
MAX_GAPS = 2
MAX_POSITIONS = 12

# Vowel signs of many scripts are marks, which `\w` leaves out.
_MARKS = "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c) in ("Mn", "Mc"))
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*(?:'(?:[^\W_]|[{_MARKS}])+)*")
_GAP: tuple[str, ...] = ("...",)
_STOPS = frozenset(".?!")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


class Token(NamedTuple):
    """A word as it is compared, and the index of the transcript's word that it comes from. Stops are tokens too."""

    text: str
    word: int


class Cue(Record):
    """A parsed cue. A position holds the words that may stand there, `("...",)` for a gap."""

    source: str
    positions: tuple[tuple[str, ...], ...]
    weight: float = 1.0
    bar: bool = False
    opens: bool = False  # only at a sentence's beginning


class Hit(NamedTuple):
    """A cue of `owner` found at tokens `[first, end)`."""

    owner: str
    cue: Cue
    first: int
    end: int


def tokens(words: Sequence[str], first_word: int = 0) -> list[Token]:
    """Words as they are compared: lower case, hyphens parted, no punctuation but `.`, `?` and `!` at sentence ends."""
    out: list[Token] = []
    for a, b in sentences(words):
        for i in range(a, b):
            out += [Token(part, first_word + i) for part in _parts(words[i])]
        stop = next((c for c in reversed(words[b - 1]) if c in _STOPS), ".")
        out.append(Token(stop, first_word + b - 1))
    return out


@lru_cache(maxsize=50_000)
def _parts(word: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", word).casefold().translate(_QUOTES)
    return tuple(part.removesuffix("'s") for part in _WORD.findall(plain))


def parse(source: str) -> Cue:
    """A cue from its written form. Raises ValueError that says what is wrong with it."""
    body = source.strip()
    bar, hint = body.startswith("-"), body.startswith("~")
    body = body[1:] if bar or hint else body
    opens = body.startswith("^")
    body = body[1:] if opens else body
    positions = []
    for part in body.casefold().translate(_QUOTES).split():
        if part == "...":
            positions.append(_GAP)
            continue
        alternatives = tuple(word.rstrip("'").removesuffix("'s") for word in part.split("|"))
        for word in alternatives:
            if word != "?" and not _WORD.fullmatch(word.removesuffix("*")):
                raise ValueError(
                    f"{word!r} is not a word, `word*`, `?` or `...`" + (": part hyphens with a space" * ("-" in word))
                )
            if word.endswith("*") and len(word) < 3:
                raise ValueError(f"{word!r} would match too much: give at least two letters before `*`")
        positions.append(alternatives)
    if not positions:
        raise ValueError("it is empty")
    gaps = [i for i, p in enumerate(positions) if p == _GAP]
    if gaps and (gaps[0] == 0 or gaps[-1] == len(positions) - 1 or any(b - a == 1 for a, b in pairwise(gaps))):
        raise ValueError("`...` stands between two words")
    if len(gaps) > MAX_GAPS or len(positions) > MAX_POSITIONS:
        raise ValueError(f"it is too long: at most {MAX_POSITIONS} words and {MAX_GAPS} gaps")
    return Cue(source=source, positions=tuple(positions), weight=0.5 if hint else 1.0, bar=bar, opens=opens)


class _Entry(NamedTuple):
    """A cue, and what must follow its first word: numbers of positions, GAP for a gap."""

    owner: str
    cue: Cue
    rest: tuple[int, ...]


_GAP_AHEAD = -1
T = TypeVar("T")

_MOST_PAIRS = 200_000  # of words whose cues are remembered


class _Known(NamedTuple):
    """What is known of a word: the cues that it begins, by what must follow, and the positions where it may stand."""

    alone: tuple[_Entry, ...]
    next: dict[int, list[_Entry]]  # by the position that must follow at once
    later: dict[int, list[_Entry]]  # by the one that may follow after other words
    positions: frozenset[int]
    after: dict[str, tuple[_Entry, ...]]  # of `next`, what goes on with a word, as far as it was met
    beyond: dict[str, tuple[_Entry, ...]]  # of `later`


class Finder:
    """Finds the cues of many owners in one pass. What a pair of words begins is worked out once."""

    def __init__(self, cues: Iterable[tuple[str, str]]) -> None:
        """`cues` are pairs of an owner and a cue in its written form."""
        self._positions: dict[tuple[str, ...], int] = {}
        self._heads = _Words[_Entry]()
        for owner, source in cues:
            cue = parse(source)
            entry = _Entry(owner, cue, tuple(self._number(p) for p in cue.positions[1:]))
            self._heads.add(cue.positions[0], entry)
        self._places = _Words[int]()
        for alternatives, number in self._positions.items():
            self._places.add(alternatives, number)
        self._known: dict[str, _Known] = {}
        self._n_pairs = 0

    def find(self, text: Sequence[Token]) -> dict[str, list[Hit]]:
        """What was found, by owner, in order, no two hits of one owner overlapping (the longest stays)."""
        found: dict[str, list[Hit]] = {}
        known = [self._known.get(t.text) or self._learn(t.text) for t in text]
        for at, word in enumerate(known):
            hits = [(entry, at + 1) for entry in word.alone] if word.alone else []
            if word.next and at + 1 < len(text):
                begun = word.after.get(text[at + 1].text)
                if begun is None:
                    begun = self._pair(word.next, word.after, known[at + 1], text[at + 1].text)
                if begun:
                    ends = ((entry, _match(text, known, at + 2, entry.rest, 1)) for entry in begun)
                    hits += [(entry, end) for entry, end in ends if end]
            if word.later:
                hits += self._over_a_gap(text, known, at)
            if not hits:
                continue
            opening = at == 0 or text[at - 1].text in _STOPS
            for entry, end in hits:
                if opening or not entry.cue.opens:
                    found.setdefault(entry.owner, []).append(Hit(entry.owner, entry.cue, at, end))
        return {owner: kept for owner, hits in found.items() if (kept := _settle(hits))}

    def _over_a_gap(self, text: Sequence[Token], known: Sequence[_Known], at: int) -> list[tuple[_Entry, int]]:
        word, hits, done = known[at], list[tuple[_Entry, int]](), set[int]()
        for j in range(at + 1, min(at + GAP_WORDS + 2, len(text))):
            begun = word.beyond.get(text[j].text)
            if begun is None:
                begun = self._pair(word.later, word.beyond, known[j], text[j].text)
            for entry in begun:
                if id(entry) not in done and (end := _match(text, known, j + 1, entry.rest, 2)):
                    hits.append((entry, end))
                    done.add(id(entry))
            if text[j].text in _STOPS:
                break
        return hits

    def _pair(
        self, begun: dict[int, list[_Entry]], met: dict[str, tuple[_Entry, ...]], other: _Known, word: str
    ) -> tuple[_Entry, ...]:
        """Of the cues begun, those that go on with this word, which is then remembered."""
        met[word] = tuple(entry for number in begun.keys() & other.positions for entry in begun[number])
        self._n_pairs += 1
        return met[word]

    def _learn(self, word: str) -> _Known:
        if self._n_pairs > _MOST_PAIRS:
            self._known, self._n_pairs = {}, 0
        alone: list[_Entry] = []
        following: dict[int, list[_Entry]] = {}
        later: dict[int, list[_Entry]] = {}
        for entry in self._heads.of(word):
            if not entry.rest:
                alone.append(entry)
            elif entry.rest[0] == _GAP_AHEAD:
                later.setdefault(entry.rest[1], []).append(entry)
            else:
                following.setdefault(entry.rest[0], []).append(entry)
        positions = frozenset(self._places.of(word))
        self._known[word] = _Known(tuple(alone), following, later, positions, {}, {})
        return self._known[word]

    def _number(self, position: tuple[str, ...]) -> int:
        return _GAP_AHEAD if position == _GAP else self._positions.setdefault(position, len(self._positions))


class _Words(Generic[T]):
    """Things by the whole words, and the beginnings of words, that they are under."""

    def __init__(self) -> None:
        self._whole: dict[str, list[T]] = {}
        self._beginnings: dict[str, list[T]] = {}

    def add(self, alternatives: Iterable[str], thing: T) -> None:
        for word in alternatives:
            index = self._beginnings if word.endswith("*") else self._whole
            index.setdefault(word.removesuffix("*"), []).append(thing)

    def of(self, word: str) -> list[T]:
        """What is under the word, each thing once."""
        found = [*self._whole.get(word, ())]
        for n in range(1, len(word) + 1):
            found += self._beginnings.get(word[:n], ())
        return [*{id(thing): thing for thing in found}.values()]


def _match(text: Sequence[Token], known: Sequence[_Known], at: int, rest: tuple[int, ...], k: int) -> int:
    """Where what is left of a cue from `k` on ends when it begins at `at`; 0 if it does not stand there."""
    if k == len(rest):
        return at
    if rest[k] == _GAP_AHEAD:
        for start in range(at, min(at + GAP_WORDS + 1, len(text))):
            if end := _match(text, known, start, rest, k + 1):
                return end
            if text[start].text in _STOPS:
                break
        return 0
    if at < len(text) and rest[k] in known[at].positions:
        return _match(text, known, at + 1, rest, k + 1)
    return 0


def _settle(hits: list[Hit]) -> list[Hit]:
    bars = [h for h in hits if h.cue.bar]
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.cue.weight, h.first - h.end, h.first)):
        if not hit.cue.bar and not any(hit.first < k.end and k.first < hit.end for k in (*bars, *kept)):
            kept.append(hit)
    return sorted(kept, key=lambda h: h.first)
