"""What people change in a meeting, and how it is laid over what the engines made.

A correction is anchored in time and keeps the words that stood there, so that it outlives another transcription:
laid over new words it is a three-way merge. Where the recogniser now writes what the person wrote nothing is done;
where it writes something else the person's wording stays, marked as unsettled. Nothing that a mask or exclusion hides
ever comes back through a correction that was made before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from transcribe.ranges import Ranges, joined, shares
from transcribe.records import Evidence, Person, Record, SpeakerName, Stretch, Turn, Word, check_range

SCHEMA = "correction/1"
REACH_MS = 2_000  # another transcription may place words this much earlier or later
UNSETTLED = "unsettled "  # before the change of a word where person and recogniser differ
MOST_WORDS = 5_000

Kind = Literal["words", "speaker", "mask", "exclude", "undo"]


class Correction(Record):
    """One line of `corrections.jsonl`. `new` is the wording, or the person's id (empty: nobody knows); `old` is what it
    replaced. Of what is masked or excluded no word is kept."""

    id: str
    at: str  # UTC
    by: str
    kind: Kind
    start_ms: int
    end_ms: int
    recording_sha256: str
    old: str = ""
    new: str = ""
    reason: str = ""
    undoes: str = ""  # id of another correction

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)
        if self.start_ms == self.end_ms:
            raise ValueError("a correction needs a stretch of time")
        if (self.kind == "undo") != bool(self.undoes):
            raise ValueError("`undoes` belongs to a correction of the kind undo, and only to it")
        if self.kind in ("mask", "exclude") and (self.old or self.new):
            raise ValueError("what is masked or excluded is not kept")
        if len(self.new.split()) > MOST_WORDS:
            raise ValueError(f"more than {MOST_WORDS} words at once")

    def touches(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms < end_ms and start_ms < self.end_ms


def in_force(corrections: Iterable[Correction]) -> list[Correction]:
    """Corrections that no later one has undone, in order."""
    corrections = list(corrections)
    undone = {c.undoes for c in corrections}
    return [c for c in corrections if c.kind != "undo" and c.id not in undone]


def hidden(corrections: Iterable[Correction]) -> tuple[Stretch, ...]:
    """What people masked or excluded."""
    return tuple(
        Stretch(
            kind="masked" if c.kind == "mask" else "excluded",
            start_ms=c.start_ms,
            end_ms=c.end_ms,
            reason=c.reason or f"by {c.by}",
        )
        for c in in_force(corrections)
        if c.kind in ("mask", "exclude")
    )


# -- wording --------------------------------------------------------------------------------------


class _Edit(Record):
    """Words `[first, end)` become `texts`. `known` where those words are the ones that the person saw."""

    first: int
    end: int
    texts: tuple[str, ...]
    known: bool


def reworded(words: Sequence[Word], corrections: Iterable[Correction], silence: Ranges) -> tuple[Word, ...]:
    """Words with all corrections of wording laid over them, one after the other."""
    out = list(words)
    for correction in in_force(corrections):
        if correction.kind == "words":
            covered = any(correction.touches(a, b) for a, b in silence)
            out = _lay_over(out, correction, only_known=covered)
    return tuple(out)


def _lay_over(words: list[Word], correction: Correction, *, only_known: bool) -> list[Word]:
    a, b = correction.start_ms, correction.end_ms
    near = [
        i for i, w in enumerate(words) if _middle(w) is not None and a - REACH_MS <= (_middle(w) or 0) < b + REACH_MS
    ]
    if near:
        first, end = near[0], near[-1] + 1
    else:
        first = end = sum((w.start_ms or 0) < a for w in words)
    inside = [i - first for i in near if a <= (_middle(words[i]) or 0) < b]
    if inside:
        place = (inside[0], inside[-1] + 1)
    else:  # between words now: where they stand in time
        here = sum((_middle(words[i]) or 0) < a for i in near)
        place = (here, here)
    there = words[first:end]
    for edit in reversed(_edits(correction.old.split(), correction.new.split(), [w.text for w in there], place)):
        if edit.known or not only_known:
            there[edit.first : edit.end] = _written(there, edit, correction)
    return [*words[:first], *there, *words[end:]]


def _middle(word: Word) -> int | None:
    return None if word.start_ms is None or word.end_ms is None else (word.start_ms + word.end_ms) // 2


def _edits(old: Sequence[str], new: Sequence[str], current: Sequence[str], place: tuple[int, int]) -> list[_Edit]:
    """How `current` must change where a person turned `old` into `new`, in order and apart.

    `place` says which of the current words lie in the corrected time: the others are there to be recognised.
    """
    if list(current[place[0] : place[1]]) == list(old):
        at = {i: place[0] + i for i in range(len(old))}
    else:
        same = SequenceMatcher(None, [_fold(t) for t in old], [_fold(t) for t in current], autojunk=False)
        at = {a + k: b + k for a, b, n in same.get_matching_blocks() for k in range(n)}
    if not at:
        return [_Edit(first=place[0], end=place[1], texts=tuple(new), known=False)]
    edits: list[_Edit] = []
    begun = 0  # where in `new` the last edit began
    for i1, i2, j1, j2 in _changed(old, new):
        own = [at[i] for i in range(i1, i2) if i in at]
        earlier = [at[i] + 1 for i in range(i1) if i in at]
        later = [at[i] for i in range(i2, len(old)) if i in at]
        first = max(earlier) if earlier else min([place[0], *own, *later])
        end = min(later) if later else max([place[1], first, *(k + 1 for k in own)])
        if own and own == list(range(own[0], own[0] + i2 - i1)):
            first, end, known = own[0], own[-1] + 1, True
        else:
            known = i1 == i2 and first == end
        if not known and edits and not edits[-1].known and edits[-1].end >= first:
            edits[-1] = _Edit(first=edits[-1].first, end=end, texts=tuple(new[begun:j2]), known=False)
        else:
            edits.append(_Edit(first=first, end=end, texts=tuple(new[j1:j2]), known=known))
            begun = j1
    return [e for e in edits if e.known or [*map(_fold, current[e.first : e.end])] != [*map(_fold, e.texts)]]


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Where `old[i1:i2]` became `new[j1:j2]`; word by word where there are as many."""
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "replace" and i2 - i1 == j2 - j1:
            yield from ((i1 + k, i1 + k + 1, j1 + k, j1 + k + 1) for k in range(i2 - i1))
        elif tag != "equal":
            yield i1, i2, j1, j2


