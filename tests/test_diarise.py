"""Who spoke when: the engine's process, its models and its turns."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from itertools import pairwise
from multiprocessing import Pipe, active_children
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny_pyannote
from transcribe import diarise
from transcribe.audio import Audio, Source, decode
from transcribe.problem import LACKING, SOME_FAILED, Problem, Starved
from transcribe.records import Turn


def sound_of(path: Path, samples: Any) -> Audio:
    np.asarray(samples, dtype=np.int16).tofile(path)
    return Audio(path=path)


def noise(seconds: float, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 3000, round(seconds * 16_000)).astype(np.int16)


def check(turns: tuple[Turn, ...], duration_ms: int) -> None:
    """What holds for all turns of any recording."""
    alone = [t for t in turns if t.exclusive]
    assert list(turns) == alone + [t for t in turns if not t.exclusive]
    assert all(0 <= t.start_ms < t.end_ms <= duration_ms for t in turns)
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(alone))
    names = list(dict.fromkeys(t.speaker for t in turns))
    assert names == [f"S{i + 1}" for i in range(len(names))]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `prepare` puts into the environment is gone again after each test."""
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYANNOTE_METRICS_ENABLED", "0")
        patch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
        diarise.prepare()
        folder = tmp_path_factory.mktemp("tiny")
        tiny_pyannote.starter(folder / "starter")
        tiny_pyannote.pipeline(folder / "pipeline")
    return folder


def starter_of(folder: Path) -> diarise.Pyannote:
    return diarise.load("starter", segmentation=folder / "pytorch_model.bin", embedding=folder / "voice.pt")


def here(engine: diarise.Pyannote, sound: Audio, speakers: tuple[int, int] | None = None) -> tuple[Turn, ...]:
    """The engine's turns without a process of their own, which takes seconds to start."""
    request = diarise.Request(path=str(sound.path), n_samples=sound.n_samples, speakers=speakers)
    return diarise.diarise(engine.recipe, request, lambda fraction: None)


# -- turns ----------------------------------------------------------------------------------------

span = st.tuples(st.integers(0, 9000), st.integers(0, 3000), st.sampled_from("abc"))
spans = st.lists(span.map(lambda s: (s[0], s[0] + s[1], s[2])), max_size=12).map(sorted)


@given(spans, spans, st.integers(0, 12_000))
def test_spans_become_turns(exclusive: Any, overlapping: Any, duration_ms: int) -> None:
    check(diarise._turns(exclusive, overlapping, duration_ms), duration_ms)


def starter_code() -> Any:
    """`transcribe.starter`, imported as the child does."""
    diarise.prepare()
    from transcribe import starter

    return starter


def test_windows_that_take_two_people_for_one_do_not_blur_those_beside_them() -> None:
    """Two people take turns, and to every window it is one who goes on speaking."""
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    random = np.random.default_rng(0)
    people = np.append(0, random.integers(0, 2, 59))
    embeddings = np.full((60, 3, 192), np.nan)
    embeddings[:, 0] = random.normal(size=(2, 192))[people] + 0.5 * random.normal(size=(60, 192))
    active = np.zeros((60, 100, 3))
    active[:, :, 0] = 1
    windows = SlidingWindowFeature(active, SlidingWindow(duration=10, step=2.5))
    labels, _, means = starter_code().Grouping()(embeddings, windows)
    assert len(means) == 2
    assert labels[:, 0].tolist() == people.tolist()


stretch = st.tuples(st.integers(0, 40), st.integers(1, 8), st.integers(0, 3)).map(lambda s: (s[0], s[0] + s[1], s[2]))


@given(st.lists(stretch, min_size=1, max_size=8), st.data())
def test_a_piece_given_to_another_voice_takes_only_its_own_stretch(turns: Any, data: st.DataObject) -> None:
    starter = starter_code()
    start, end, wrong = data.draw(st.sampled_from(turns))
    voice = data.draw(st.integers(0, 3).filter(lambda v: v != wrong))

    def heard(spans: Any) -> Any:
        who = np.zeros((4, 50), dtype=bool)
        for a, b, v in spans:
            who[v, a:b] = True
        return who

    before, after = heard(turns), heard(starter._given(turns, (start, end, wrong), voice))
    expected = before.copy()
    expected[wrong, start:end] &= before[voice, start:end]  # where both spoke, both still do
    expected[voice, start:end] = True
    assert np.array_equal(after, expected)


