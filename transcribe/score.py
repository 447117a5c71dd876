"""How good it is, against a reference: words, turns.

Results are counts that add: sum them over recordings and take the rate at the end, so that nobody averages rates.
Needs the `eval` extra (jiwer, whisper-normalizer, pyannote.metrics).
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Self

import numpy as np

from transcribe.matching import Match, aligned, match, need, normalise
from transcribe.records import Record, Turn, Word, text_of

RUN = 8  # words lost one after another are a passage lost
SPEECHLESS_MS = 500  # a word further than this from all that people said was said by nobody


class Counts(Record):
    """What adds field by field, so that several recordings are one."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f: getattr(self, f) + getattr(other, f) for f in self.__struct_fields__})


class WordErrors(Counts):
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


class LostRuns(Counts):
    """Words of the reference that the hypothesis lacks, eight or more one after another."""

    n_words: int = 0
    n_runs: int = 0


class Invented(Counts):
    """Words where nobody speaks. Recordings of whose speech the reference gives no times can't be judged."""

    n_words: int = 0
    n_recordings: int = 0


class StartErrors(Counts):
    """How far the starts of matched words are from the reference's, of words that have times of their own."""

    off_ms: tuple[int, ...] = ()

    @property
    def n_words(self) -> int:
        return len(self.off_ms)

    @property
    def median_ms(self) -> float | None:
        return float(np.median(self.off_ms)) if self.off_ms else None

    @property
    def p95_ms(self) -> float | None:
        return float(np.percentile(self.off_ms, 95)) if self.off_ms else None


class NamesHeard(Counts):
    """Names and other wanted words that the reference has, and how many of them are right in the hypothesis."""

    n_reference: int = 0
    n_right: int = 0

    @property
    def recall(self) -> float | None:
        return self.n_right / self.n_reference if self.n_reference else None


class WordScore(Counts):
    errors: WordErrors = WordErrors()
    lost_runs: LostRuns = LostRuns()
    invented: Invented = Invented()
    starts: StartErrors = StartErrors()
    names: NamesHeard = NamesHeard()


class TurnErrors(Counts):
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


class JaccardErrors(Counts):
    """1 less the Jaccard index of each of the reference's voices with its match, summed over voices."""

    summed: float = 0.0
    n_voices: int = 0

    @property
    def rate(self) -> float | None:
        """Jaccard error rate: every voice counts the same, however much it says."""
        return self.summed / self.n_voices if self.n_voices else None


class VoiceCounts(Counts):
    """How many voices there are and were found; `off` sums how far from right each recording's number was."""

    n_recordings: int = 0
    n_exact: int = 0
    n_reference: int = 0
    n_found: int = 0
    off: int = 0


class TurnScore(Counts):
    """`one_speaker` is the baseline: the reference's own speech, all of it given to one voice."""

    errors: TurnErrors = TurnErrors()
    jaccard: JaccardErrors = JaccardErrors()
    one_speaker: TurnErrors = TurnErrors()
    voices: VoiceCounts = VoiceCounts()


class Interval(Record):
    """A difference of two error rates, and the limits between which 95 % of its resamples lie."""

    difference: float
    low: float
    high: float


def score_words(reference: Sequence[Word], hypothesis: Sequence[Word], names: Sequence[str] = ()) -> WordScore:
    """All that can be said of words, whoever said them. `names` are people's names and other words that matter."""
    matched = match(reference, hypothesis)
    return WordScore(
        errors=word_errors(text_of(reference), text_of(hypothesis)),
        lost_runs=_lost_runs(matched),
        invented=_invented(reference, [hypothesis[j] for j in matched.unmatched]),
        starts=_start_errors(reference, hypothesis, matched),
        names=_names_heard(matched, names),
    )


def _lost_runs(matched: Match) -> LostRuns:
    runs = [len([*run]) for lost, run in groupby(matched.pairs.values(), lambda j: j is None) if lost]
    return LostRuns(n_words=sum(n for n in runs if n >= RUN), n_runs=sum(n >= RUN for n in runs))


def _invented(reference: Sequence[Word], unmatched: Sequence[Word]) -> Invented:
    speech = sorted((w.start_ms, w.end_ms) for w in reference if w.start_ms is not None and w.end_ms is not None)
    if len(speech) < len(reference):
        return Invented()
    if not speech:
        return Invented(n_words=len(unmatched), n_recordings=1)
    begins, ends = np.array(speech).T
    spoken_until = np.maximum.accumulate(ends)
    n_words = 0
    for word in unmatched:
        if word.start_ms is not None and word.end_ms is not None:
            begun = int(np.searchsorted(begins, word.end_ms + SPEECHLESS_MS, side="right"))
            n_words += not begun or int(spoken_until[begun - 1]) + SPEECHLESS_MS < word.start_ms
    return Invented(n_words=n_words, n_recordings=1)


