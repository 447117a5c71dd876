"""How good it is, against a reference: words, turns.

Results are counts that add: sum them over recordings and take the rate at the end, so that nobody averages rates.
Needs the `eval` extra (jiwer, scipy, whisper-normalizer).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from transcribe.matching import Match, aligned, match, need, normalise
from transcribe.records import Record, Turn, Word, text_of

RUN = 8  # words lost one after another are a passage lost
CHANCE = 2  # words in it that are right, since common words turn up in anything
LEAST_LOST = 3  # to one word that is right: less is not lost but misheard
FAR_MS = 5000  # the same word this far away is another one, as tcpWER has it
N_RESAMPLES = 2000  # of the bootstrap
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
    """Words of the reference that the hypothesis lacks or has others for, in passages of eight or more such words.

    A passage goes on over one or two right words, as long as three of four are lost.
    """

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
    """1 less the Jaccard index of each of the reference's voices with its match, summed over voices, which are matched
    so that it is least (Ryant et al., the second DIHARD evaluation plan, 2019)."""

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
    right = {i: j for i in sorted(matched.exact) if (j := matched.pairs[i]) is not None}
    far = {i: j for i, j in right.items() if (_off_ms(reference[i], hypothesis[j]) or 0) > FAR_MS}
    return WordScore(
        errors=word_errors(text_of(reference), text_of(hypothesis)),
        lost_runs=_lost_runs([i not in right or i in far for i in matched.pairs]),
        invented=_invented(reference, [hypothesis[j] for j in matched.wrong.union(far.values())]),
        starts=_start_errors((reference[i], hypothesis[j]) for i, j in right.items()),
        names=_names_heard(matched, names),
    )


def _lost_runs(lost: Sequence[bool]) -> LostRuns:
    """Passages of words of which each is `lost` or right; one that may not go on ends, and the next begins after it."""
    runs: list[int] = []  # lost words of each passage
    n_right = n_between = 0  # right words in the last passage, and after it
    for is_lost, group in groupby(lost):
        n = len([*group])
        if not is_lost:
            n_between = n
        elif runs and n_between <= CHANCE and runs[-1] + n >= LEAST_LOST * (n_right + n_between):
            runs[-1] += n
            n_right += n_between
        else:
            runs.append(n)
            n_right = 0
    return LostRuns(n_words=sum(n for n in runs if n >= RUN), n_runs=sum(n >= RUN for n in runs))


def _invented(reference: Sequence[Word], wrong: Sequence[Word]) -> Invented:
    speech = sorted((w.start_ms, w.end_ms) for w in reference if w.start_ms is not None and w.end_ms is not None)
    if len(speech) < len(reference):
        return Invented()
    if not speech:
        return Invented(n_words=len(wrong), n_recordings=1)
    begins, ends = np.array(speech).T
    spoken_until = np.maximum.accumulate(ends)
    n_words = 0
    for word in wrong:
        if word.start_ms is not None and word.end_ms is not None:
            begun = int(np.searchsorted(begins, word.end_ms + SPEECHLESS_MS, side="right"))
            n_words += not begun or int(spoken_until[begun - 1]) + SPEECHLESS_MS < word.start_ms
    return Invented(n_words=n_words, n_recordings=1)


def _start_errors(pairs: Iterable[tuple[Word, Word]]) -> StartErrors:
    return StartErrors(off_ms=tuple(off_ms for ours, theirs in pairs if (off_ms := _off_ms(ours, theirs)) is not None))


def _off_ms(ours: Word, theirs: Word) -> int | None:
    """How far apart two words start, where both have times of their own."""
    if ours.start_ms is None or theirs.start_ms is None or "cue" in (ours.timing, theirs.timing):
        return None
    return abs(ours.start_ms - theirs.start_ms)


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
    baseline = turn_errors(reference, one_speaker(reference), uem)
    return msgspec.structs.replace(_turn_score(reference, hypothesis, uem), one_speaker=baseline)


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
    scored; without it, everything.
    """
    return _turn_score(reference, hypothesis, uem).errors