def test_short_pauses_are_part_of_a_turn_unless_another_speaks_there() -> None:
    starter = starter_code()
    said = [(0.0, 2.0, 0), (2.4, 3.0, 0), (3.6, 4.0, 0), (4.1, 4.3, 1), (4.4, 5.0, 0), (4.9, 6.0, 1)]
    turns = starter._annotation(said, ["a", "b"], "x")
    assert [(s.start, s.end, v) for s, _, v in turns.itertracks(yield_label=True)] == [
        (0.0, 3.0, "a"), (3.6, 4.0, "a"), (4.1, 4.3, "b"), (4.4, 5.0, "a"), (4.9, 6.0, "b")
    ]  # fmt: skip


@given(st.floats(0, 1e4), st.floats(0.01, 300))
def test_pieces_make_up_their_turn(start_s: float, length_s: float) -> None:
    starter = starter_code()
    pieces = starter._pieces((start_s, start_s + length_s, 2))
    assert pieces[0][0] == start_s
    assert pieces[-1][1] == start_s + length_s
    assert all(a[1] == b[0] for a, b in pairwise(pieces))
    assert all(b - a <= starter.PIECE_S + 1e-6 and v == 2 for a, b, v in pieces)


@pytest.mark.parametrize("n_samples", [0, 1, 16])
def test_a_recording_too_short_for_a_word_has_no_turns(tiny: Path, tmp_path: Path, n_samples: int) -> None:
    assert starter_of(tiny / "starter").turns(sound_of(tmp_path / "raw", np.ones(n_samples))) == ()


