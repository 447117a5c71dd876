"""The engines: what they promise, which there are, and which of them `auto` takes here.

An engine is written `engine:model`. Choosing one imports nothing heavy and never opens a socket: it looks at what
is on disk. A choice is made once per batch; what runs must have exactly the chosen fingerprint.
"""

import ctypes
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from transcribe import models
from transcribe.audio import Audio
from transcribe.media import Progress
from transcribe.problem import LACKING, Problem
from transcribe.records import Passage, Record, Stretch, Turn, Word

if TYPE_CHECKING:
    from transcribe.align import Aligner


class Block(Record):
    """The words of one stretch of audio, about ten minutes long, and where in it anybody spoke. Blocks come in order
    and do not overlap. What is not said in `language` is in one of the `passages`."""

    start_ms: int
    end_ms: int
    language: str
    words: tuple[Word, ...]
    stretches: tuple[Stretch, ...] = ()
    passages: tuple[Passage, ...] = ()
    speech: tuple[tuple[int, int], ...] = ()


class Recogniser(Protocol):
    """Speech to words. `fingerprint` is library, model, revision, device and compute type."""

    @property
    def fingerprint(self) -> str: ...

    def words(
        self,
        audio: Audio,
        *,
        language: str | None,
        vocabulary: Sequence[str],
        others: Sequence[str] = (),
        progress: Progress,
        from_ms: int = 0,
        to_ms: int | None = None,
    ) -> Iterator[Block]:
        """Blocks of `audio` from `from_ms` to `to_ms` (the end of the recording without it), leaving nothing out.

        `others` are the languages that may be spoken besides `language`, the main one.

        `progress` is called every few minutes at least: an engine that is silent for longer is thought to hang.
        """
        ...


class Diariser(Protocol):
    """Speech to turns: exclusive ones for labels, and ones that may overlap. `progress` is as for words."""

    @property
    def fingerprint(self) -> str: ...

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
    lacks: str = ""  # what keeps it from running here, and `fix`, what to do about it
    fix: str = ""


_CODES = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it
ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so
sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
"""
LANGUAGES = frozenset(_CODES.split())  # of every Whisper model but those for English alone, whose names end in ".en"

# Best first. On a CPU the larger ones take longer than the meeting did, so they are used only when named.
_ON_GPU = ("large-v3-turbo", "large-v3", "medium", "small", "base", "tiny.en")
_ON_CPU = ("small", "base", "tiny.en")
_RULE = "hearing/4"  # in the fingerprint: raise it whenever the same Whisper would be heard to say other words
_STARTER = ("segmentation-3.0", "campplus")
_EXTRA = {"whisper": "faster_whisper", "openai-whisper": "whisper", "pyannote": "pyannote.audio"}


def choose_recogniser(name: str = "auto") -> Choice:
    """The recogniser `name` as it would run here: `auto`, `captions`, `whisper:MODEL` or `openai-whisper:MODEL`.

    MODEL is a model's short name (`base`) or a path. A choice that can't run still is one: it says what lacks when
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
    order = _ON_GPU if has_gpu() else _ON_CPU
    here = next((m for m in order if models.find(f"whisper-{m}")), None)
    choice = _recogniser("whisper", here or "base", by_hand=False)
    if choice.lacks or here is None:
        return choice
    better = [m for m in order[: order.index(here)] if any(k.name == f"whisper-{m}" for k in models.known())]
    more = f"; better, but slower: onrecord models get whisper-{better[-1]}" if better else ""
    return msgspec.structs.replace(
        choice,
        remark=f"words by whisper:{here} ({choice.compute_type} on {choice.device}), the best on disk here{more}",
    )