def _turn_score(
    reference: Sequence[Turn], hypothesis: Sequence[Turn], uem: Sequence[tuple[int, int]] | None
) -> TurnScore:
    """All but the baseline."""
    ours, theirs = _joined(reference), _joined([t for t in hypothesis if not t.exclusive] or hypothesis)
    within = _joined([Turn(speaker="", start_ms=a, end_ms=b) for a, b in uem]) if uem is not None else None
    moments = [at for side in (ours, theirs, within or {}) for ranges in side.values() for at in ranges]
    edges = np.unique(np.array(moments, dtype=np.int64))
    lengths_ms = np.diff(edges).astype(np.float64)  # whole numbers below 2^53, whose sums are exact
    if within is not None:
        lengths_ms *= _speaking(within, edges).any(axis=0)
    wanted, found = _speaking(ours, edges), _speaking(theirs, edges)
    n_wanted, n_found = wanted.sum(axis=0, dtype=np.int64), found.sum(axis=0, dtype=np.int64)
    wanted_ms, found_ms, together_ms = np.zeros(len(wanted)), np.zeros(len(found)), np.zeros((len(wanted), len(found)))
    for k in range(0, len(lengths_ms), 20_000):  # so that a day of many voices needs no gigabytes
        part = slice(k, k + 20_000)
        wanted_ms += wanted[:, part] @ lengths_ms[part]
        found_ms += found[:, part] @ lengths_ms[part]
        together_ms += (wanted[:, part] * lengths_ms[part]) @ found[:, part].T.astype(np.float64)

    either_ms = wanted_ms[:, None] + found_ms - together_ms
    shared = np.divide(together_ms, either_ms, out=np.zeros_like(together_ms), where=either_ms > 0)
    missed_ms = np.maximum(n_wanted - n_found, 0) @ lengths_ms
    n_voices, n_voices_found = int((wanted_ms > 0).sum()), int((found_ms > 0).sum())
    return TurnScore(
        errors=TurnErrors(
            missed_ms=int(missed_ms),
            false_alarm_ms=int(np.maximum(n_found - n_wanted, 0) @ lengths_ms),
            confused_ms=int(wanted_ms.sum() - missed_ms - _most_matched(together_ms)),
            reference_ms=int(wanted_ms.sum()),
        ),
        jaccard=JaccardErrors(summed=n_voices - _most_matched(shared), n_voices=n_voices),
        voices=VoiceCounts(
            n_recordings=1,
            n_exact=int(n_voices == n_voices_found),
            n_reference=n_voices,
            n_found=n_voices_found,
            off=abs(n_voices - n_voices_found),
        ),
    )


def _most_matched(table: npt.NDArray[np.float64]) -> float:
    """The largest sum over pairs of a row and a column, each used once."""
    return float(table[need("scipy.optimize").linear_sum_assignment(-table)].sum())


def _joined(turns: Iterable[Turn]) -> dict[str, list[int]]:
    """Each voice's speech as start, end, start, end …, in order and apart."""
    speech: dict[str, list[int]] = {}
    for turn in sorted(turns, key=lambda t: t.start_ms):
        mine = speech.setdefault(turn.speaker, [])
        if mine and turn.start_ms <= mine[-1]:
            mine[-1] = max(mine[-1], turn.end_ms)
        elif turn.start_ms < turn.end_ms:
            mine += (turn.start_ms, turn.end_ms)
    return speech


def _speaking(speech: Mapping[str, Sequence[int]], edges: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each voice speaks between each edge and the next (voices x edges less one)."""
    speaking = np.zeros((len(speech), max(len(edges) - 1, 0)), dtype=np.bool_)
    for row, ranges in zip(speaking, speech.values(), strict=True):
        for first, end in np.searchsorted(edges, ranges).reshape(-1, 2):
            row[first:end] = True
    return speaking


def one_speaker(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The baseline: the same speech, and all of it one voice. Of a reference it shows what telling voices apart is
    worth at best; of a hypothesis, what it was worth there."""
    ends = iter(_joined(msgspec.structs.replace(t, speaker="S1") for t in turns).get("S1", ()))
    return tuple(Turn(speaker="S1", start_ms=a, end_ms=b) for a, b in zip(ends, ends, strict=True))


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
