"""How good it is, against a reference: words, turns, voices, names.

Results are counts that add: sum them over recordings and take the rate at the end, so that nobody averages rates.
Needs the `eval` extra (jiwer, whisper-normalizer, pyannote.metrics).
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Self

import numpy as np

from transcribe.problem import LACKING, Problem
from transcribe.records import Record, SpeakerName, Turn, Word


class _Counts(Record):
    """Whole numbers that add field by field."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f: getattr(self, f) + getattr(other, f) for f in self.__struct_fields__})


class WordErrors(_Counts):
    """Words wrong after Whisper's English normalisation."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    n_reference: int = 0

    @property
    def rate(self) -> float | None:
        """Word error rate; None where the reference has no words. May exceed 1."""
        errors = self.substitutions + self.deletions + self.insertions
        return errors / self.n_reference if self.n_reference else None


class TurnErrors(_Counts):
    """Milliseconds of speech; two voices at once count twice."""

    missed_ms: int = 0
    false_alarm_ms: int = 0
    confused_ms: int = 0
    reference_ms: int = 0

    @property
    def rate(self) -> float | None:
        """Diarisation error rate; None where the reference has no speech. May exceed 1."""
        errors_ms = self.missed_ms + self.false_alarm_ms + self.confused_ms
        return errors_ms / self.reference_ms if self.reference_ms else None


class SpeakerWords(_Counts):
    """Of the reference's words: how many were found (right or misheard), and how many of those had the right voice."""

    n_reference: int = 0
    n_found: int = 0
    n_right: int = 0

    @property
    def rate(self) -> float | None:
        """Share of all reference words that were found and had the right voice."""
        return self.n_right / self.n_reference if self.n_reference else None


class Interval(Record):
    """A difference of two error rates, and the limits between which 95 % of its resamples lie."""

    difference: float
    low: float
    high: float


class NameWords(_Counts):
    """Reference words by the name that they were given."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0
    missed: int = 0  # words that the hypothesis does not have

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


def word_errors(reference_text: str, hypothesis_text: str) -> WordErrors:
    """Substitutions, deletions and insertions of the least edit distance, after normalising both texts."""
    reference, hypothesis = _normalise(reference_text).split(), _normalise(hypothesis_text).split()
    kinds = Counter(kind for kind, _, _ in _aligned(reference, hypothesis))
    return WordErrors(
        substitutions=kinds["substitute"],
        deletions=kinds["delete"],
        insertions=kinds["insert"],
        n_reference=len(reference),
    )


def turn_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[tuple[int, int]] | None = None
) -> TurnErrors:
    """Diarisation errors with no collar, overlap counted, voices matched as well as they can be.

    The hypothesis counts by its overlapping turns where it has any, else by its exclusive ones. `uem` is what is
    scored; without it, all from the first turn to the last.
    """
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # no telemetry
    diarization, core = _need("pyannote.metrics.diarization"), _need("pyannote.core")
    overlapping = [t for t in hypothesis if not t.exclusive] or hypothesis
    metric = diarization.DiarizationErrorRate(collar=0.0, skip_overlap=False)
    if uem is None:
        turns = [*reference, *overlapping]
        uem = [(min((t.start_ms for t in turns), default=0), max((t.end_ms for t in turns), default=0))]
    parts = metric(
        _annotation(core, reference),
        _annotation(core, overlapping),
        uem=core.Timeline([core.Segment(a / 1000, b / 1000) for a, b in uem if a < b]),
        detailed=True,
    )
    return TurnErrors(
        missed_ms=round(1000 * parts["missed detection"]),
        false_alarm_ms=round(1000 * parts["false alarm"]),
        confused_ms=round(1000 * parts["confusion"]),
        reference_ms=round(1000 * parts["total"]),
    )


def one_speaker(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The baseline: the same speech, and all of it one voice. Of a reference it shows what telling voices apart is
    worth at best; of a hypothesis, what it was worth there."""
    joined: list[tuple[int, int]] = []
    for turn in sorted(turns, key=lambda t: t.start_ms):
        if joined and turn.start_ms <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], turn.end_ms)
        else:
            joined.append((turn.start_ms, turn.end_ms))
    return tuple(Turn(speaker="S1", start_ms=a, end_ms=b) for a, b in joined)


def speaker_words(reference: Sequence[Word], hypothesis: Sequence[Word]) -> SpeakerWords:
    """Words with the right voice, after aligning texts and matching voices one-to-one as well as they can be."""
    pairs = list(_word_pairs(reference, hypothesis))
    together = Counter(
        (reference[i].speaker, hypothesis[j].speaker) for i, j in pairs if j is not None and hypothesis[j].speaker
    )
    return SpeakerWords(
        n_reference=len(pairs),
        n_found=sum(j is not None for _, j in pairs),
        n_right=_best_matching(together),
    )