def _recogniser(engine: str, model: str, *, by_hand: bool) -> Choice:
    device = "cuda" if has_gpu() else "cpu"
    known = next((m for m in models.known() if m.name == f"whisper-{model}"), None)
    path = models.find(f"whisper-{model}") if known else None
    lacks, fix, revision = "", "", known.fingerprint if known else ""
    if not _is_installed(engine):
        lacks, fix = f"{engine} is not installed", f'pip install "onrecord[{engine}]"'
    elif known and path is None:
        lacks, fix = f"the model whisper-{model} is not on this machine", f"onrecord models get whisper-{model}"
    elif not known:
        path = Path(model).expanduser().resolve()
        if path.exists():
            revision = _fingerprint_of(path)
        else:
            lacks, fix = f"there is no Whisper model {model!r}", "name a model of `onrecord models list`, or a path"
    compute_type = "float32" if engine == "openai-whisper" else _compute_type(path) if device == "cuda" else "int8"
    return Choice(
        name=f"{engine}:{model}",
        fingerprint=f"{_versions(engine)}, {path.name if path else model} {revision}, {_RULE}, {device} {compute_type}",
        model=str(path or model),
        device=device,
        compute_type=compute_type,
        by_hand=by_hand,
        lacks=lacks,
        fix=fix,
    )


def choose_diariser(name: str = "auto") -> Choice:
    """The diariser `name` as it would run here: `auto`, `captions`, or `pyannote:MODEL` (starter, community-1 or a
    pipeline's folder)."""
    if name == "captions":
        return Choice(name=name, fingerprint="captions", by_hand=True)
    engine, _, model = ("pyannote:starter" if name == "auto" else name).partition(":")
    if engine != "pyannote" or not model:
        raise Problem(f"there is no diariser {name!r}", fix="use auto, captions or pyannote:MODEL")
    lacks, fix = "", ""
    if not _is_installed(engine):
        lacks, fix = "pyannote.audio is not installed", 'pip install "onrecord[pyannote]"'
    elif model == "starter" and not all(models.find(m) for m in _STARTER):
        lacks, fix = "the models of pyannote:starter are not on this machine", "onrecord models get starter"
    elif any(model == known.name for known in models.known()) and not models.find(model):
        lacks, fix = f"the model {model} is not on this machine", f"onrecord models get {model}"
    choice = Choice(
        name=f"{engine}:{model}",
        fingerprint="",
        model=model,
        device="cuda" if has_gpu() else "cpu",
        by_hand=name != "auto",
        lacks=lacks,
        fix=fix,
    )
    if lacks:
        return choice
    remark = (
        "" if choice.by_hand else "voices by pyannote:starter; better, with a token: onrecord models get community-1"
    )
    try:
        if model == "starter":  # the table pins these files, so they are hashed when they are loaded and not before
            from transcribe.diarise import fingerprint_of_starter

            segmentation, embedding = (m.fingerprint for m in models.named(_STARTER))
            fingerprint = fingerprint_of_starter(segmentation, embedding, choice.device)
        else:
            fingerprint = _diariser(choice).fingerprint  # of what is on disk now, not when it was last used
    except Problem as e:  # damaged weights, say: meetings that need no diariser go on without
        if choice.by_hand:
            raise
        return msgspec.structs.replace(choice, lacks=e.what, fix=e.fix)
    return msgspec.structs.replace(choice, fingerprint=fingerprint, remark=remark)


@functools.lru_cache(maxsize=1)
def recogniser(choice: Choice, n_threads: int = 0) -> Recogniser:
    """The engine of a choice, its model checked and loaded once, and kept until another is asked for.

    Raises Problem where it can't run here.
    """
    if choice.lacks:
        raise Problem(choice.lacks, fix=choice.fix, exit_code=LACKING)
    models.check(Path(choice.model))
    if choice.name.startswith("openai-whisper:"):
        from transcribe import openai_whisper

        return openai_whisper.load(
            Path(choice.model),
            fingerprint=choice.fingerprint,
            device=choice.device,
            n_threads=n_threads,
            cache=models.folder() / "converted",
        )
    from transcribe import whisper

    return whisper.load(
        Path(choice.model),
        fingerprint=choice.fingerprint,
        device=choice.device,
        compute_type=choice.compute_type,
        n_threads=n_threads,
    )


