"""When words are said: which of them belong to a stretch of time, and in which language."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from transcribe.records import Passage, Word

Times = npt.NDArray[np.int64]


def middle(word: Word) -> int:
    """When a word is in the midst of being said, in ms; -1 where nobody knows."""
    return -1 if word.start_ms is None or word.end_ms is None else (word.start_ms + word.end_ms) // 2


def middles(words: Sequence[Word]) -> Times:
    """The `middle` of each word: many stretches are looked up among tens of thousands of words."""
    return np.fromiter(map(middle, words), np.int64, len(words))


def inside(at_ms: Times, start_ms: int, end_ms: int) -> list[int]:
    """Which of the words with these `middles` are said from `start_ms` to `end_ms`: their indices, in order."""
    found: list[int] = np.flatnonzero((at_ms >= max(0, start_ms)) & (at_ms < end_ms)).tolist()
    return found


def languages(words: Iterable[Word], main: str, passages: Sequence[Passage]) -> list[str]:
    """The language of each word: of the passage in which it is said, which are in order and apart, or else `main`."""
    starts_ms = [p.start_ms for p in passages]

    def one(at_ms: int) -> str:
        i = bisect_right(starts_ms, at_ms) - 1
        return passages[i].language if i >= 0 and at_ms < passages[i].end_ms else main

    return [one(middle(w)) for w in words] if passages else [main for _ in words]
