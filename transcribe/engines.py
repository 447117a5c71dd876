"""The engines: what they promise, which there are, and which of them `auto` takes here.

Listing engines imports nothing heavy: each name maps to a module that is imported when the engine is used.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from transcribe.audio import Audio
from transcribe.records import Record, Stretch, Turn, Word

Progress = Callable[[int, int], None]  # (done_ms, total_ms)


class Block(Record):
    """The words of one stretch of audio, about ten minutes long. Blocks come in order and do not overlap."""

    start_ms: int
    end_ms: int
    language: str
    words: tuple[Word, ...]
    stretches: tuple[Stretch, ...] = ()


class Recogniser(Protocol):
    """Speech to words. `fingerprint` is library, model, revision, device and compute type."""

    fingerprint: str

    def words(self, audio: Audio, *, language: str | None, vocabulary: Sequence[str], from_ms: int = 0) -> Iterator[Block]:
        """Blocks of `audio` from `from_ms` (the end of a block seen earlier) to the end."""
        ...


class Diariser(Protocol):
    """Speech to turns: exclusive ones for labels, and ones that may overlap."""

    fingerprint: str

    def turns(self, audio: Audio, *, speakers: tuple[int, int] | None, progress: Progress) -> tuple[Turn, ...]: ...