def aligner(choice: Choice, n_threads: int = 0) -> "Aligner | None":
    """A recogniser's model as what finds given words in sound, if it can. Raises Problem where it can't run here."""
    found: Aligner | None = getattr(recogniser(choice, n_threads), "aligner", None)
    return found


@functools.lru_cache(maxsize=1)
def diariser(choice: Choice, n_threads: int = 0) -> Diariser:
    """The engine of a choice, its models checked once, and kept until another is asked for.

    Raises Problem where it can't run here.
    """
    return _diariser(choice, n_threads)


def _diariser(choice: Choice, n_threads: int = 0) -> Diariser:
    if choice.lacks:
        raise Problem(choice.lacks, fix=choice.fix, exit_code=LACKING)
    from transcribe import diarise

    if choice.model != "starter":
        kept = models.find(choice.model)
        if kept:
            models.check(kept)
        return diarise.load(str(kept or choice.model), device=choice.device, n_threads=n_threads)
    segmentation, embedding = (models.find(m) for m in _STARTER)
    for path in (segmentation, embedding):
        if path:
            models.check(path)
    return diarise.load(
        "starter",
        segmentation=segmentation and segmentation / "pytorch_model.bin",
        embedding=embedding and embedding / "campplus_cn_en_common.pt",
        device=choice.device,
        n_threads=n_threads,
    )


_ROOMY = 4  # times the weights: with the clips that are heard at once and what the driver keeps for itself


def _compute_type(folder: Path | None) -> str:
    """How CTranslate2 computes on the GPU here: with floats of 16 bits, or weights of 8 where those would fill it.

    Depends on what the card is, not on what else uses it now, since it is part of the fingerprint.
    """
    weights = folder / "model.bin" if folder else None
    size = weights.stat().st_size if weights and weights.is_file() else 0
    driver, device, total = _driver(), ctypes.c_int(0), ctypes.c_size_t(0)
    if driver is None or driver.cuDeviceGet(ctypes.byref(device), 0):
        return "float16"
    if driver.cuDeviceTotalMem_v2(ctypes.byref(total), device):
        return "float16"
    return "float16" if total.value >= _ROOMY * size else "int8_float16"


def has_gpu() -> bool:
    """Whether the CUDA driver sees a device."""
    return _driver() is not None


def free_gpu_bytes() -> int:
    """Memory of the first device that nothing uses now; 0 where the driver does not say."""
    driver = _driver()
    device, context = ctypes.c_int(0), ctypes.c_void_p()
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    if driver is None or driver.cuDeviceGet(ctypes.byref(device), 0):
        return 0
    if driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device):
        return 0
    try:
        if driver.cuCtxPushCurrent_v2(context) == 0:
            driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))
            driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
    return free.value


@functools.cache
def _driver() -> ctypes.CDLL | None:
    """The CUDA driver where it sees a device. It is asked itself, since importing torch would take seconds."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    n = ctypes.c_int(0)
    sees = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(n)) == 0 and n.value > 0
    return driver if sees else None


def _is_installed(engine: str) -> bool:
    module = _EXTRA[engine]
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _versions(engine: str) -> str:
    packages = {"whisper": ("faster-whisper", "ctranslate2"), "openai-whisper": ("openai-whisper", "torch")}[engine]
    try:
        return " ".join(f"{p} {importlib.metadata.version(p)}" for p in packages)
    except importlib.metadata.PackageNotFoundError:
        return engine


def _fingerprint_of(path: Path) -> str:
    """The start of the hash of a model's weights that the model table does not know."""
    weights = path / "model.bin" if path.is_dir() else path
    try:
        with weights.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()[:12]
    except OSError:
        return ""
