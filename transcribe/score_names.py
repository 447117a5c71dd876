"""Names that voices were given, against a reference that says who speaks: by word, by status, over thresholds, in time.

Counts that add, as in transcribe/score.py. A name is right or wrong for every single word and moment, since the voice
that bears it may be split, or mixed with another.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, Self

import msgspec

from transcribe.matching import match
from transcribe.records import Person, Record, SpeakerName, Turn, Word
from transcribe.said_by import people_called
from transcribe.score import Counts

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)


class NameWords(Counts):
    """Reference words by the name that they were given."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0
    missed: int = 0  # words that the hypothesis does not have

    @property
    def n_words(self) -> int:
        return self.right + self.wrong + self.unknown + self.missed

    @property
    def precision(self) -> float | None:
        """Share of named words that have the right name."""
        named = self.right + self.wrong
        return self.right / named if named else None

    @property
    def coverage(self) -> float | None:
        """Share of words found that have a name."""
        found = self.right + self.wrong + self.unknown
        return (self.right + self.wrong) / found if found else None


class NameTime(Counts):
    """Milliseconds of the reference's speech by the name that is said to be speaking; two people at once count twice.

    `missed_ms` is speech in which nobody is said to speak, `stray_ms` time of named voices beyond all who do.
    """

    right_ms: int = 0
    wrong_ms: int = 0
    unknown_ms: int = 0
    missed_ms: int = 0
    stray_ms: int = 0

    @property
    def reference_ms(self) -> int:
        return self.right_ms + self.wrong_ms + self.unknown_ms + self.missed_ms

    @property
    def precision(self) -> float | None:
        """Share of the speech with a name that has the right one."""
        named_ms = self.right_ms + self.wrong_ms
        return self.right_ms / named_ms if named_ms else None

    @property
    def coverage(self) -> float | None:
        """Share of all speech that has a name."""
        return (self.right_ms + self.wrong_ms) / self.reference_ms if self.reference_ms else None


class Point(Record):
    """Coverage and precision of names that are at least so likely; None where nothing is found, or nothing named."""

    at_least: float
    coverage: float | None
    precision: float | None


class Curve(Counts):
    """Words with the right and a wrong name, for each of THRESHOLDS, if only names at least so likely were given; of
    `n_found` words of the reference that the hypothesis has. What people confirmed is certain."""

    right: tuple[int, ...] = (0,) * len(THRESHOLDS)
    wrong: tuple[int, ...] = (0,) * len(THRESHOLDS)
    n_found: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            right=tuple(a + b for a, b in zip(self.right, other.right, strict=True)),
            wrong=tuple(a + b for a, b in zip(self.wrong, other.wrong, strict=True)),
            n_found=self.n_found + other.n_found,
        )

    @property
    def points(self) -> list[Point]:
        return [
            Point(
                at_least=threshold,
                coverage=(right + wrong) / self.n_found if self.n_found else None,
                precision=right / (right + wrong) if right + wrong else None,
            )
            for threshold, right, wrong in zip(THRESHOLDS, self.right, self.wrong, strict=True)
        ]


class NameScore(NameWords):
    """All words; those of voices with either status; and of these at thresholds, and of time."""

    confirmed: NameWords = NameWords()
    inferred: NameWords = NameWords()
    curve: Curve = Curve()
    time: NameTime = NameTime()


def score_names(
    reference: Sequence[Word],
    hypothesis: Sequence[Word],
    names: Sequence[SpeakerName],
    *,
    turns: tuple[Sequence[Turn], Sequence[Turn]] = ((), ()),
) -> NameScore:
    """Names of a hypothesis's voices. Voices of the reference, and of its `turns` (beside the hypothesis's), are ids of
    people. Turns that may overlap count before exclusive ones."""
    verdicts = _verdicts(reference, hypothesis, names)
    persons = {n.label: n.person for n in names}
    ours, theirs = turns
    theirs = [t for t in theirs if not t.exclusive] or theirs
    return NameScore(
        **msgspec.structs.asdict(_counted(verdicts)),
        confirmed=_counted([v for v in verdicts if v[1] and v[1].status == "confirmed"]),
        inferred=_counted([v for v in verdicts if v[1] and v[1].status == "inferred"]),
        curve=_curve(verdicts),
        time=name_time(
            [(t.start_ms, t.end_ms, t.speaker) for t in ours],
            [(t.start_ms, t.end_ms, persons.get(t.speaker)) for t in theirs],
        ),
    )


