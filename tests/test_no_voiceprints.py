"""No voiceprints: what tells voices apart within a meeting is in no file that a run leaves, finished or killed."""

import ast
import errno
import json
import multiprocessing
import os
import re
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pipeline import batch, work
from tests import tiny_pyannote
from tests.house import ROOT, Engine, Heard, job, with_sound
from tests.make_media import write_sound
from transcribe import diarise
from transcribe.audio import Audio
from transcribe.engines import Choice
from transcribe.records import Turn

WHISPER = Choice(name="whisper:base", fingerprint="whisper base", by_hand=True)
STARTER = Choice(name="pyannote:starter", fingerprint="pyannote starter", by_hand=True)
N_LONG = 32  # numbers in a row that may be a voice
NUMBER = rb"-?\d+\.\d+(?:[eE][-+]?\d+)?"
MANY_NUMBERS = re.compile(rb"(?:%b[\s,;\[\]]+){%d}" % (NUMBER, N_LONG))
ARRAYS = {".npy", ".npz", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".safetensors", ".h5", ".onnx"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter's own networks, small and with random weights."""
    diarise.prepare()
    folder = tmp_path_factory.mktemp("models")
    tiny_pyannote.starter(folder)
    return folder


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every embedding that is made."""
    from transcribe import starter

    made: list[Any] = []

    def forward(self: Any, waveforms: Any, weights: Any = None) -> Any:
        found = real(self, waveforms, weights)
        made.extend(row.numpy() for row in found.detach().cpu() if not row.isnan().any())
        return found

    real = starter.Voice.forward
    monkeypatch.setattr(starter.Voice, "forward", forward)
    return made


class Listener(Engine):
    """Hears words as Engine does, and tells voices apart as the starter does, in this process."""

    recipe: diarise.Recipe
    underway: Callable[[float], object] = staticmethod(lambda fraction: None)

    def turns(self, audio: Audio, *, speakers: object, progress: object) -> tuple[Turn, ...]:
        request = diarise.Request(path=str(audio.path), n_samples=audio.n_samples)
        return diarise.diarise(self.recipe, request, self.underway)


def listener(models: Path, monkeypatch: pytest.MonkeyPatch) -> Listener:
    found = Listener(block_ms=60_000)
    found.recipe = diarise.load(
        "starter", segmentation=models / "pytorch_model.bin", embedding=models / "voice.pt"
    ).recipe
    found.instead(monkeypatch)
    return found


@pytest.fixture
def engine(models: Path, monkeypatch: pytest.MonkeyPatch) -> Listener:
    return listener(models, monkeypatch)


def meeting(data: Path) -> Path:
    """Eight seconds of noise, in which the random networks hear voices; the folder of what is made of it."""
    loud = np.random.default_rng(0).normal(0, 0.1, 8 * 16_000).astype(np.float32)
    write_sound(with_sound(data, "m") / "meeting.wav", [(0, loud)])
    return data / "processed"


def run(data: Path) -> work.Outcome:
    (outcome,) = batch.run([job(data, "m", "m", WHISPER, STARTER)], Heard(), n_workers=0)
    return outcome


def run_and_die(data: Path, models: Path) -> None:
    """A run in a process of its own, which is killed when embeddings have been made."""

    def die(fraction: float) -> None:
        if fraction > 0.6:
            os.kill(os.getpid(), signal.SIGKILL)

    diarise.prepare()
    with pytest.MonkeyPatch.context() as monkeypatch:
        listener(models, monkeypatch).underway = die
        run(data)


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    yield from ((p, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file())


def longest_row(value: Any) -> int:
    """The most fractions in a row, anywhere in a JSON document."""
    if isinstance(value, dict):
        return max(map(longest_row, value.values()), default=0)
    if isinstance(value, list):
        return max(sum(isinstance(v, float) for v in value), *map(longest_row, value), 0)
    return 0


def voiceprints(folder: Path, vectors: list[Any]) -> list[str]:
    """Files that hold arrays, rows of numbers, or any part of these vectors."""
    pieces = {
        part
        for vector in vectors
        for kind in (np.float16, np.float32, np.float64)
        for at in range(0, len(vector) - 4, 4)
        if np.any(vector[at : at + 4]) and len(part := vector[at : at + 4].astype(kind).tobytes())
    }
    return [
        path.name
        for path, held in files(folder)
        if path.suffix in ARRAYS
        or MANY_NUMBERS.search(held)
        or any(longest_row(document) >= N_LONG for document in documents(path, held))
        or any(piece in held for piece in pieces)
    ]


def documents(path: Path, held: bytes) -> list[Any]:
    """What is in a JSON file."""
    lines = {".json": [held], ".jsonl": held.splitlines()}.get(path.suffix, [])
    return [msgspec.json.decode(line) for line in lines if line.strip()]


def test_a_meeting_leaves_no_voice_anywhere(
    engine: Listener, vectors: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    processed = meeting(tmp_path / "data")
    assert run(tmp_path / "data").status == "done"
    assert len(vectors) > 3
    assert all(v.shape == (192,) for v in vectors)
    assert voiceprints(tmp_path, vectors) == []
    assert list((processed / "m" / "scratch").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_voice_would_be_found(vectors: list[Any], tmp_path: Path) -> None:
    voice = np.random.default_rng(0).normal(size=192).astype(np.float32)
    hidden = {
        "a.npy": b"",
        "b.json": json.dumps({"voices": {"S1": voice.tolist()}}).encode(),
        "c.txt": " ".join(map(str, voice)).encode(),
        "d.dat": b"xy" + voice[20:40].tobytes() + b"z",
        "e.dat": voice.astype(np.float16).tobytes(),
    }
    for name, held in hidden.items():
        (tmp_path / name).write_bytes(held)
    assert voiceprints(tmp_path, [voice]) == sorted(hidden)


def test_what_a_failed_or_killed_run_leaves_holds_no_voice_and_is_gone_after_the_next(
    engine: Listener, models: Path, vectors: list[Any], tmp_path: Path
) -> None:
    processed = meeting(tmp_path)

    def fail(fraction: float) -> None:
        if fraction > 0.6:  # when embeddings have been made
            raise OSError(errno.ENOSPC, "no space left")

    engine.underway = fail
    assert run(tmp_path).status == "failed"
    assert len(vectors) > 3
    assert voiceprints(processed, vectors) == []

    child = multiprocessing.get_context("spawn").Process(target=run_and_die, args=(tmp_path, models))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert not (processed / "m" / "turns.json").exists()
    assert voiceprints(processed, vectors) == []

    engine.underway = lambda fraction: None
    assert run(tmp_path).status == "done"
    assert list((processed / "m" / "scratch").iterdir()) == []


WRITES = {
    "open",
    "save",
    "savez",
    "savez_compressed",
    "savetxt",
    "tofile",
    "dump",
    "write",
    "write_bytes",
    "write_text",
}


@pytest.mark.parametrize("module", ["starter", "voices", "campplus"])
def test_what_knows_voices_writes_no_file(module: str) -> None:
    tree = ast.parse((ROOT / "transcribe" / f"{module}.py").read_text("utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else "" for f in calls}
    assert called & WRITES == set()
