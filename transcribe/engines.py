"""The engines: what they promise, which there are, and which of them `auto` takes here.

An engine is written `engine:model`. Choosing one imports nothing heavy and never opens a socket: it looks at what
is on disk. A choice is made once per batch; what runs must have exactly the chosen fingerprint.
"""

import ctypes
import functools
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from transcribe.audio import Audio
from transcribe.problem import LACKING, Problem
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

    def words(
        self, audio: Audio, *, language: str | None, vocabulary: Sequence[str], from_ms: int = 0
    ) -> Iterator[Block]:
        """Blocks of `audio` from `from_ms` (the end of a block seen earlier) to the end."""
        ...


class Diariser(Protocol):
    """Speech to turns: exclusive ones for labels, and ones that may overlap."""

    fingerprint: str

    def turns(self, audio: Audio, *, speakers: tuple[int, int] | None, progress: Progress) -> tuple[Turn, ...]: ...


class Choice(Record):
    """An engine chosen for a batch. `remark` says in one line which, why not a better one, and how to get it."""

    name: str
    fingerprint: str
    model: str = ""  # a name of the model table, a path, or a pipeline id
    device: str = "cpu"
    compute_type: str = ""
    by_hand: bool = False
    remark: str = ""


# Best first. On a CPU the larger ones take longer than the meeting did, so they are used only when named.
_ON_GPU = ("whisper-large-v3-turbo", "whisper-large-v3", "whisper-medium", "whisper-small", "whisper-base", "whisper-tiny.en")
_ON_CPU = ("whisper-small", "whisper-base", "whisper-tiny.en")
_LIBRARIES = {
    "whisper": ("faster_whisper", "whisper"),
    "openai-whisper": ("whisper", "openai-whisper"),
    "pyannote": ("pyannote.audio", "pyannote"),
}


def choose_recogniser(name: str = "auto") -> Choice:
    """The recogniser `name` as it would run here: `auto`, `captions`, `whisper:MODEL` or `openai-whisper:MODEL`.

    MODEL is a model's short name (`base`), or a path. A choice that can't run still is one: it says what lacks when
    a meeting needs it, so that meetings which need no recogniser go on without.
    """
    if name == "captions":
        return Choice(name=name, fingerprint="captions", by_hand=True)
    if name == "auto":
        return _auto_recogniser()
    engine, _, model = name.partition(":")
    if engine not in ("whisper", "openai-whisper") or not model:
        raise Problem(
            f"there is no recogniser {name!r}", fix="use auto, captions, whisper:MODEL or openai-whisper:MODEL"
        )
    return _recogniser(engine, model, by_hand=True)


def _auto_recogniser() -> Choice:
    order = _ON_GPU if _has_gpu() else _ON_CPU
    here = [m for m in order if models.find(m)]
    if not here or not _installed("whisper"):
        return Choice(name="auto", fingerprint="", model="whisper-base" if _installed("whisper") else "")
    best = here[0].removeprefix("whisper-")
    choice = _recogniser("whisper", best, by_hand=False)
    better = order[: order.index(here[0])]
    remark = f"words: whisper:{best} ({choice.compute_type} on {choice.device}), the best model on disk that suits this machine"
    if better:
        remark += f"; better: onrecord models get {better[-1]}"
    return msgspec.structs.replace(choice, remark=remark)


def _recogniser(engine: str, model: str, *, by_hand: bool) -> Choice:
    device = "cuda" if _has_gpu() else "cpu"
    compute_type = "float32" if engine == "openai-whisper" else ("float16" if device == "cuda" else "int8")
    path = models.find(f"whisper-{model}")
    revision = ""
    if path is not None:
        revision = next(m.revision for m in models.known() if m.name == f"whisper-{model}")
    elif Path(model).exists():
        path, revision = Path(model).resolve(), _contents(Path(model))
    elif "/" in model or model.endswith(".pt"):
        raise Problem("there is no such model", where=model, fix="name a folder or file that exists")
    library = _versions(engine)
    return Choice(
        name=f"{engine}:{model}",
        fingerprint=f"{library}, {model} {revision[:12]}, {device} {compute_type}" if path and library else "",
        model=str(path) if path else f"whisper-{model}",
        device=device,
        compute_type=compute_type,
        by_hand=by_hand,
    )
