"""Workers that find no memory, and engines that hang: tried once more alone, then reported, and no other is stopped."""

import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from pipeline import batch, events, work
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


def freezing(todo: work.Job, sink: events.Sink) -> work.Outcome:
    """What a worker does, but that at the start of some meetings it stops itself, as an engine that hangs would."""
    times = {"once": 1, "twice": 2}.get(todo.id, 0)
    frozen = todo.root / "frozen"
    frozen.mkdir(exist_ok=True)
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
    monkeypatch.setattr(batch, "work", freezing)
    jobs = [job(tmp_path, id, id, CAPTIONS, CAPTIONS) for id in ids]
    once, twice, *others = batch.run(jobs, Heard(), n_workers=3, stall_s=8.0)
    assert [o.status for o in others] == ["done", "done"]
    frozen = sorted(path.name.split("-") for path in (tmp_path / "frozen").iterdir())
    assert [id for id, _ in frozen] == ["once", "twice", "twice"]
    for _, pid in frozen:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
    assert once.status == "done"
    assert "gave no sign of life" in twice.what
    assert "tried twice" in twice.what
    assert (twice.where, twice.exit_code) == ("twice", 3)


def test_a_slow_engine_that_gives_signs_of_life_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_sound(tmp_path, "m")
    monkeypatch.setattr(batch, "work", slow)
    (outcome,) = batch.run([job(tmp_path, "m", "m", WHISPER, VOICES)], Heard(), n_workers=1, stall_s=6.0)
    assert outcome.status == "done", outcome


def slow(todo: work.Job, sink: events.Sink) -> work.Outcome:
    """What a worker does, with an engine that takes longer than its meeting may be silent."""
    engine = Engine(meanwhile=lambda at_ms: time.sleep(3))
    engines.recogniser = lambda choice, n_threads=0: engine  # type: ignore[assignment]
    engines.diariser = lambda choice, n_threads=0: engine  # type: ignore[assignment]
    return work.work(todo, sink)


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