def name_words(reference: Sequence[Word], hypothesis: Sequence[Word], names: Sequence[SpeakerName]) -> NameWords:
    """Words by the name that their voice was given; `reference` words carry person ids as speakers."""
    return _counted(_verdicts(reference, hypothesis, names))


def whose(voices: Sequence[str], people: Sequence[Person]) -> dict[str, str]:
    """Which of `people` each voice of a reference is, by id, name or alias; strangers, and names that may be several
    people's, are left out."""
    found = {voice: people_called(people, voice.replace("_", " ")) for voice in dict.fromkeys(voices)}
    return {voice: called[0].id for voice, called in found.items() if len(called) == 1}


def name_time(reference: Sequence[tuple[int, int, str]], hypothesis: Sequence[tuple[int, int, str | None]]) -> NameTime:
    """Speech by name: (start_ms, end_ms, person) of both sides; None is a voice without a name.

    Nothing is counted unless both sides have turns.
    """
    if not (reference and hypothesis):
        return NameTime()
    events: list[tuple[int, int, bool, str | None]] = []  # when, one more or one less, of the reference, who
    for ours, turns in ((True, reference), (False, hypothesis)):
        for start_ms, end_ms, person in turns:
            events += ((start_ms, 1, ours, person), (end_ms, -1, ours, person))
    speaking: dict[bool, Counter[str | None]] = {True: Counter(), False: Counter()}
    right_ms = wrong_ms = unknown_ms = missed_ms = stray_ms = at_ms = 0
    for moment_ms, change, ours, person in sorted(events, key=lambda e: e[0]):
        if passed_ms := moment_ms - at_ms:
            wanted = {p for p, n in speaking[True].items() if n}
            named = {p for p, n in speaking[False].items() if n and p is not None}
            right = len(wanted & named)
            wrong = min(len(wanted), len(named)) - right
            unknown = min(len(wanted) - right - wrong, speaking[False][None])
            right_ms += right * passed_ms
            wrong_ms += wrong * passed_ms
            unknown_ms += unknown * passed_ms
            missed_ms += (len(wanted) - right - wrong - unknown) * passed_ms
            stray_ms += (len(named) - right - wrong) * passed_ms
        at_ms = moment_ms
        speaking[ours][person] += change
    return NameTime(right_ms=right_ms, wrong_ms=wrong_ms, unknown_ms=unknown_ms, missed_ms=missed_ms, stray_ms=stray_ms)


_Verdict = tuple[Literal["right", "wrong", "unknown", "missed"], SpeakerName | None]  # and the name that it is about


def _verdicts(reference: Sequence[Word], hypothesis: Sequence[Word], names: Sequence[SpeakerName]) -> list[_Verdict]:
    """One for each word of the reference that counts."""
    by_label = {n.label: n for n in names}
    found: list[_Verdict] = []
    for i, j in match(reference, hypothesis).pairs.items():
        name = None if j is None else by_label.get(hypothesis[j].speaker or "")
        if j is None:
            found.append(("missed", None))
        elif name is None or name.person is None:
            found.append(("unknown", name))
        else:
            found.append(("right" if name.person == reference[i].speaker else "wrong", name))
    return found


def _counted(verdicts: Sequence[_Verdict]) -> NameWords:
    n = Counter(verdict for verdict, _ in verdicts)
    return NameWords(right=n["right"], wrong=n["wrong"], unknown=n["unknown"], missed=n["missed"])


def _curve(verdicts: Sequence[_Verdict]) -> Curve:
    likely = [(v, 1.0 if n.probability is None else n.probability) for v, n in verdicts if n and n.person]
    right, wrong = (
        tuple(sum(p >= threshold for verdict, p in likely if verdict == wanted) for threshold in THRESHOLDS)
        for wanted in ("right", "wrong")
    )
    return Curve(right=right, wrong=wrong, n_found=sum(verdict != "missed" for verdict, _ in verdicts))
