"""Who spoke when: the `pyannote` engine, in a process of its own.

The models run in a spawned child, so that a crash or a kill for want of memory becomes a Problem instead of ending the
batch, and two libraries never meet in one process. The child reads samples from the recording's own file; no whole
copy of it is made. Starting it takes seconds: it stays for the next recording, and leaves when none comes for a
while, so that its memory goes back where meetings are long.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from transcribe import voices
from transcribe.lifeline import end_with_parent
from transcribe.problem import LACKING, SOME_FAILED, Problem, Starved
from transcribe.records import Record, Turn

if TYPE_CHECKING:
    from transcribe.audio import Audio
    from transcribe.media import Progress

RATE_HZ = 16_000
SHORTEST_S = 0.1  # a shorter recording holds no turn
KEPT_S = 120.0  # how long a child waits for the next recording


class Recipe(Record):
    """What the child needs to build a pipeline: either the starter's two files or a pipeline's folder."""

    segmentation: str = ""
    embedding: str = ""
    folder: str = ""
    device: str = "cpu"
    n_threads: int = 0  # 0: as many as torch likes


class Request(Record):
    """A recording for the child: a file of 16-bit samples, and the least and most number of voices."""

    path: str
    n_samples: int
    speakers: tuple[int, int] | None = None


class Pyannote(Record):
    """A diariser (see `transcribe.engines.Diariser`). Make it with `load`."""

    recipe: Recipe
    fingerprint: str

    def turns(
        self, audio: "Audio", *, speakers: tuple[int, int] | None = None, progress: "Progress | None" = None
    ) -> tuple[Turn, ...]:
        """Exclusive turns, then turns that may overlap, each by time; voices are S1, S2 … as they first speak.

        `speakers` is the least and most number of voices. `progress` is called with (done_ms, total_ms). Raises
        Problem when the models cannot be read or the process dies.
        """
        if audio.n_samples < SHORTEST_S * RATE_HZ:
            return ()
        request = Request(path=str(audio.path), n_samples=audio.n_samples, speakers=speakers)
        child = _kept.pop(self.recipe, None)
        if child is None or not child.take(request):
            child = _Child(self.recipe)
            child.send(request)
        try:
            turns = _listen(child.pipe, audio.duration_ms, progress)
        except (EOFError, ConnectionError):  # the latter where it died before it took the request
            raise child.died() from None
        except BaseException:
            child.end()
            raise
        while _kept:
            _kept.popitem()[1].end()
        _kept[self.recipe] = child
        return turns


def load(
    name: str,
    *,
    segmentation: Path | None = None,
    embedding: Path | None = None,
    device: str = "cpu",
    n_threads: int = 0,
) -> Pyannote:
    """The diariser `pyannote:<name>`: `starter`, or a pipeline's folder.

    `starter` needs `segmentation` (segmentation-3.0's pytorch_model.bin) and `embedding` (CAM++'s state dict). No
    socket is opened: what has to be fetched, `transcribe.models` fetches and pins. Raises Problem when anything lacks.
    """
    if importlib.util.find_spec("pyannote") is None or importlib.util.find_spec("pyannote.audio") is None:
        raise Problem("pyannote.audio is not installed", fix='pip install "onrecord[pyannote]"', exit_code=LACKING)
    if name == "starter":
        files = [_existing(segmentation, "segmentation-3.0"), _existing(embedding, "campplus")]
        recipe = Recipe(segmentation=str(files[0]), embedding=str(files[1]), device=device, n_threads=n_threads)
        fingerprint = fingerprint_of_starter(_sha256(files[:1]), _sha256(files[1:]), device)
    else:
        folder = Path(name)
        if not folder.is_dir():
            raise Problem(
                f"there is no diarisation model {name!r}",
                fix="use pyannote:starter, pyannote:community-1, or the folder of a pipeline",
            )
        if not (folder / "config.yaml").is_file():
            raise Problem("this folder holds no pipeline: config.yaml is missing", where=folder, fix="name another")
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in {".bin", ".npz", ".yaml"})
        recipe = Recipe(folder=str(folder), device=device, n_threads=n_threads)
        fingerprint = _fingerprint(f"{Path(name).name} {_sha256(files)}", device)
    return Pyannote(recipe=recipe, fingerprint=fingerprint)


def fingerprint_of_starter(segmentation: str, embedding: str, device: str) -> str:
    """The fingerprint of `starter` with weights whose hashes begin with these 12 digits."""
    return _fingerprint(f"segmentation-3.0 {segmentation}", f"campplus {embedding}", voices.RULE, device)


def _fingerprint(*parts: str) -> str:
    return ", ".join([*(f"{p} {importlib.metadata.version(p)}" for p in ("pyannote.audio", "torch")), *parts])


def _existing(path: Path | None, model: str) -> Path:
    if path is None or not path.is_file():
        raise Problem(
            f"the model {model} is not here",
            where=path or "",
            fix=f"onrecord models get {model}",
            exit_code=LACKING,
        )
    return path


def _sha256(files: Sequence[Path]) -> str:
    """The first 12 digits of one file's hash, or of the hash over several files' hashes."""
    digests = []
    for file in files:
        with file.open("rb") as f:
            digests.append(hashlib.file_digest(f, "sha256"))
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(d.digest() for d in digests))
    return whole.hexdigest()[:12]


# -- the parent's end -----------------------------------------------------------------------------


class _Child:
    """A process with the models of one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        context = multiprocessing.get_context("spawn")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`; it has no name to be left behind
        self.pipe, theirs = context.Pipe()
        log = Connection(os.dup(self._log.fileno()), readable=False)  # what a descriptor travels to a process in
        self._process = context.Process(target=_child, args=(theirs, recipe, log), name="onrecord-turns", daemon=True)
        self._process.start()
        theirs.close()  # now only the child holds it, so that its death is an end of file here
        log.close()

    def send(self, request: Request) -> None:
        with contextlib.suppress(BrokenPipeError):  # it died: whoever listens learns of it
            self.pipe.send(request)

    def take(self, request: Request) -> bool:
        """Hand over a request, unless the child has left meanwhile."""
        try:
            self.pipe.send(request)
            self.pipe.recv()
            return True
        except (EOFError, OSError):
            self.end()
            return False

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()
        self._log.close()

    def died(self) -> Problem:
        """What to say of its death."""
        self._process.join()
        exit_code = self._process.exitcode
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        self.end()
        if exit_code is not None and exit_code < 0:
            return Starved(
                f"diarisation was ended from outside (signal {-exit_code}): most often the machine ran out of memory",
                fix="run fewer at once (`--jobs 1`) or on a machine with more memory, then run again",
                exit_code=SOME_FAILED,
            )
        return Problem(
            f"diarisation stopped (exit {exit_code}){': ' + said[-1] if said else ''}",
            fix="run again; `onrecord doctor` shows whether the engine works here",
            exit_code=SOME_FAILED,
        )


_kept: dict[Recipe, _Child] = {}  # the one that waits for its next recording


def _listen(ours: "Connection[Any, Any]", total_ms: int, progress: "Progress | None") -> tuple[Turn, ...]:
    """The turns that the child sends at last. Raises what it sends instead, and EOFError when it dies."""
    done_ms = -1
    while True:
        message = ours.recv()
        match message:
            case float():
                now_ms = min(total_ms, round(message * total_ms))
                if progress is not None and now_ms > done_ms:
                    progress(now_ms, total_ms)
                    done_ms = now_ms
            case bytes():
                turns = msgspec.msgpack.decode(message, type=tuple[Turn, ...])
                if progress is not None and done_ms < total_ms:
                    progress(total_ms, total_ms)
                return turns
            case Problem():
                raise message
            case _:
                raise RuntimeError(f"diarisation failed\n{message}")


# -- the child's end ------------------------------------------------------------------------------


def _child(pipe: "Connection[Any, Any]", recipe: Recipe, log: "Connection[Any, Any]") -> None:
    """For each request: fractions done, then the turns. Or a Problem, or a traceback, and that is the end."""
    import signal
    import warnings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and kills
    end_with_parent()
    os.dup2(log.fileno(), 1)  # libraries talk; nobody here listens
    os.dup2(log.fileno(), 2)
    warnings.simplefilter("ignore")
    pipeline = None
    try:
        while pipe.poll(KEPT_S):
            try:
                request = pipe.recv()
            except EOFError:  # nobody needs it any more
                return
            pipe.send(0.0)
            pipeline = pipeline or _pipeline(recipe)
            pipe.send(msgspec.msgpack.encode(_diarise(pipeline, request, pipe.send)))
            _give_memory_back()
    except Problem as e:
        pipe.send(e)
    except MemoryError:
        pipe.send(Starved("not enough memory to diarise", fix="run fewer at once", exit_code=SOME_FAILED))
    except Exception:
        pipe.send(traceback.format_exc())


def diarise(recipe: Recipe, request: Request, report: Callable[[float], object]) -> tuple[Turn, ...]:
    """The turns in a file of raw 16-bit samples at 16 kHz, in this process. `report` is called with fractions done."""
    return _diarise(_pipeline(recipe), request, report)


def _diarise(pipeline: Any, request: Request, report: Callable[[float], object]) -> tuple[Turn, ...]:
    import numpy as np
    import torch

    # 16-bit samples go through pyannote as they are, straight from the file; each batch becomes floating point
    # just before a network sees it. A private mapping (mode c), because torch wants memory that could be written.
    samples = np.memmap(request.path, dtype=np.int16, mode="c", shape=(1, request.n_samples))
    share = getattr(pipeline, "progress", {"segmentation": (0.0, 0.25), "embeddings": (0.25, 0.75)})  # of the time

    def hook(step: str, _: object, total: int | None = None, completed: int | None = None, **__: object) -> None:
        if total and completed is not None and step in share:
            if completed % 8 == 0:
                _give_memory_back()
            start, part = share[step]
            report(start + part * min(1.0, completed / total))

    bounds = {}
    if request.speakers:
        bounds = {"min_speakers": request.speakers[0], "max_speakers": request.speakers[1]}
    said = pipeline(
        {"waveform": torch.from_numpy(samples), "sample_rate": RATE_HZ, "uri": "recording"}, hook=hook, **bounds
    )
    duration_ms = request.n_samples * 1000 // RATE_HZ
    return _turns(_spans(said.exclusive_speaker_diarization), _spans(said.speaker_diarization), duration_ms)


def _give_memory_back() -> None:
    """Have the C library, where it is glibc, return what was freed.

    Left alone it keeps freed blocks between the small results of each batch: 1.5 GB after an hour of sound.
    """
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _as_float(_: object, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    import torch

    waveforms, *others = arguments
    if waveforms.dtype == torch.int16:
        waveforms = waveforms.float() / 2**15
    return waveforms, *others


def _spans(annotation: Any) -> list[tuple[int, int, str]]:
    """(start_ms, end_ms, label), by time."""
    return sorted(
        (round(segment.start * 1000), round(segment.end * 1000), str(label))
        for segment, _, label in annotation.itertracks(yield_label=True)
    )


def _turns(
    exclusive: Sequence[tuple[int, int, str]], overlapping: Sequence[tuple[int, int, str]], duration_ms: int
) -> tuple[Turn, ...]:
    names: dict[str, str] = {}
    turns = []
    for spans, alone in ((exclusive, True), (overlapping, False)):
        free_ms = 0
        for start, end, label in spans:
            start = max(start, free_ms if alone else 0)
            end = min(end, duration_ms)
            if start < end:
                name = names.setdefault(label, f"S{len(names) + 1}")
                turns.append(Turn(speaker=name, start_ms=start, end_ms=end, exclusive=alone))
                free_ms = end
    return tuple(turns)


def _pipeline(recipe: Recipe) -> Any:
    """The pipeline of `recipe`, on its device. Raises Problem when its files are not what they should be."""
    import pickle

    prepare()
    import torch

    if recipe.n_threads:
        torch.set_num_threads(recipe.n_threads)
    if recipe.device.startswith("cuda") and not torch.cuda.is_available():
        raise Problem("there is no GPU that torch can use", fix="choose the device `cpu`", exit_code=LACKING)

    from pyannote.audio import Pipeline

    from transcribe import starter

    try:
        if recipe.folder:
            with torch.serialization.safe_globals(starter.PICKLED):
                pipeline = Pipeline.from_pretrained(recipe.folder, token=os.environ.get("HF_TOKEN") or None)
        else:
            pipeline = starter.build(Path(recipe.segmentation), Path(recipe.embedding))
    except pickle.UnpicklingError as e:
        raise Problem(
            "a file of weights is damaged, or holds more than numbers, and was not opened",
            where=recipe.folder or Path(recipe.segmentation).parent.parent,
            fix="get the model again; if you trust it, set TORCH_FORCE_WEIGHTS_ONLY_LOAD=0",
        ) from e
    except MemoryError:
        raise
    except Exception as e:  # there is no end to what damaged files make torch raise
        raise Problem(
            f"cannot build the diarisation pipeline: {e}",
            where=recipe.folder or Path(recipe.segmentation).parent.parent,
            fix="get the model again (`onrecord models verify` shows which file is wrong)",
        ) from e
    for network in (pipeline._segmentation.model, pipeline._embedding.model_):
        network.register_forward_pre_hook(_as_float)
    return pipeline.to(torch.device(recipe.device))


def prepare() -> None:
    """What must be so before pyannote.audio is imported: no telemetry, no code in weights, a torchaudio that loads, and
    threads that sleep while they wait: spinning, they take the processor from each other on a busy machine, and a
    minute's work becomes ten."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")  # pyannote itself asks torch to run what pickles say
    import_torchaudio()


def import_torchaudio() -> None:
    """Import torchaudio, without its compiled part where that was built for another torch.

    The package index's torchaudio is built against CUDA and fails to load beside a torch without it. pyannote needs
    only what is written in Python, and torchaudio itself can do without the compiled part when none was built: so
    where loading fails, and only there, it is told that none was.
    """
    try:
        import torchaudio
    except (OSError, RuntimeError, ImportError):
        import types

        for name in [n for n in sys.modules if n == "torchaudio" or n.startswith("torchaudio.")]:
            del sys.modules[name]

        def unavailable(function: Any) -> Any:
            def fail(*_: object, **__: object) -> None:
                raise RuntimeError(f"{function.__name__} needs torchaudio's compiled part, which does not load here")

            return fail

        absent = types.ModuleType("torchaudio._extension")
        vars(absent).update(
            _IS_TORCHAUDIO_EXT_AVAILABLE=False,
            _IS_ALIGN_AVAILABLE=False,
            _check_cuda_version=lambda: None,
            fail_if_no_align=unavailable,
        )
        sys.modules["torchaudio._extension"] = absent
        import torchaudio  # noqa: F401
