"""The small language in which codebooks say what to look for, and how it is looked for.

    facial recognition        these words, one after the other (case, hyphens and curly quotes do not matter)
    consult*                  any word that begins so
    no|without ... notice     one of these words, then up to five others, then this one; never across a sentence's end
    ?                         a question mark
    ^stop|publish             only where a sentence begins: an order, and not "they publish"
    ~the technology           a hint: half the weight of a plain cue
    -listening ears           not this: a cue that overlaps it does not count

Cues are matched word by word from an index of their first words, so the time is linear in the text whatever a codebook
says: there is no regular expression to go astray.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

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


class Finder:
    """Finds the cues of many owners in one pass."""

    def __init__(self, cues: Iterable[tuple[str, str]]) -> None:
        """`cues` are pairs of an owner and a cue in its written form."""
        self._exact: dict[str, list[tuple[str, Cue, _Tests]]] = {}
        self._prefix: dict[str, list[tuple[str, Cue, _Tests]]] = {}
        for owner, source in cues:
            cue = parse(source)
            entry = owner, cue, tuple(_test(p) for p in cue.positions[1:])
            for word in cue.positions[0]:
                index = self._prefix if word.endswith("*") else self._exact
                index.setdefault(word.removesuffix("*"), []).append(entry)
        self._lengths = sorted({len(p) for p in self._prefix})

    def find(self, text: Sequence[Token]) -> dict[str, list[Hit]]:
        """What was found, by owner, in order, no two hits of one owner overlapping (the longest stays)."""
        found: dict[str, list[Hit]] = {}
        for at, token in enumerate(text):
            word = token.text
            entries = self._exact.get(word, ())
            for n in self._lengths:
                if n > len(word):
                    break
                if more := self._prefix.get(word[:n]):
                    entries = [*entries, *more]
            opening = at == 0 or text[at - 1].text in _STOPS
            for owner, cue, rest in entries:
                if cue.opens and not opening:
                    continue
                end = _match(text, at + 1, rest, 0)
                if end:
                    found.setdefault(owner, []).append(Hit(owner, cue, at, end))
        return {owner: kept for owner, hits in found.items() if (kept := _settle(hits))}


_Test = tuple[frozenset[str], tuple[str, ...]] | None  # whole words, beginnings; None is a gap
_Tests = tuple[_Test, ...]


def _test(position: tuple[str, ...]) -> _Test:
    if position == _GAP:
        return None
    return frozenset(w for w in position if not w.endswith("*")), tuple(w[:-1] for w in position if w.endswith("*"))


def _match(text: Sequence[Token], at: int, tests: _Tests, k: int) -> int:
    """Where the tests from `k` on end when they begin at `at`; 0 if they do not match there."""
    if k == len(tests):
        return at
    test = tests[k]
    if test is None:
        for start in range(at, min(at + GAP_WORDS + 1, len(text))):
            if end := _match(text, start, tests, k + 1):
                return end
            if text[start].text in _STOPS:
                break
        return 0
    whole, beginnings = test
    if at < len(text) and (text[at].text in whole or text[at].text.startswith(beginnings)):
        return _match(text, at + 1, tests, k + 1)
    return 0


def _settle(hits: list[Hit]) -> list[Hit]:
    bars = [h for h in hits if h.cue.bar]
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: (-h.cue.weight, h.first - h.end, h.first)):
        if not hit.cue.bar and not any(hit.first < k.end and k.first < hit.end for k in (*bars, *kept)):
            kept.append(hit)
    return sorted(kept, key=lambda h: h.first)
