"""What people change in a meeting, and how it is laid over what the engines made.

A correction is anchored in time and keeps the words that stood there, so that it outlives another transcription:
laid over new words it is a three-way merge. Where the recogniser now writes what the person wrote nothing is done;
where it writes something else the person's wording stays, marked as unsettled. Between the two, names are repaired and
words respelled, today perhaps otherwise than when the person looked: where the engine wrote the same, a correction has
the same effect. Nothing that a mask or exclusion hides ever comes back through a correction that was made before it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final, Literal

import msgspec
import numpy as np

from transcribe.documents import UPGRADES
from transcribe.moments import inside, middle, middles
from transcribe.ranges import Ranges, joined, shares
from transcribe.records import Hidden, Record, Stretch, Word, check_range

SCHEMA = "correction/3"
REACH_MS = 2_000  # another transcription may place words this much earlier or later
UNSETTLED = "unsettled "  # before the change of a word where person and recogniser differ
MOST_WORDS, MOST_STRETCHES = 5_000, 20_000

Kind = Literal["words", "speaker", "listen", "confirm", "reject", "mask", "exclude", "withhold", "undo"]
VOICES: Final = ("confirm", "reject")  # kinds that are about a whole voice
HIDING: Final[Mapping[str, Hidden]] = {
    "mask": "masked",
    "exclude": "excluded",
    "withhold": "withheld",
}  # kinds that hide, and the stretch
ERASED: Final = ("masked", "excluded")  # stretches of which no word is kept
UPGRADES["correction/1"] = "correction/2", lambda body: body  # what is about whole voices came with 2
UPGRADES["correction/2"] = SCHEMA, lambda body: body  # listening, withholding and purged words came with 3


class Correction(Record):
    """One line of `corrections.jsonl`. `new` is the wording, or the person's id (empty: nobody knows); `old` is what it
    replaced; `heard` is what the engine wrote for each word of `old`, as `Word.original` has it, where any was repaired
    or respelled. Of what is hidden no word is kept; `purged` is when the words of a correction were taken out of it,
    since somebody hid them afterwards. Who listened to words keeps only their `words_sha256`. What is withheld is to be
    looked at again on the day `until`.

    What is about a whole voice (it is, or is not, `new`) keeps all the time in which that voice spoke, as `stretches`:
    from `start_ms` to `end_ms`, where words were then, the voice was heard there and nowhere else."""

    id: str
    at: str  # UTC
    by: str
    kind: Kind
    start_ms: int
    end_ms: int
    recording_sha256: str
    old: str = ""
    new: str = ""
    heard: tuple[str, ...] = ()
    before: str = ""  # a few words that stood on either side when it was made
    after: str = ""
    reason: str = ""
    undoes: str = ""  # id of another correction
    stretches: tuple[tuple[int, int], ...] = ()
    words_sha256: str = ""
    until: date | None = None
    purged: str = ""  # UTC

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)
        if self.start_ms == self.end_ms:
            raise ValueError("a correction needs a stretch of time")
        if (self.kind == "undo") != bool(self.undoes):
            raise ValueError("`undoes` belongs to a correction of the kind undo, and only to it")
        if self.kind in HIDING and any((self.old, self.new, self.heard, self.before, self.after)):
            raise ValueError("what is hidden is not kept")
        if (self.kind == "listen") != bool(self.words_sha256):
            raise ValueError("`words_sha256` belongs to what somebody listened to, and only to it")
        if (self.kind == "withhold") != (self.until is not None):
            raise ValueError("`until` belongs to what is withheld, and only to it")
        if self.heard and len(self.heard) != len(self.old.split()):
            raise ValueError("`heard` holds one text for each word of `old`")
        if len(self.new.split()) > MOST_WORDS:
            raise ValueError(f"more than {MOST_WORDS} words at once")
        if (self.kind in VOICES) != bool(self.stretches):
            raise ValueError("`stretches` belong to what is about a whole voice, and only to it")
        if len(self.stretches) > MOST_STRETCHES:
            raise ValueError(f"more than {MOST_STRETCHES:,} stretches")
        edges = [self.start_ms, *(at for stretch in self.stretches for at in stretch), self.end_ms]
        if any(a > b for a, b in pairwise(edges)) or any(a == b for a, b in self.stretches):
            raise ValueError("stretches lie in order, apart and inside the correction's time")
        if self.kind == "reject" and not self.new:
            raise ValueError("a voice is rejected as somebody")

    def touches(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms < end_ms and start_ms < self.end_ms


def in_force(corrections: Iterable[Correction]) -> list[Correction]:
    """Corrections that no later one has undone, in order."""
    corrections = list(corrections)
    undone = {c.undoes for c in corrections}
    return [c for c in corrections if c.kind != "undo" and c.id not in undone]


def hidden(corrections: Iterable[Correction]) -> tuple[Stretch, ...]:
    """What people masked, excluded or withheld."""
    return tuple(
        Stretch(kind=HIDING[c.kind], start_ms=c.start_ms, end_ms=c.end_ms, reason=_told(c))
        for c in in_force(corrections)
        if c.kind in HIDING
    )


def _told(c: Correction) -> str:
    """What everybody may read of why something is hidden. Who hid it is not part of it."""
    until = f"to be looked at again on {c.until}" if c.until else ""
    return "; ".join(part for part in (c.reason, until) if part)


def silence(stretches: Iterable[Stretch]) -> Ranges:
    """The time that nobody may hear or read."""
    return joined((s.start_ms, s.end_ms) for s in stretches if s.kind in HIDING.values())


def erased(stretches: Iterable[Stretch]) -> Ranges:
    """The time of which no word is kept. What is only withheld comes back as it was."""
    return joined((s.start_ms, s.end_ms) for s in stretches if s.kind in ERASED)


# -- wording --------------------------------------------------------------------------------------


class _Edit(Record):
    """Words `[first, end)` become `texts`. `known` where those words are the ones that the person saw."""

    first: int
    end: int
    texts: tuple[str, ...]
    known: bool


def heard_as(words: Sequence[Word]) -> tuple[str, ...]:
    """`Correction.heard` for such words: what stood for each of them before repair, or nothing where that is the same.

    >>> heard_as([Word(text="Siân", original="Sean", change="repair 0.86 unsure", timing="none")])
    ('Sean',)
    """
    heard = tuple(_heard(w) for w in words)
    return heard if heard != tuple(w.text for w in words) else ()


def _heard(word: Word) -> str:
    """A word before repair; "" where the one before it holds that. What a person wrote is what is there."""
    return word.text if word.original is None or "correction" in (word.change or "") else word.original


def put_right(
    words: Sequence[Word],
    corrections: Iterable[Correction],
    silence: Ranges,
    repair: Callable[[Sequence[Word]], Sequence[Word]],
) -> tuple[Word, ...]:
    """Words as `repair` leaves them, with all corrections of wording laid over them.

    People corrected what they saw. Where repair now makes something else of words that were heard alike, a correction
    is laid over those as they were heard: repair lets be what a person wrote.
    """
    repaired = repair(words)
    shown, heard, later = _Line(repaired), _Line(words), list[Correction]()
    for c in in_force(corrections):
        if c.kind != "words":
            continue
        hides = [r for r in silence if c.touches(*r)]
        waits = any(c.touches(d.start_ms - REACH_MS, d.end_ms + REACH_MS) for d in later)
        if waits or _stands(c, shown, hides):
            later.append(c)
        elif _stands(c, heard, hides):
            _lay_over(heard, c, hides)
        elif not hides and (edits := _before_repair(c, heard)):
            heard.put(edits, c)
        else:
            later.append(c)
    return reworded(repair(heard.words) if heard.changed else repaired, later, silence)


class _Line:
    """Words that people change one after the other, found by when they are said."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words, self.at_ms = list(words), middles(words)
        self.changed = False

    def inside(self, start_ms: int, end_ms: int) -> list[int]:
        return inside(self.at_ms, start_ms, end_ms)

    def put(self, edits: Sequence[_Edit], c: Correction) -> None:
        """Make edits, which lie in order and apart."""
        for edit in reversed(edits):
            n_words, n_after = len(self.words), len(self.words) - edit.end
            _put(self.words, edit, c)
            first, n_after = max(0, edit.first - 1), max(0, n_after - 1)  # the word beside may share its time
            timed = middles(self.words[first : len(self.words) - n_after])
            self.at_ms = np.concatenate([self.at_ms[:first], timed, self.at_ms[n_words - n_after :]])
            self.changed = True


