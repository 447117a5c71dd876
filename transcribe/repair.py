"""Names that a recogniser misheard, put right against the meeting's own people and vocabulary.

A word is touched only where the recogniser was unsure of it, and only for a name that it sounds like far more than any
other. How alike they must be depends on how much speaks for the word as it was heard. One that the recogniser was sure
of may be somebody who is not on the list: it gets the accents and capitals of a name with its very letters, or goes
along with a part of the name that was heard right. So does one without any probability, as in captions. What was
heard is kept beside it (`Word.original`), and why: `repair 0.87 not English`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from rapidfuzz.distance import Indel

from transcribe import english, spelling
from transcribe.phones import closeness, phones, weight
from transcribe.ranges import shares
from transcribe.records import Person, Record, Word, is_english
from transcribe.roster import CLOSE, MOST_LETTERS, Name, Roster
from transcribe.spoken import BEFORE_TITLE, TITLES, plain

MOST_HEARD = 5  # words that one name may have become
PAUSE_MS = 700  # longer than between the words of a name
UNSURE, VERY_UNSURE = 0.8, 0.6  # under such a probability a recogniser may well have written another word
SURE = 0.85  # from here on, a word that is not English is a name that it knows

# How close a name must be (1: sounds the same), and what more it takes.
ODD = 0.05  # for words that are not English, of which it was not very unsure
UNTITLED, ALONE, FIRST, ENGLISH = 0.06, 0.04, 0.08, 0.12
PARTED = 0.05  # for one word that would have to be several
SMALL = 0.08  # for a person's name that was heard without a capital
LEAST_WEIGHT = 2.0  # a name with less never takes the place of an English word
SHORT_WEIGHT, PER_SHORT = 3.0, 0.08  # names with little to recognise
LONG_WEIGHT, PER_LONG, MOST_LONG = 5.0, 0.015, 0.05  # and what less, with much
CLEAR_LEAD = 0.05  # over anybody else's name
SAME_SOUND, MOST_NEEDED = 0.93, 0.98
CLOSE_WHOLE, WITH_CLOSE, WITH_OTHERS = 0.85, 0.2, 0.06  # in a name of several words each may be this much less close
AUDIBLE, PARTED_WEIGHT = 0.8, 3.3  # how much of a name was heard in fewer words, and how much there must be to hear
SURELY, FIRMEST, SOLID, NEVER = 0.25, 0.3, 1.0, 9.0  # how firmly words stand, see `_held`
SPELT = 0.6  # names that share fewer letters are not tried for what seems sure

CHANGE = "repair"
_TITLES = TITLES | BEFORE_TITLE


class Repair(Record):
    """What was heard, and what is written instead, and why. `score` is how alike the two sound, 0-1; British spelling
    has none."""

    start_ms: int | None
    end_ms: int | None
    heard: str
    written: str
    why: str
    score: float | None = None


class _Token(NamedTuple):
    """A word without what stands around it: `front` and `back` are punctuation, `tail` a possessive."""

    front: str
    bare: str
    tail: str
    back: str
    plain: str
    kind: str  # "odd" (not English), "name" (a common one) or "word"


class _Proposal(NamedTuple):
    first: int
    end: int
    name: Name
    score: float
    why: str


def repaired(
    words: Sequence[Word], people: Sequence[Person], vocabulary: Sequence[str] = (), *, languages: Sequence[str] = ()
) -> tuple[Word, ...]:
    """Words with misheard names put right; all others as they are. Words that were changed before stay.

    `languages` are those of the words, without them English. In another no word is odd, and only what the recogniser
    was unsure of is doubted.
    """
    roster = Roster(people, vocabulary)
    english = [is_english(language) for language in languages] or [True] * len(words)
    return _put(words, _chosen(_proposals(words, roster, english))) if roster.names else tuple(words)


def repairs(words: Sequence[Word]) -> list[Repair]:
    """What was repaired or respelled in these words, in order."""
    found = []
    for change, group in groupby(words, key=lambda w: w.change or ""):
        kind, _, how = change.partition(" ")
        if kind == CHANGE:
            score, _, why = how.partition(" ")
            found.append(_told(list(group), why, float(score)))
        elif change == spelling.CHANGE:
            found += [_told([w], "British spelling", None) for w in group]
    return found


def _told(said: Sequence[Word], why: str, score: float | None) -> Repair:
    return Repair(
        start_ms=said[0].start_ms,
        end_ms=said[-1].end_ms,
        heard=" ".join(w.original for w in said if w.original),
        written=" ".join(w.text for w in said),
        why=why,
        score=score,
    )


# -- what was heard ------------------------------------------------------------------------------------


def _token(text: str) -> _Token:
    start = next((i for i, c in enumerate(text) if _in_word(c)), len(text))
    end = next((i for i in range(len(text), start, -1) if _in_word(text[i - 1])), start)
    front, bare, back = text[:start], text[start:end], text[end:]
    tail = bare[-2:] if bare[-2:-1] in ("'", "’") and bare[-1:] == "s" else ""
    if tail:
        bare = bare[:-2]
    elif back[:1] in ("'", "’"):
        tail, back = back[:1], back[1:]
    kind = "word" if english.is_word(bare) else "name" if english.is_name(bare) else "odd"
    if kind == "odd" and "-" in bare and all(map(english.is_word, bare.split("-"))):
        kind = "word"
    return _Token(front, bare, tail, back, plain(bare), kind)


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _sure(words: Sequence[Word], tokens: Sequence[_Token]) -> list[float]:
    """How sure the recogniser was of each word: of those that are not English, on average over the whole meeting."""
    said: dict[str, list[float]] = defaultdict(list)
    for word, token in zip(words, tokens, strict=True):
        if token.kind == "odd":
            said[token.plain].append(1.0 if word.confidence is None else word.confidence)
    means = {plain: sum(sure) / len(sure) for plain, sure in said.items()}
    return [
        means[t.plain] if t.kind == "odd" else 1.0 if w.confidence is None else w.confidence
        for w, t in zip(words, tokens, strict=True)
    ]


def _held(word: Word, token: _Token, sure: float, *, named: bool, cased: bool) -> float:
    """How firmly a word stands: by how much closer than otherwise a name must sound that takes its place. `named` where
    it is written as a name, and `cased` where capitals mean that at all.

    From SURELY on a name takes it only with a part that was heard right; SOLID goes with words that are not.
    """
    if (
        word.change
        or not 0 < len(token.plain) <= MOST_LETTERS
        or token.plain in _TITLES
        or re.search(r"\d", token.bare)
    ):
        return NEVER
    if token.kind == "odd":
        if cased and re.match(r"[A-Z]{2}", token.bare):
            return NEVER  # "REA" is short for something
        return 0.0 if sure < VERY_UNSURE else ODD if sure < SURE else SURELY
    if token.kind == "name":
        return 0.04 if sure < VERY_UNSURE else 0.08 if sure < UNSURE else FIRMEST
    if sure >= UNSURE:
        return SOLID
    return 0.12 if named else 0.18 if sure < VERY_UNSURE else 0.24


def _proposals(words: Sequence[Word], roster: Roster, english: Sequence[bool]) -> Iterator[_Proposal]:
    known = {text: _token(text) for text in {w.text for w in words}}
    tokens = [
        known[w.text]._replace(kind="name") if known[w.text].kind == "odd" and not is_known else known[w.text]
        for w, is_known in zip(words, english, strict=True)
    ]
    letters = [c for w in words for c in w.text if c.isalpha()]
    cased = 0 < sum(map(str.isupper, letters)) < 0.5 * len(letters)
    capital = [cased and t.bare[:1].isupper() for t in tokens]
    opens = [i == 0 or words[i - 1].text.rstrip("\"'”’)")[-1:] in ".?!…" for i in range(len(words))]
    named = [c and (not o or after) for c, o, after in zip(capital, opens, [*capital[1:], False], strict=False)]
    sure = _sure(words, tokens)
    held = [_held(w, t, s, named=n, cased=cased) for w, t, s, n in zip(words, tokens, sure, named, strict=True)]
    for i in range(len(words)):
        solid = 0
        for j in range(i + 1, min(len(words), i + MOST_HEARD) + 1):
            if held[j - 1] == NEVER or (j - i > 1 and not _runs_on(words, tokens, j - 1)):
                break
            solid += held[j - 1] == SOLID
            if solid > 1 or solid == j - i:
                heard = "".join([t.plain for t in tokens[i:j]])
                if solid > 1 and heard not in roster.begun:
                    break  # nor does any name go on so
                name = roster.exact.get(heard)
                if name and _differs(tokens[i:j], name, cased):
                    yield _Proposal(i, j, name, 1.0, "spelling")
                continue
            titled = i > 0 and tokens[i - 1].plain in TITLES
            yield from _fits(i, tokens[i:j], held[i:j], roster, titled=titled, cased=cased)


def _runs_on(words: Sequence[Word], tokens: Sequence[_Token], i: int) -> bool:
    """Whether word `i` may belong to the same name as the word before it."""
    before, word = words[i - 1], words[i]
    if tokens[i - 1].back or tokens[i].front or before.speaker != word.speaker:
        return False
    return before.end_ms is None or word.start_ms is None or word.start_ms - before.end_ms < PAUSE_MS


def _fits(
    first: int, tokens: Sequence[_Token], held: Sequence[float], roster: Roster, *, titled: bool, cased: bool
) -> Iterator[_Proposal]:
    """The name that these words are, if there is one and they are not that already."""
    heard = "".join(t.plain for t in tokens)
    small = cased and not titled and not tokens[0].bare[:1].isupper()
    phrases = small and not any(t.kind == "odd" for t in tokens)  # no name of a person
    near = roster.near(heard, phrases=phrases) if roster.has_phrases or not phrases else []
    if titled:
        near = [(s, n) for s, n in near if not n.first]
    if not near:
        return
    score, name = near[0]
    if any(s > score - CLEAR_LEAD and n.parts != name.parts and not n.people & name.people for s, n in near[1:]):
        return
    whole = "".join(name.parts)
    if heard == whole:
        if _differs(tokens, name, cased):
            yield _Proposal(first, first + len(tokens), name, 1.0, "spelling")
        return
    if any(t.plain in roster.parts and t.plain not in whole for t in tokens):
        return  # that is somebody else
    if len(tokens) > len(name.parts) and {*name.parts} <= {t.plain for t in tokens}:
        return  # it was heard right, and so was what stands beside it
    together = len(tokens) == len(name.parts)  # word by word
    becomes = name.texts if together else ("",) * len(tokens)
    stays = name.parts if together else (whole,) * len(tokens)
    moved = [(t, h, to) for t, h, to, part in zip(tokens, held, becomes, stays, strict=True) if t.plain != part]
    if (name.english or weight(name.sound) < LEAST_WEIGHT) and any(t.kind == "word" for t, _, _ in moved):
        return
    if any(SURELY <= h < SOLID for _, h, _ in moved) and not _certain(tokens, held, name):
        return
    if any(h == SOLID for h in held) and not _carries(tokens, held, name, score):
        return
    if len(tokens) < len(name.parts) and not (_audible(heard, name.parts) and (name.surname or not titled)):
        return
    slack = WITH_CLOSE if score >= CLOSE_WHOLE else WITH_OTHERS
    if any(to and closeness(t.plain, to) < CLOSE + h - slack for t, h, to in moved):
        return
    n_letters = sum(len(t.plain) for t, _, _ in moved)
    firm = sum(min(h, FIRMEST) * len(t.plain) for t, h, _ in moved) / n_letters
    needed = _needed(
        name,
        titled=titled and not any(t.kind == "odd" and h for t, h, _ in moved),
        parted=len(tokens) == 1 < len(name.parts),
    )
    needed += SMALL if small and name.people else 0
    if score >= min(needed + firm + roster.chance, MOST_NEEDED):
        unsure = any(h for _, h, _ in moved)
        yield _Proposal(first, first + len(tokens), name, score, "unsure" if unsure else "not English")


def _certain(tokens: Sequence[_Token], held: Sequence[float], name: Name) -> bool:
    """Whether a part of the name was heard right, and what the recogniser was sure of beside it sounds the same; or it
    was heard in pieces, of which common names may be some."""
    if len(tokens) > len(name.parts):
        return all(t.kind != "odd" or h < SURELY for t, h in zip(tokens, held, strict=True))
    if len(tokens) != len(name.parts) or not any(t.plain == part for t, part in zip(tokens, name.parts, strict=True)):
        return False
    return all(
        h < SURELY or (closeness(t.plain, text) >= SAME_SOUND and Indel.normalized_similarity(t.plain, part) >= SPELT)
        for t, h, text, part in zip(tokens, held, name.texts, name.parts, strict=True)
        if t.plain != part
    )


def _audible(heard: str, parts: tuple[str, ...]) -> bool:
    """Whether each of the parts of a name was heard, one after the other."""
    sounds = len(phones(heard)), len(phones("".join(parts)))
    return weight(heard) >= PARTED_WEIGHT and min(sounds) >= AUDIBLE * max(sounds) and _splits(heard, parts)


def _splits(heard: str, parts: tuple[str, ...]) -> bool:
    if len(parts) == 1:
        return closeness(heard, parts[0]) >= CLOSE
    cuts = range(1, len(heard) - len(parts) + 2)
    return any(closeness(heard[:i], parts[0]) >= CLOSE and _splits(heard[i:], parts[1:]) for i in cuts)


def _carries(tokens: Sequence[_Token], held: Sequence[float], name: Name, score: float) -> bool:
    """Whether words around it may take a word along that the recogniser is sure of: "Oka for"."""
    if any(h == SOLID and t.plain in name.parts for t, h in zip(tokens, held, strict=True)):
        return True
    if score >= SAME_SOUND and min(held) == 0:
        return True
    return weight(name.sound) > LONG_WEIGHT + 1 and SOLID not in (held[0], held[-1])


def _needed(name: Name, *, titled: bool, parted: bool) -> float:
    """How close a name must be to words that nothing speaks for."""
    need = CLOSE + (PARTED if parted else 0) + (FIRST if name.first else 0) + (ENGLISH if name.english else 0)
    if not titled:
        need += UNTITLED + (ALONE if len(name.parts) == 1 else 0)
    much = weight(name.sound)
    return need + PER_SHORT * max(0.0, SHORT_WEIGHT - much) - min(MOST_LONG, PER_LONG * max(0.0, much - LONG_WEIGHT))


def _differs(tokens: Sequence[_Token], name: Name, cased: bool) -> bool:
    """Whether words with the very letters of a name are written otherwise: in two, without accents or capitals."""
    if not cased:
        return len(tokens) != len(name.texts)
    heard, written = [t.bare for t in tokens], list(name.texts)
    if name.english and not (len(heard) != len(written) and (heard[0][:1].isupper() or not name.people)):
        return False
    if name.people and len(heard) > 1 and not heard[0][:1].isupper():
        return False
    return heard != written and not (written[0].islower() and [h.lower() for h in heard] == written)


def _chosen(proposals: Iterator[_Proposal]) -> list[_Proposal]:
    """Proposals that do not overlap, in order: first those that explain most."""
    taken: set[int] = set()
    kept = []
    for p in sorted(proposals, key=lambda p: (-(p.score - 0.5) * weight(p.name.sound), p.end - p.first)):
        if taken.isdisjoint(range(p.first, p.end)):
            taken.update(range(p.first, p.end))
            kept.append(p)
    return sorted(kept)


# -- writing it ----------------------------------------------------------------------------------------


def _put(words: Sequence[Word], chosen: Sequence[_Proposal]) -> tuple[Word, ...]:
    out: list[Word] = []
    at = 0
    for p in chosen:
        out += words[at : p.first]
        after = words[p.end] if p.end < len(words) else None
        out += _written(words[p.first : p.end], p, after)
        at = p.end
    return (*out, *words[at:])


def _written(heard: Sequence[Word], p: _Proposal, after: Word | None) -> list[Word]:
    """The words of a name in place of those that were heard: each for each where there are as many, else all of them
    sharing their time, the first keeping all that was heard."""
    tokens = [_token(w.text) for w in heard]
    texts = list(p.name.texts)
    if tokens[0].bare[:1].isupper():
        texts[0] = texts[0][:1].upper() + texts[0][1:]
    if all(t.bare.isupper() and len(t.bare) > 1 for t in tokens):
        texts = [t.upper() for t in texts]
    texts[0] = tokens[0].front + texts[0]
    texts[-1] += tokens[-1].tail + tokens[-1].back
    change = f"{CHANGE} {p.score:.2f} {p.why}"
    if len(heard) == len(texts):
        return [
            w if w.text == text else msgspec.structs.replace(w, text=text, original=w.text, change=change)
            for w, text in zip(heard, texts, strict=True)
        ]
    said = " ".join(w.text for w in heard)
    sure = [w.confidence for w in heard if w.confidence is not None]
    start_ms, end_ms = heard[0].start_ms, max(w.end_ms or 0 for w in heard)
    spans: Iterable[tuple[int | None, int | None]] = [(None, None)] * len(texts)
    if start_ms is not None:
        if after and after.start_ms is not None and len(texts) > 1:
            end_ms = min(end_ms, after.start_ms)  # words start in order
        spans = shares(start_ms, end_ms, [len(t) for t in texts])
    return [
        msgspec.structs.replace(
            heard[0],
            text=text,
            start_ms=a,
            end_ms=b,
            confidence=min(sure, default=None),
            original="" if i else said,
            change=change,
        )
        for i, (text, (a, b)) in enumerate(zip(texts, spans, strict=True))
    ]