def _start_errors(reference: Sequence[Word], hypothesis: Sequence[Word], matched: Match) -> StartErrors:
    pairs = [(reference[i], hypothesis[j]) for i in sorted(matched.exact) if (j := matched.pairs[i]) is not None]
    return StartErrors(
        off_ms=tuple(
            abs(ours.start_ms - theirs.start_ms)
            for ours, theirs in pairs
            if ours.start_ms is not None and theirs.start_ms is not None and "cue" not in (ours.timing, theirs.timing)
        )
    )


def _names_heard(matched: Match, names: Sequence[str]) -> NamesHeard:
    """A name of several words is right as a whole; where several names fit, the longest counts."""
    wanted: dict[str, list[tuple[str, ...]]] = {}
    for name in sorted({tuple(map(_unowned, normalise(n).split())) for n in names} - {()}, key=len, reverse=True):
        wanted.setdefault(name[0], []).append(name)
    said = [_unowned(piece) for piece, _ in matched.pieces]
    right = [good for _, good in matched.pieces]
    at = n_reference = n_right = 0
    while at < len(said):
        n = next((len(w) for w in wanted.get(said[at], ()) if tuple(said[at : at + len(w)]) == w), 0)
        n_reference += n > 0
        n_right += n > 0 and all(right[at : at + n])
        at += n or 1
    return NamesHeard(n_reference=n_reference, n_right=n_right)


def _unowned(piece: str) -> str:
    """A name without the mark of what is somebody's."""
    return piece.removesuffix("'s").removesuffix("'")


def score_turns(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[tuple[int, int]] | None = None
) -> TurnScore:
    """Diarisation errors, no collar, overlap counted, within the UEM where one is given."""
    n_reference, n_found = (len({t.speaker for t in turns}) for turns in (reference, hypothesis))
    return TurnScore(
        errors=turn_errors(reference, hypothesis, uem),
        jaccard=jaccard_errors(reference, hypothesis, uem),
        one_speaker=turn_errors(reference, one_speaker(reference), uem),
        voices=VoiceCounts(
            n_recordings=1,
            n_exact=int(n_found == n_reference),
            n_reference=n_reference,
            n_found=n_found,
            off=abs(n_found - n_reference),
        ),
    )


def word_errors(reference_text: str, hypothesis_text: str) -> WordErrors:
    """Substitutions, deletions and insertions of the least edit distance, after normalising both texts."""
    return edits(normalise(reference_text).split(), normalise(hypothesis_text).split())


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> WordErrors:
    """The same of words that are normalised already."""
    kinds = Counter(kind for kind, _, _ in aligned(reference, hypothesis))
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
    parts = _diarisation("DiarizationErrorRate", reference, hypothesis, uem)
    return TurnErrors(
        missed_ms=round(1000 * parts["missed detection"]),
        false_alarm_ms=round(1000 * parts["false alarm"]),
        confused_ms=round(1000 * parts["confusion"]),
        reference_ms=round(1000 * parts["total"]),
    )


def jaccard_errors(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[tuple[int, int]] | None = None
) -> JaccardErrors:
    """As turn_errors, by voice instead of by time (Ryant et al., the second DIHARD evaluation plan, 2019)."""
    parts = _diarisation("JaccardErrorRate", reference, hypothesis, uem)
    return JaccardErrors(summed=float(parts["speaker error"]), n_voices=int(parts["speaker count"]))


def _diarisation(
    metric: str, reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[tuple[int, int]] | None
) -> Mapping[str, float]:
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # no telemetry
    diarization, core = need("pyannote.metrics.diarization"), need("pyannote.core")
    overlapping = [t for t in hypothesis if not t.exclusive] or hypothesis
    if uem is None:
        turns = [*reference, *overlapping]
        uem = [(min((t.start_ms for t in turns), default=0), max((t.end_ms for t in turns), default=0))]
    parts: Mapping[str, float] = getattr(diarization, metric)(collar=0.0, skip_overlap=False)(
        _annotation(core, reference),
        _annotation(core, overlapping),
        uem=core.Timeline([core.Segment(a / 1000, b / 1000) for a, b in uem if a < b]),
        detailed=True,
    )
    return parts


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
    differences: list[float] = []
    while len(differences) < N_RESAMPLES:
        drawn = rng.integers(len(words), size=len(words))
        if n := words[drawn].sum():
            differences.append(float(more[drawn].sum() / n))
    low, high = np.percentile(differences, [2.5, 97.5])
    return Interval(difference=float(more.sum() / words.sum()), low=float(low), high=float(high))


def _annotation(core: Any, turns: Sequence[Turn]) -> Any:
    annotation = core.Annotation()
    for k, turn in enumerate(turns):
        if turn.start_ms < turn.end_ms:
            annotation[core.Segment(turn.start_ms / 1000, turn.end_ms / 1000), k] = turn.speaker
    return annotation