def _stands(c: Correction, line: _Line, silence: Ranges) -> bool:
    """Whether the corrected place reads as the person saw it; of a partly hidden one, whether what is left does."""
    there = [line.words[i] for i in line.inside(c.start_ms, c.end_ms)]
    return bool(_beside(c, there, silence)) if silence else [w.text for w in there] == c.old.split()


def _before_repair(c: Correction, line: _Line) -> list[_Edit]:
    """A correction as edits of words that are heard as they were then, and none where they are not. What repair made
    of several words is changed as a whole."""
    there = line.inside(c.start_ms, c.end_ms)
    if not there or [line.words[i].text for i in there] != " ".join(c.heard).split():
        return []
    old, new = c.old.split(), c.new.split()
    at = {i: there[0] + len(" ".join(c.heard[:i]).split()) for i, text in enumerate(c.heard) if text}
    at[len(old)] = there[-1] + 1
    together: list[tuple[int, int, list[str]]] = []  # of `old`: from, to, and what it becomes
    for i1, i2, j1, j2 in changed(old, new):
        first, end = max(i for i in at if i <= i1), min(i for i in at if i >= i2)
        texts = [*new[j1:j2], *old[i2:end]]
        if together and first < together[-1][1]:  # both change what repair made of the same words
            first, before, earlier = together.pop()
            texts = [*earlier[: len(earlier) - (before - i1)], *texts]
        else:
            texts = [*old[first:i1], *texts]
        together.append((first, end, texts))
    return [_Edit(first=at[a], end=at[b], texts=tuple(texts), known=True) for a, b, texts in together]