def _fold(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum()) or text


def _written(words: Sequence[Word], edit: _Edit, correction: Correction) -> list[Word]:
    """A person's words in the place of others, in the same time: each that of its own where there are as many."""
    gone = words[edit.first : edit.end]
    change = f"{'' if edit.known else UNSETTLED}correction {correction.id}"
    if len(gone) == len(edit.texts):
        return [
            msgspec.structs.replace(
                w, text=text, original=w.text if w.original is None else w.original, change=change, confidence=None
            )
            for w, text in zip(gone, edit.texts, strict=True)
        ]
    before = words[edit.first - 1] if edit.first else None
    after = words[edit.end] if edit.end < len(words) else None
    like = gone[0] if gone else before or after
    start_ms, end_ms = _time_for(gone, before, after, correction)
    said = " ".join(w.text for w in gone)
    return [
        Word(
            text=text,
            start_ms=a,
            end_ms=b,
            timing="cue",
            speaker=like.speaker if like else None,
            speaker_margin=like.speaker_margin if like else None,
            overlap=like.overlap if like else False,
            original="" if i else said,
            change=change,
        )
        for i, (text, (a, b)) in enumerate(
            zip(edit.texts, shares(start_ms, end_ms, [len(t) + 1 for t in edit.texts]), strict=True)
        )
    ]


def _time_for(gone: Sequence[Word], before: Word | None, after: Word | None, correction: Correction) -> tuple[int, int]:
    """Where new words go: into the time of those that they replace, or between their neighbours, in order with them."""
    low = (before and before.start_ms) or 0
    high = after.start_ms if after and after.start_ms is not None else None
    if gone:
        start_ms, end_ms = gone[0].start_ms or 0, max(w.end_ms or 0 for w in gone)
    else:
        start_ms = (before and before.end_ms) or correction.start_ms
        end_ms = correction.end_ms if high is None else high
    if high is not None:
        start_ms, end_ms = min(start_ms, high), min(end_ms, high)
    start_ms = max(start_ms, low)
    return start_ms, max(start_ms, end_ms)


# -- who spoke ------------------------------------------------------------------------------------


def spoken_by(
    words: Sequence[Word], turns: Sequence[Turn], corrections: Iterable[Correction], people: Sequence[Person]
) -> tuple[tuple[Word, ...], tuple[Turn, ...], tuple[SpeakerName, ...]]:
    """Words and turns with the voices that people gave to stretches, and the names of those voices.

    Such a voice is `@` and the person's id: what the diariser heard as one voice stays that elsewhere. A later
    correction wins over an earlier one. Somebody who is no longer among `people` is nobody.
    """
    by_id = {p.id: p for p in people}
    heard, spans = list(words), list(turns)
    names: dict[str, SpeakerName] = {}
    for c in in_force(corrections):
        if c.kind != "speaker":
            continue
        person = by_id.get(c.new)
        label = f"@{person.id}" if person else None
        replaced = set()
        for i, word in enumerate(heard):
            middle = _middle(word)
            if middle is not None and c.start_ms <= middle < c.end_ms:
                replaced.add(word.speaker)
                heard[i] = msgspec.structs.replace(word, speaker=label, speaker_margin=None)
        spans = [piece for t in spans for piece in _given(t, c, replaced, label)]
        if person and label:
            said = Evidence(kind="human", person=person.id, at_ms=c.start_ms, words=f"confirmed by {c.by}", weight=0.0)
            earlier = names[label].evidence if label in names else ()
            names[label] = SpeakerName(
                label=label,
                display=" ".join(person.name.split()) or person.id,
                person=person.id,
                role=person.role,
                party=person.party,
                status="confirmed",
                evidence=(*earlier, said),
            )
    used = {w.speaker for w in heard}
    return tuple(heard), tuple(spans), tuple(n for label, n in names.items() if label in used)


def _given(turn: Turn, c: Correction, replaced: set[str | None], label: str | None) -> list[Turn]:
    """A turn, parted where a correction gives some of it to another voice, or to nobody."""
    if turn.speaker not in replaced or not c.touches(turn.start_ms, turn.end_ms):
        return [turn]
    pieces = [
        (turn.start_ms, c.start_ms, turn.speaker),
        (max(turn.start_ms, c.start_ms), min(turn.end_ms, c.end_ms), label),
        (c.end_ms, turn.end_ms, turn.speaker),
    ]
    return [
        msgspec.structs.replace(turn, start_ms=a, end_ms=b, speaker=speaker)
        for a, b, speaker in pieces
        if a < b and speaker is not None
    ]


def silence(stretches: Iterable[Stretch]) -> Ranges:
    """The time that nobody may hear or read."""
    return joined((s.start_ms, s.end_ms) for s in stretches if s.kind in ("masked", "excluded"))