def name_words(reference: Sequence[Word], hypothesis: Sequence[Word], names: Sequence[SpeakerName]) -> NameWords:
    """Words by the name that their voice was given; `reference` words carry person ids as speakers."""
    person = {n.label: n.person for n in names}
    verdicts: Counter[str] = Counter()
    for i, j in _word_pairs(reference, hypothesis):
        given = None if j is None else person.get(hypothesis[j].speaker or "")
        if j is None:
            verdicts["missed"] += 1
        elif given is None:
            verdicts["unknown"] += 1
        else:
            verdicts["right" if given == reference[i].speaker else "wrong"] += 1
    return NameWords(
        right=verdicts["right"], wrong=verdicts["wrong"], unknown=verdicts["unknown"], missed=verdicts["missed"]
    )


N_RESAMPLES = 2000


def bootstrap(errors_a: Sequence[int], errors_b: Sequence[int], n_words: Sequence[int], *, seed: int = 0) -> Interval:
    """The pooled error rate of system A less that of B, with 95 % limits; below 0, A is better.

    One number per file or sentence, the same ones in the same order for both systems. Files are drawn again with
    replacement, both systems' errors together (Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR
    performance evaluation", 2004), so what makes a file hard for both cancels out.
    Raises ValueError where the files are not the same or the reference has no words.
    """
    if not len(errors_a) == len(errors_b) == len(n_words):
        raise ValueError("both systems are compared over the same files")
    if not sum(n_words):
        raise ValueError("without words there is no error rate")
    more, words = np.subtract(errors_a, errors_b, dtype=np.int64), np.array(n_words, dtype=np.int64)
    rng = np.random.default_rng(seed)
    differences = []
    while len(differences) < N_RESAMPLES:
        drawn = rng.integers(len(words), size=len(words))
        if n := words[drawn].sum():
            differences.append(more[drawn].sum() / n)
    low, high = np.percentile(differences, [2.5, 97.5])
    return Interval(difference=float(more.sum() / words.sum()), low=float(low), high=float(high))


def _word_pairs(reference: Sequence[Word], hypothesis: Sequence[Word]) -> Iterator[tuple[int, int | None]]:
    """Each reference word that counts (not "um"), with the hypothesis word aligned to it or None.

    Words are normalised one by one, so that each piece ("we", "have" of "we've") knows its word.
    """
    ours = [(piece, i) for i, w in enumerate(reference) for piece in _normalise(w.text).split()]
    theirs = [(piece, j) for j, w in enumerate(hypothesis) for piece in _normalise(w.text).split()]
    found: dict[int, int | None] = {i: None for _, i in ours}
    for kind, a, b in _aligned([piece for piece, _ in ours], [piece for piece, _ in theirs]):
        if kind in ("equal", "substitute") and found[ours[a][1]] is None:
            found[ours[a][1]] = theirs[b][1]
    yield from found.items()


def _aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(equal | substitute | delete | insert, index in reference, index in hypothesis) of a least-edit alignment."""
    if not reference or not hypothesis:
        yield from (("delete", i, 0) for i in range(len(reference)))
        yield from (("insert", 0, j) for j in range(len(hypothesis)))
        return
    found = _need("jiwer").process_words(" ".join(reference), " ".join(hypothesis))
    for chunk in found.alignments[0]:
        n = max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for k in range(n):
            yield chunk.type, chunk.ref_start_idx + k, chunk.hyp_start_idx + k


def _best_matching(together: Counter[tuple[str | None, str | None]]) -> int:
    """The largest sum of counts when each left label goes with at most one right label."""
    if not together:
        return 0
    optimize, numpy = _need("scipy.optimize"), _need("numpy")
    left, right = (sorted({str(pair[side]) for pair in together}) for side in (0, 1))
    table = numpy.zeros((len(left), len(right)))
    for (a, b), n in together.items():
        table[left.index(str(a)), right.index(str(b))] += n
    rows, columns = optimize.linear_sum_assignment(-table)
    return int(table[rows, columns].sum())


def _annotation(core: Any, turns: Sequence[Turn]) -> Any:
    annotation = core.Annotation()
    for k, turn in enumerate(turns):
        if turn.start_ms < turn.end_ms:
            annotation[core.Segment(turn.start_ms / 1000, turn.end_ms / 1000), k] = turn.speaker
    return annotation


def _normalise(text: str) -> str:
    return str(_normaliser()(text))


@cache
def _normaliser() -> Any:
    return _need("whisper_normalizer.english").EnglishTextNormalizer()


def _need(module: str) -> Any:
    """A library of the `eval` extra, or the command that gets it."""
    try:
        return import_module(module)
    except ImportError as e:
        raise Problem(
            f"scoring needs {module.split('.')[0]}, which is not installed",
            fix="pip install 'onrecord[eval]'",
            exit_code=LACKING,
        ) from e