def reworded(words: Sequence[Word], corrections: Iterable[Correction], silence: Ranges) -> tuple[Word, ...]:
    """Words with all corrections of wording laid over them, one after the other."""
    line = _Line(words)
    for correction in in_force(corrections):
        if correction.kind == "words":
            _lay_over(line, correction, [r for r in silence if correction.touches(*r)])
    return tuple(line.words)


def _lay_over(line: _Line, c: Correction, silence: Ranges) -> None:
    """`silence` is what is hidden of the corrected place: then only what stands before or after all that is changed,
    since anything else that the person wrote may be what is hidden."""
    reach_ms = 0 if silence else REACH_MS
    near = line.inside(c.start_ms - reach_ms, c.end_ms + reach_ms)
    if near:
        first, end = near[0], near[-1] + 1
    else:
        first = end = int((line.at_ms < c.start_ms).sum())
    there = line.words[first:end]
    edits = _beside(c, there, silence) if silence else _edits(c, there)
    line.put([msgspec.structs.replace(e, first=first + e.first, end=first + e.end) for e in edits], c)


def _beside(c: Correction, there: Sequence[Word], silence: Ranges) -> list[_Edit]:
    """Edits of words that lie before or after all that is hidden and are, word for word, what the person saw. What was
    inserted took its time from the word before it, which must be there, too."""
    old, new = c.old.split(), c.new.split()
    head = [w.text for w in there if (w.end_ms or 0) <= silence[0][0]]
    tail = [w.text for w in there if (w.start_ms or 0) >= silence[-1][1]]
    n_head = len(head) if head == old[: len(head)] else 0
    n_tail = len(tail) if tail == old[len(old) - len(tail) :] else 0
    shift = len(there) - len(old)
    edits = []
    for i1, i2, j1, j2 in changed(old, new):
        if n_head > 0 and i2 <= n_head:
            edits.append(_Edit(first=i1, end=i2, texts=tuple(new[j1:j2]), known=True))
        elif i1 - (i1 == i2) >= len(old) - n_tail:
            edits.append(_Edit(first=i1 + shift, end=i2 + shift, texts=tuple(new[j1:j2]), known=True))
    return edits


