"""Who spoke when: the `pyannote` engine, in a process of its own.

The models run in a spawned child, so that their memory goes back when a recording is done, a crash or a kill for
want of memory becomes a Problem instead of ending the batch, and two libraries never meet in one process. The child
reads samples from the recording's own file; no whole copy of it is made.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import multiprocessing
import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from transcribe import voices
from transcribe.problem import LACKING, SOME_FAILED, Problem
from transcribe.records import Record, Turn

if TYPE_CHECKING:
    from transcribe.audio import Audio
    from transcribe.engines import Progress

HUB = {"community-1": "pyannote/speaker-diarization-community-1"}
RATE_HZ = 16_000
SHORTEST_S = 0.1  # a shorter recording holds no turn


class Recipe(Record):
    """What the child needs to build a pipeline: either the starter's two files or a pipeline's folder."""

    segmentation: str = ""
    embedding: str = ""
    folder: str = ""
    device: str = "cpu"
    n_threads: int = 0  # 0: as many as torch likes


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
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        with tempfile.TemporaryDirectory(prefix="onrecord-") as scratch, ours:
            log = Path(scratch) / "log"
            child = context.Process(
                target=_child,
                args=(theirs, self.recipe, str(audio.path), audio.n_samples, speakers, str(log)),
                name="onrecord-turns",
                daemon=True,
            )
            child.start()
            theirs.close()  # now only the child holds it, so that its death is an end of file here
            try:
                return _listen(ours, audio.duration_ms, progress)
            except EOFError:
                child.join()
                raise _died(child.exitcode, log) from None
            finally:
                child.kill()
                child.join()


def load(
    name: str,
    *,
    segmentation: Path | None = None,
    embedding: Path | None = None,
    device: str = "cpu",
    n_threads: int = 0,
) -> Pyannote:
    """The diariser `pyannote:<name>`: `starter`, `community-1`, a pipeline's folder, or its id on the model hub.

    `starter` needs `segmentation` (segmentation-3.0's pytorch_model.bin) and `embedding` (CAM++'s state dict) and
    opens no socket. A pipeline from the hub is looked for in the hub's cache first; the token for one whose
    conditions must be accepted comes from the environment variable HF_TOKEN. Raises Problem when something lacks.
    """
    if importlib.util.find_spec("pyannote") is None or importlib.util.find_spec("pyannote.audio") is None:
        raise Problem("pyannote.audio is not installed", fix='pip install "onrecord[pyannote]"', exit_code=LACKING)
    if name == "starter":
        files = [_existing(segmentation, "segmentation-3.0"), _existing(embedding, "campplus")]
        recipe = Recipe(segmentation=str(files[0]), embedding=str(files[1]), device=device, n_threads=n_threads)
        fingerprint = fingerprint_of_starter(_sha256(files[:1]), _sha256(files[1:]), device)
    else:
        folder = Path(name) if Path(name).is_dir() else _from_hub(HUB.get(name, name))
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


def _from_hub(name: str) -> Path:
    """The folder of a pipeline on the model hub: as the hub's cache has it, else fetched there."""
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", "10")
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", "30")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except HFValidationError as e:
        raise Problem(f"there is no diarisation model {name!r}", fix="onrecord doctor lists them") from e
    except (LocalEntryNotFoundError, OSError):
        pass
    try:
        return Path(snapshot_download(name, token=os.environ.get("HF_TOKEN") or None))
    except GatedRepoError as e:
        raise Problem(
            f"{name} asks that its conditions be accepted",
            where=f"https://huggingface.co/{name}",
            fix="accept them there, put your token into the environment variable HF_TOKEN, and try again",
            exit_code=LACKING,
        ) from e
    except (HfHubHTTPError, OSError, ValueError) as e:
        raise Problem(
            f"cannot fetch {name} from the model hub: {type(e).__name__}",
            fix="try again with network, or name a folder that holds the pipeline",
            exit_code=LACKING,
        ) from e


# -- the parent's end -----------------------------------------------------------------------------


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


def _died(exit_code: int | None, log: Path) -> Problem:
    if exit_code is not None and exit_code < 0:
        return Problem(
            f"diarisation was ended from outside (signal {-exit_code}): most often the machine ran out of memory",
            fix="run fewer at once (`--jobs 1`) or on a machine with more memory, then run again",
            exit_code=SOME_FAILED,
        )
    last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.is_file() else []
    return Problem(
        f"diarisation stopped (exit {exit_code}){': ' + last[0] if last else ''}",
        fix="run again; `onrecord doctor` shows whether the engine works here",
        exit_code=SOME_FAILED,
    )


# -- the child's end ------------------------------------------------------------------------------


def _child(
    theirs: "Connection[Any, Any]",
    recipe: Recipe,
    path: str,
    n_samples: int,
    speakers: tuple[int, int] | None,
    log: str,
) -> None:
    """Sends fractions done, then the turns; or a Problem, or a traceback."""
    import signal
    import warnings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and kills
    threading.Thread(target=_die_with_parent, daemon=True).start()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # libraries talk; nobody here listens
    os.dup2(out, 1)
    os.dup2(out, 2)
    warnings.simplefilter("ignore")
    try:
        theirs.send(msgspec.msgpack.encode(diarise(recipe, Path(path), n_samples, speakers, theirs.send)))
    except Problem as e:
        theirs.send(e)
    except MemoryError:
        theirs.send(Problem("not enough memory to diarise", fix="run fewer at once", exit_code=SOME_FAILED))
    except Exception:
        theirs.send(traceback.format_exc())


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def diarise(
    recipe: Recipe, path: Path, n_samples: int, speakers: tuple[int, int] | None, report: Any
) -> tuple[Turn, ...]:
    """The turns in a file of raw 16-bit samples at 16 kHz, in this process. `report` is called with fractions done."""
    pipeline = _pipeline(recipe)
    import numpy as np
    import torch

    # 16-bit samples go through pyannote as they are, straight from the file; each batch becomes floating point
    # just before a network sees it. A private mapping (mode c), because torch wants memory that could be written.
    samples = np.memmap(path, dtype=np.int16, mode="c", shape=(1, n_samples))
    for network in (pipeline._segmentation.model, pipeline._embedding.model_):
        network.register_forward_pre_hook(_as_float)

    share = {"segmentation": (0.0, 0.25), "embeddings": (0.25, 0.75)}  # of the time that all takes

    def hook(step: str, _: object, total: int | None = None, completed: int | None = None, **__: object) -> None:
        if total and completed is not None and step in share:
            if completed % 8 == 0:
                _give_memory_back()
            start, part = share[step]
            report(start + part * min(1.0, completed / total))

    bounds = {} if speakers is None else {"min_speakers": speakers[0], "max_speakers": speakers[1]}
    said = pipeline(
        {"waveform": torch.from_numpy(samples), "sample_rate": RATE_HZ, "uri": "recording"}, hook=hook, **bounds
    )
    duration_ms = n_samples * 1000 // RATE_HZ
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
    except Exception as e:  # there is no end to what damaged files make torch raise
        raise Problem(
            f"cannot build the diarisation pipeline: {e}",
            where=recipe.folder or Path(recipe.segmentation).parent.parent,
            fix="get the model again (`onrecord models verify` shows which file is wrong)",
        ) from e
    return pipeline.to(torch.device(recipe.device))


def prepare() -> None:
    """What must be so before pyannote.audio is imported: no telemetry, no code in weights, a torchaudio that loads."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    os.environ.setdefault("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")  # pyannote itself asks torch to run what pickles say
    _import_torchaudio()


def _import_torchaudio() -> None:
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
