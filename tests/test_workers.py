"""Workers that find no memory, and engines that hang: tried once more alone, then reported, and no other is stopped."""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from pipeline import batch, events, work, workers
from pipeline.events import Event
from tests.house import Engine, Heard, job, with_captions, with_sound
from transcribe import captions, engines
from transcribe.engines import Choice

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
WHISPER = Choice(name="whisper:base", fingerprint="whisper base")
VOICES = Choice(name="pyannote:starter", fingerprint="pyannote starter")


# -- memory ---------------------------------------------------------------------------------------


def hungry(todo: work.Job, sink: events.Sink) -> work.Outcome:
    """What a worker does, but that a meeting which is named for it finds no memory left, once or always."""
    fed = todo.root / "fed"
    if todo.id == "always" or (todo.id == "once" and not fed.exists()):
        if todo.id == "once":
            fed.touch()

        def read(*args: object, **options: object) -> object:
            raise MemoryError

        captions.read = read  # type: ignore[assignment]
    return work.work(todo, sink)


def test_a_meeting_for_which_memory_lacks_is_tried_once_more_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("always", "fine", "once"):
        with_captions(tmp_path, id)
    jobs = [job(tmp_path, id, id, CAPTIONS, CAPTIONS) for id in ("always", "fine", "once")]
    heard = Heard()
    monkeypatch.setattr(batch, "work", hungry)
    outcomes = {o.meeting: o for o in batch.run(jobs, heard, n_workers=1)}
    assert {id: o.status for id, o in outcomes.items()} == {"always": "failed", "fine": "done", "once": "done"}
    assert outcomes["always"].what == "probe ran out of memory (tried twice)"
    assert outcomes["always"].exit_code == 3
    assert [e.meeting for e in heard.events if e.what == "failed"] == ["always"]
    assert [e.meeting for e in heard.events if "once more, alone" in e.message] == ["always", "once"]


# -- engines that hang ----------------------------------------------------------------------------
# Here the parent's clock goes on by what workers do, so that no machine is too slow for what is tried.


def freezing(todo: work.Job, sink: events.Sink) -> work.Outcome:
    """What a worker does, but that at the start of some meetings it stops itself, as an engine that hangs would."""
    times = {"once": 1, "twice": 2}.get(todo.id, 0)
    frozen = todo.root / "frozen"
    if len(list(frozen.glob(f"{todo.id}-*"))) < times:
        (frozen / f"{todo.id}-{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return work.work(todo, sink)


def test_a_meeting_without_a_sign_of_life_is_tried_once_more_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ("once", "twice", "fine", "later")
    for id in ids:
        with_captions(tmp_path, id)
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    # It is late when two hang, and again when one of them does so alone.
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: max(0, n_files(frozen) - 1)))
    monkeypatch.setattr(batch, "work", freezing)
    jobs = [job(tmp_path, id, id, CAPTIONS, CAPTIONS) for id in ids]
    once, twice, *others = batch.run(jobs, Heard(), n_workers=3, stall_s=0.5)
    assert [o.status for o in others] == ["done", "done"]
    hung = sorted(path.name.split("-") for path in frozen.iterdir())
    assert [id for id, _ in hung] == ["once", "twice", "twice"]
    for _, pid in hung:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    assert once.status == "done"
    assert "gave no sign of life" in twice.what
    assert "tried twice" in twice.what
    assert (twice.where, twice.exit_code) == ("twice", 3)


def slow(todo: work.Job, sink: events.Sink) -> work.Outcome:
    """What a worker does, with an engine that takes longer than its meeting may be silent: each block moves the clock
    on, once all that came before has been heard of."""
    n_sent = 0

    def counted(event: Event) -> None:
        nonlocal n_sent
        n_sent += 1
        sink(event)

    def take_long(at_ms: int) -> None:
        while n_files(todo.root / "heard") < n_sent:
            time.sleep(0.01)
        (todo.root / "blocks" / str(at_ms)).touch()

    engine = Engine(meanwhile=take_long)
    engines.recogniser = lambda choice, n_threads=0: engine  # type: ignore[assignment]
    engines.diariser = lambda choice, n_threads=0: engine  # type: ignore[assignment]
    return work.work(todo, counted)


def test_a_slow_engine_that_gives_signs_of_life_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_sound(tmp_path, "m")
    heard, blocks = tmp_path / "heard", tmp_path / "blocks"
    heard.mkdir()
    blocks.mkdir()
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: 0.02 * n_files(blocks)))
    monkeypatch.setattr(batch, "work", slow)
    todo = msgspec.structs.replace(job(tmp_path, "m", "m", WHISPER, VOICES), through="statements")
    told = Heard()

    def sink(event: Event) -> None:
        told(event)
        (heard / str(len(told.events))).touch()

    (outcome,) = batch.run([todo], sink, n_workers=1, stall_s=0.03)
    assert outcome.status == "done", outcome
    assert [e.message for e in told.events if "once more" in e.message] == []
    assert n_files(blocks) == 3


def n_files(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


def test_a_terminal_that_goes_away_leaves_workers_alone(tmp_path: Path) -> None:
    with_captions(tmp_path, "m")
    todo = msgspec.structs.replace(job(tmp_path, "m", "m", CAPTIONS, CAPTIONS), through="statements")
    heard = Heard()

    def sink(event: Event) -> None:
        heard(event)
        raise BrokenPipeError

    (outcome,) = batch.run([todo], sink, n_workers=1)
    assert outcome.status == "done"
    assert heard.stages("done") == list(work.NAMES[:-1])
