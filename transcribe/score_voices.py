"""Words with the voices that said them against a reference.

Counts that add, as in transcribe/score.py. tcpWER alone needs meeteval, which has to be compiled on some machines and
so is no part of the `eval` extra.
"""

from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from rapidfuzz.distance import Levenshtein

from transcribe.matching import match, need, normalise
from transcribe.records import Word, text_of
from transcribe.score import Counts, WordErrors, edits
from transcribe.score_names import NameScore

COLLAR_S = 5.0  # of tcpWER: words further apart than this are not the same


class SpeakerWords(Counts):
    """Of the reference's words: how many were found (right or misheard); of those, how many had no voice, the right
    voice, and the right voice with every letter right."""

    n_reference: int = 0
    n_found: int = 0
    n_unvoiced: int = 0
    n_right: int = 0
    n_exact: int = 0

    @property
    def rate(self) -> float | None:
        """Share of all reference words that were found and had the right voice."""
        return self.n_right / self.n_reference if self.n_reference else None

    @property
    def wrong_rate(self) -> float | None:
        """Share of all reference words that were found and had a wrong voice."""
        n_wrong = self.n_found - self.n_unvoiced - self.n_right
        return n_wrong / self.n_reference if self.n_reference else None

    @property
    def attributed_error_rate(self) -> float | None:
        """Share of all reference words that lack the right word with the right voice."""
        return 1 - self.n_exact / self.n_reference if self.n_reference else None


class SpeakerScore(Counts):
    """`cpwer` and `tcpwer` are word errors per voice, voices matched as well as they can be; a word with the wrong
    voice counts as lost there and invented here. `tcpwer` has no words where meeteval is not installed, `names` none
    where the reference does not say who people are."""

    voices: SpeakerWords = SpeakerWords()
    cpwer: WordErrors = WordErrors()
    tcpwer: WordErrors = WordErrors()
    names: NameScore = NameScore()


def score_speakers(
    reference: Sequence[Word], hypothesis: Sequence[Word], names: NameScore | None = None
) -> SpeakerScore:
    """Words with their voices; `names` is how the names of voices fare, where the reference says who people are."""
    return SpeakerScore(
        voices=speaker_words(reference, hypothesis),
        cpwer=voice_errors(reference, hypothesis),
        tcpwer=timed_voice_errors(reference, hypothesis) or WordErrors(),
        names=names or NameScore(),
    )


def speaker_words(reference: Sequence[Word], hypothesis: Sequence[Word]) -> SpeakerWords:
    """Words with the right voice, after aligning texts and matching voices one-to-one as well as they can be."""
    matched = match(reference, hypothesis)
    found = [(reference[i].speaker, hypothesis[j].speaker, i) for i, j in matched.pairs.items() if j is not None]
    mine = _best_matching(Counter((a, b) for a, b, _ in found if b))
    right = [i for a, b, i in found if b and mine.get(a) == b]
    return SpeakerWords(
        n_reference=len(matched.pairs),
        n_found=len(found),
        n_unvoiced=sum(not b for _, b, _ in found),
        n_right=len(right),
        n_exact=len(matched.exact.intersection(right)),
    )


def voice_errors(reference: Sequence[Word], hypothesis: Sequence[Word]) -> WordErrors:
    """cpWER: each voice's words as one text, voices matched so that the errors are fewest (Watanabe et al., "CHiME-6
    challenge", 2020). Words without a voice are one voice more; voices left over are all lost, or all invented."""
    ours, theirs = _by_voice(reference), _by_voice(hypothesis)
    n = max(len(ours), len(theirs))
    ours, theirs = ours + [""] * (n - len(ours)), theirs + [""] * (n - len(theirs))
    if not n:
        return WordErrors()
    errors = np.array([[Levenshtein.distance(a.split(), b.split()) for b in theirs] for a in ours])
    rows, columns = need("scipy.optimize").linear_sum_assignment(errors)
    return sum((edits(ours[a].split(), theirs[b].split()) for a, b in zip(rows, columns, strict=True)), WordErrors())


def _by_voice(words: Sequence[Word]) -> list[str]:
    """The normalised text of each voice."""
    said: dict[str | None, list[Word]] = {}
    for word in words:
        said.setdefault(word.speaker, []).append(word)
    return [normalise(text_of(w)) for w in said.values()]


def can_time() -> bool:
    """Whether meeteval is here, which tcpWER needs."""
    return find_spec("meeteval") is not None


def timed_voice_errors(reference: Sequence[Word], hypothesis: Sequence[Word]) -> WordErrors | None:
    """tcpWER: cpWER in which words more than five seconds apart are not the same (von Neumann et al., "MeetEval",
    2023). None where meeteval is not installed, or words have no times."""
    if not can_time() or any(w.start_ms is None for w in (*reference, *hypothesis)):
        return None
    meeteval = need("meeteval")
    sides = [
        meeteval.io.SegLST(
            [
                {
                    "session_id": "",
                    "speaker": w.speaker or "",
                    "start_time": (w.start_ms or 0) / 1000,
                    "end_time": (w.end_ms or 0) / 1000,
                    "words": normalise(w.text),
                }
                for w in words
            ]
        )
        for words in (reference, hypothesis)
    ]
    (found,) = meeteval.wer.tcpwer(*sides, collar=COLLAR_S).values()
    return WordErrors(
        substitutions=found.substitutions,
        deletions=found.deletions,
        insertions=found.insertions,
        n_reference=found.length,
    )


def _best_matching(together: Counter[tuple[str | None, str | None]]) -> dict[str | None, str | None]:
    """Left label -> right label, each used at most once, so that the sum of their counts is largest."""
    if not together:
        return {}
    left, right = list({a: None for a, _ in together}), list({b: None for _, b in together})
    table = np.zeros((len(left), len(right)))
    for (a, b), n in together.items():
        table[left.index(a), right.index(b)] += n
    rows, columns = need("scipy.optimize").linear_sum_assignment(-table)
    return {left[a]: right[b] for a, b in zip(rows, columns, strict=True)}