def _edits(c: Correction, there: Sequence[Word]) -> list[_Edit]:
    """How the words in and around the corrected time must change where a person turned `c.old` into `c.new`, in order
    and apart. Words that stood around it then help to recognise a place that has moved."""
    at_ms = [middle(w) for w in there]
    meant = [i for i, ms in enumerate(at_ms) if c.start_ms <= ms < c.end_ms]
    here = sum(ms < c.start_ms for ms in at_ms)
    place = (meant[0], meant[-1] + 1) if meant else (here, here)
    current, old, new = [w.text for w in there], c.old.split(), c.new.split()
    before, after = c.before.split(), c.after.split()
    untouched = current[place[0] : place[1]] == old
    if untouched:
        at = {len(before) + i: place[0] + i for i in range(len(old))}
    else:
        at = _matched([*before, *_as_today(c, current), *after], _as_then(there, [*before, *old, *after]), place)
    if not at:
        heard, written = _folded(current), _folded(new)
        if not new or any(heard[i : i + len(new)] == written for i in range(len(heard))):
            return []
        return [_Edit(first=place[0], end=place[1], texts=tuple(new), known=False)]
    edits: list[_Edit] = []
    n_stood = len(before) + len(old) + len(after)
    for i1, i2, j1, j2 in changed(old, new):
        edit = _placed(at, len(before) + i1, len(before) + i2, n_stood, new[j1:j2], current, untouched=untouched)
        if edit and (not edits or edits[-1].end <= edit.first):
            edits.append(edit)
    return edits


def _as_then(there: Sequence[Word], stood: Sequence[str]) -> list[str]:
    """Words; those as they were heard that stood there so and are repaired now."""
    seen = {*_folded(stood)}
    return [
        heard if heard and _folded([w.text])[0] not in seen and _folded([heard])[0] in seen else w.text
        for w, heard in zip(there, map(_heard, there), strict=True)
    ]


def _as_today(c: Correction, current: Sequence[str]) -> list[str]:
    """What stood there; words as they were heard where they stand so now."""
    seen = {*_folded(current)}
    old = c.old.split()
    return [
        heard if heard and _folded([text])[0] not in seen and _folded([heard])[0] in seen else text
        for text, heard in zip(old, c.heard or old, strict=True)
    ]


def _matched(stood: Sequence[str], current: Sequence[str], place: tuple[int, int]) -> dict[int, int]:
    """Which of the words that stood there are which of the current ones. A single word counts only inside the place:
    elsewhere it may be anybody's."""
    same = SequenceMatcher(None, _folded(stood), _folded(current), autojunk=False)
    return {
        a + k: b + k
        for a, b, n in same.get_matching_blocks()
        if n > 1 or (n == 1 and place[0] <= b < place[1])
        for k in range(n)
    }


def _placed(
    at: dict[int, int],
    i1: int,
    i2: int,
    n_stood: int,
    texts: Sequence[str],
    current: Sequence[str],
    *,
    untouched: bool,
) -> _Edit | None:
    """Where among the current words `[i1, i2)` of those that stood there become `texts`; None where they have already,
    or where words would go that the person never saw."""
    own = [at[i] for i in range(i1, i2) if i in at]
    if own and own == list(range(own[0], own[0] + i2 - i1)):
        return _Edit(first=own[0], end=own[-1] + 1, texts=tuple(texts), known=True)
    left = max((at[i] + 1 for i in range(i1) if i in at), default=None)
    right = min((at[i] for i in range(i2, n_stood) if i in at), default=None)
    if i1 == i2 and (untouched or (i1 - 1 in at and i1 in at and left == right)):
        first = left if left is not None else right or 0
        return _Edit(first=first, end=first, texts=tuple(texts), known=True)
    n = i2 - i1  # as many words as there were, where only one side is recognised
    first = left if left is not None else max(0, min(own, default=(right or 0) - n))
    end = right if right is not None else min(len(current), max((k + 1 for k in own), default=first + n))
    first, end = min(first, end), max(first, end)
    written = _folded(texts)
    if not texts or written in (
        _folded(current[first:end]),
        _folded(current[first : first + len(texts)]),
        _folded(current[max(0, end - len(texts)) : end]),
    ):
        return None
    return _Edit(first=first, end=end, texts=tuple(texts), known=False)