def test_a_recording_gives_turns_and_again_the_same(tiny: Path, tmp_path: Path) -> None:
    engine = starter_of(tiny / "starter")
    sound = sound_of(tmp_path / "raw", np.concatenate([noise(7), noise(2) // 9, noise(3, 1)]))
    seen: list[tuple[int, int]] = []
    turns = engine.turns(sound, progress=lambda done, total: seen.append((done, total)))
    assert turns
    assert {t.exclusive for t in turns} == {True, False}
    check(turns, sound.duration_ms)
    assert seen == sorted(set(seen))
    assert seen[-1] == (12_000, 12_000)
    assert here(engine, sound) == turns


def test_a_pipeline_of_pyannotes_own_gives_turns(tiny: Path, tmp_path: Path) -> None:
    engine = diarise.load(str(tiny / "pipeline"))
    sound = sound_of(tmp_path / "raw", noise(8))
    turns = here(engine, sound)
    assert {t.exclusive for t in turns} == {True, False}
    check(turns, sound.duration_ms)
    seen: list[float] = []
    request = diarise.Request(path=str(sound.path), n_samples=sound.n_samples)
    assert diarise.diarise(engine.recipe, request, seen.append) == turns
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_number_of_voices_can_be_bounded(tiny: Path, tmp_path: Path) -> None:
    sound = sound_of(tmp_path / "raw", np.concatenate([noise(6), noise(6, 1)]))
    turns = here(starter_of(tiny / "starter"), sound, (1, 1))
    assert {t.speaker for t in turns} == {"S1"}


def test_any_number_of_threads_gives_the_same_turns(tiny: Path, tmp_path: Path) -> None:
    import torch

    engine = starter_of(tiny / "starter")
    sound = sound_of(tmp_path / "raw", np.concatenate([noise(14), noise(3) // 9, noise(9, 1)]))
    before = torch.get_num_threads()
    try:
        alone, shared = (
            here(msgspec.structs.replace(engine, recipe=msgspec.structs.replace(engine.recipe, n_threads=n)), sound)
            for n in (1, 3)
        )
    finally:
        torch.set_num_threads(before)
    assert alone == shared


def test_samples_are_read_as_fractions_of_full_scale() -> None:
    import torch

    (floats,) = diarise._as_float(None, (torch.tensor([[-(2**15), 0, 2**14]], dtype=torch.int16),))
    assert floats.tolist() == [[-1.0, 0.0, 0.5]]


# -- the process ----------------------------------------------------------------------------------


def test_a_killed_process_is_a_problem(tiny: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int) -> None:
        for child in active_children():
            if child.name == "onrecord-turns" and child.pid:
                os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(Problem, match="signal 9") as e:
        starter_of(tiny / "starter").turns(sound_of(tmp_path / "raw", noise(1200)), progress=kill)
    assert e.value.exit_code == SOME_FAILED


def test_a_process_that_dies_before_it_listens_is_one_too(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = diarise._Child.send

    def and_kill(child: diarise._Child, request: diarise.Request) -> None:
        send(child, request)
        child._process.kill()

    monkeypatch.setattr(diarise._Child, "send", and_kill)
    with pytest.raises(Starved, match="signal 9"):
        starter_of(tiny / "starter").turns(sound_of(tmp_path / "raw", noise(12)))


def test_a_file_that_ends_early_is_not_taken_for_a_caller_that_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends_early(recipe: diarise.Recipe) -> None:
        raise EOFError("Ran out of input")

    monkeypatch.setattr(diarise, "_pipeline", ends_early)
    monkeypatch.setattr(diarise, "end_with_parent", lambda: None)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    ours, theirs = Pipe()
    ours.send(diarise.Request(path=str(tmp_path / "raw"), n_samples=16_000, speakers=None))
    with Path(os.devnull).open("wb") as log:
        diarise._child(theirs, diarise.Recipe(folder="", device="cpu", n_threads=1), log)  # type: ignore[arg-type]
    assert ours.recv() == 0.0
    assert "Ran out of input" in ours.recv()


def test_the_process_stays_for_the_next_recording_and_may_leave(tiny: Path, tmp_path: Path) -> None:
    engine = starter_of(tiny / "starter")
    sound = sound_of(tmp_path / "raw", noise(12))

    def child() -> int | None:
        (kept,) = diarise._kept.values()
        return kept._process.pid

    first = engine.turns(sound)
    before = child()
    assert engine.turns(sound) == first
    assert child() == before
    assert before is not None
    os.kill(before, signal.SIGKILL)  # as when nothing came for a while
    assert engine.turns(sound) == first
    assert child() != before


def test_an_interrupted_caller_leaves_no_process(tiny: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        starter_of(tiny / "starter").turns(sound_of(tmp_path / "raw", noise(10)), progress=interrupt)
    assert not [c for c in active_children() if c.name == "onrecord-turns"]


CALLER = """
import multiprocessing, os, signal, sys
from pathlib import Path
from tests import tiny_pyannote
from transcribe import diarise
from transcribe.audio import Audio, Source

def progress(done, total):
    (child,) = multiprocessing.active_children()
    print(child.pid, flush=True)
    os.kill(child.pid, signal.SIGSTOP)  # it hangs, and cannot look after itself
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    engine = diarise.load("starter", segmentation=folder / "pytorch_model.bin", embedding=folder / "voice.pt")
    engine.turns(Audio(path=Path(sys.argv[2])), progress=progress)
"""


def test_the_process_ends_with_its_caller_and_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    sound = sound_of(tmp_path / "raw", noise(1200))
    script = tmp_path / "caller.py"
    script.write_text(CALLER, encoding="utf-8")
    command = [sys.executable, str(script), str(tiny / "starter"), str(sound.path)]
    root = Path(diarise.__file__).parent.parent
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(scratch)}
    caller = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert caller.returncode == -signal.SIGKILL, caller.stderr
    assert not list(scratch.iterdir())
    pid = int(caller.stdout.split()[0])
    for _ in range(600):
        if not alive(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("still working half a minute after its caller was gone")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# -- models ---------------------------------------------------------------------------------------


def test_missing_models_are_named() -> None:
    with pytest.raises(Problem, match=r"segmentation-3\.0 is not here") as e:
        diarise.load("starter", segmentation=Path("/nowhere/model.bin"))
    assert e.value.exit_code == LACKING
    assert "models get" in e.value.fix


def test_a_folder_without_a_pipeline_says_so(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"config\.yaml"):
        diarise.load(str(tmp_path))


def test_a_name_that_is_no_model() -> None:
    with pytest.raises(Problem, match="no diarisation model 'not/a/model'"):
        diarise.load("not/a/model")


@pytest.mark.parametrize("damage", ["text", "cut short", "another model"])
def test_a_wrong_file_of_weights_is_a_problem(tiny: Path, tmp_path: Path, damage: str) -> None:
    good = tiny / "starter" / "pytorch_model.bin"
    bad = tmp_path / "pytorch_model.bin"
    match damage:
        case "text":
            bad.write_text("these are no weights", encoding="utf-8")
        case "cut short":
            bad.write_bytes(good.read_bytes()[:-2000])
        case _:
            bad.write_bytes((tiny / "starter" / "voice.pt").read_bytes())
    engine = diarise.load("starter", segmentation=bad, embedding=tiny / "starter" / "voice.pt")
    with pytest.raises(Problem) as e:
        here(engine, sound_of(tmp_path / "raw", noise(1)))
    assert "get the model again" in e.value.fix


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["starter", "pipeline"])
def test_weights_cannot_run_code(tiny: Path, tmp_path: Path, kind: str) -> None:
    import shutil

    import torch

    folder = shutil.copytree(tiny / kind, tmp_path / kind)
    target = tmp_path / "exploded"
    weights = folder / "pytorch_model.bin" if kind == "starter" else folder / "segmentation" / "pytorch_model.bin"
    torch.save({"state_dict": {}, "hyper_parameters": Bomb(target)}, weights)
    engine = starter_of(folder) if kind == "starter" else diarise.load(str(folder))
    with pytest.raises(Problem, match="holds more than numbers"):
        here(engine, sound_of(tmp_path / "raw", noise(1)))
    assert not target.exists()
    pickle.loads(pickle.dumps(Bomb(target)))
    assert target.exists()  # it would have gone off


def test_a_fingerprint_names_what_decides_the_result(tiny: Path, tmp_path: Path) -> None:
    engine = starter_of(tiny / "starter")
    for part in ("pyannote.audio 4", "torch 2", "segmentation-3.0 ", "campplus ", "voices/", "cpu"):
        assert part in engine.fingerprint
    tiny_pyannote.starter(tmp_path, seed=1)
    assert starter_of(tmp_path).fingerprint != engine.fingerprint
    assert diarise.load(str(tiny / "pipeline")).fingerprint != engine.fingerprint


def test_loading_imports_nothing_heavy(tiny: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from transcribe import diarise; f = Path(sys.argv[1]);"
        "diarise.load('starter', segmentation=f / 'pytorch_model.bin', embedding=f / 'voice.pt');"
        "print({'torch', 'pyannote.audio', 'scipy'} & set(sys.modules))"
    )
    root = Path(diarise.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny / "starter")], capture_output=True, text=True, cwd=root
    )
    assert done.stdout == "set()\n", done.stderr


def test_telemetry_is_off_even_where_somebody_turned_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "1")
    diarise.prepare()
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    assert not is_metrics_enabled()


def test_a_torchaudio_that_loads_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    whole = types.ModuleType("torchaudio")
    monkeypatch.setitem(sys.modules, "torchaudio", whole)
    before = sys.modules.get("torchaudio._extension")
    diarise.import_torchaudio()
    assert sys.modules["torchaudio"] is whole
    assert sys.modules.get("torchaudio._extension") is before


# -- real weights ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real(starter: Path) -> diarise.Pyannote:
    return diarise.load(
        "starter",
        segmentation=starter / "segmentation-3.0" / "pytorch_model.bin",
        embedding=starter / "campplus" / "campplus_cn_en_common.pt",
    )


@pytest.mark.weights
@pytest.mark.parametrize("level", [0, 3])
def test_silence_has_no_turns(real: diarise.Pyannote, tmp_path: Path, level: int) -> None:
    quiet = np.random.default_rng(0).integers(-level, level + 1, 16_000 * 15)
    assert here(real, sound_of(tmp_path / "raw", quiet)) == ()


@pytest.mark.weights
def test_three_people_of_the_sample_meeting_are_three_voices(
    real: diarise.Pyannote, sample: Path, tmp_path: Path
) -> None:
    """A minute and a half cut together from single sentences, so that who speaks when is known exactly."""
    said = json.loads((sample / "reference" / "reference.json").read_text(encoding="utf-8"))["sentences"]
    meeting = decode([Source(sample / "meeting.opus")], tmp_path / "meeting").samples
    people = ("jo-okafor", "desmond-pell", "alison-tranter")
    parts: list[Any] = []
    who: list[Any] = []
    for first in (0, 4):
        for i, person in enumerate(people):
            for sentence in [s for s in said if s["speaker"] == person][first : first + 4]:
                parts.append(meeting[sentence["start_ms"] * 16 : sentence["end_ms"] * 16])
                who.append(np.full(len(parts[-1]) // 16, i))
    truth = np.concatenate(who)
    turns = here(real, sound_of(tmp_path / "raw", np.concatenate(parts)))
    assert len({t.speaker for t in turns}) == 3
    heard = np.full(len(truth) + 1000, -1)
    for turn in turns:
        if turn.exclusive:
            heard[turn.start_ms : turn.end_ms] = int(turn.speaker[1:]) - 1  # they first speak in the order of `people`
    assert np.mean(heard[: len(truth)] == truth) > 0.85


@pytest.mark.weights
def test_one_reader_is_one_voice(real: diarise.Pyannote, shared: Path, tmp_path: Path) -> None:
    reading = decode([Source(shared / "audio" / "read" / "two_cities_16k.wav")], tmp_path / "reading")
    turns = here(real, reading)
    assert {t.speaker for t in turns} == {"S1"}
    assert sum(t.end_ms - t.start_ms for t in turns if t.exclusive) > 0.7 * reading.duration_ms