def changed(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where `old[i1:i2]` became `new[j1:j2]`; word by word where there are as many."""
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "replace" and i2 - i1 == j2 - j1:
            yield from ((i1 + k, i1 + k + 1, j1 + k, j1 + k + 1) for k in range(i2 - i1))
        elif tag != "equal":
            yield i1, i2, j1, j2


def _folded(texts: Sequence[str]) -> list[str]:
    """Words without case and punctuation."""
    return ["".join(c for c in text.casefold() if c.isalnum()) or text for text in texts]


def _put(words: list[Word], edit: _Edit, c: Correction) -> None:
    """Put a person's words in the place of others: each in the time of its own where there are as many, else sharing
    the time of those that they replace, or of the word beside which they are put."""
    first, end = edit.first, edit.end
    gone = words[first:end]
    change = f"{'' if edit.known else UNSETTLED}correction {c.id}"
    if len(gone) == len(edit.texts):
        words[first:end] = [
            msgspec.structs.replace(
                w, text=text, original=w.text if w.original is None else w.original, change=change, confidence=None
            )
            for w, text in zip(gone, edit.texts, strict=True)
        ]
        return
    texts: list[str | None] = list(edit.texts)  # None: the word beside which the others are put
    if not gone and texts:
        if first > 0 and c.start_ms <= middle(words[first - 1]) < c.end_ms:
            first, texts = first - 1, [None, *texts]
        elif end < len(words) and c.start_ms <= middle(words[end]) < c.end_ms:
            end, texts = end + 1, [*texts, None]
    sharing = words[first:end]
    said = " ".join(w.text for w in gone)
    spans = (
        list(shares(*_time_of(words, first, end, c), [len(t or sharing[0].text) + 1 for t in texts])) if texts else []
    )
    words[first:end] = [
        msgspec.structs.replace(sharing[0], start_ms=a, end_ms=b, timing="cue")
        if text is None
        else Word(
            text=text,
            start_ms=a,
            end_ms=b,
            timing="cue",
            speaker=_voice_at(sharing, (a + b) // 2),
            original="" if spans[0] != (a, b) else said,
            change=change,
        )
        for text, (a, b) in zip(texts, spans, strict=True)
    ]


def _time_of(words: Sequence[Word], first: int, end: int, c: Correction) -> tuple[int, int]:
    """The time that words `[first, end)` take, or a correction where there are none: inside the corrected place where
    they touch it, and in order with their neighbours."""
    sharing = words[first:end]
    if sharing:
        start_ms, end_ms = sharing[0].start_ms or 0, max(w.end_ms or 0 for w in sharing)
        if max(start_ms, c.start_ms) < min(end_ms, c.end_ms):
            start_ms, end_ms = max(start_ms, c.start_ms), min(end_ms, c.end_ms)
    else:
        start_ms, end_ms = c.start_ms, c.end_ms
    if end < len(words) and (after_ms := words[end].start_ms) is not None:
        start_ms, end_ms = min(start_ms, after_ms), min(end_ms, after_ms)
    if first > 0:
        start_ms = max(start_ms, words[first - 1].start_ms or 0)
    return start_ms, max(start_ms, end_ms)


def _voice_at(words: Sequence[Word], at_ms: int) -> str | None:
    """The voice of the word that is said then, or else of the last one before."""
    voices = [w.speaker for w in words if (w.start_ms or 0) <= at_ms]
    return voices[-1] if voices else words[0].speaker if words else None
