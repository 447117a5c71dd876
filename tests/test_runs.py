"""Batches that are killed, interrupted, run twice at once, and asked for other engines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pipeline import batch, receipts, remove, work
from pipeline import plan as planning
from pipeline.context import Context
from pipeline.events import Event, Sink
from pipeline.meetings import Layout
from pipeline.stages import Stage
from search import index
from tests.house import Engine, Heard, command, environment, job, onrecord, with_captions, with_long_sound, with_sound
from transcribe import engines
from transcribe.engines import Choice
from transcribe.problem import Problem

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
AUTO = Choice(name="whisper:base", fingerprint="whisper base")
VOICES = Choice(name="pyannote:starter", fingerprint="pyannote starter")
BLOCK_MS = 1_000


@pytest.fixture
def hears(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine().instead(monkeypatch)


def here(job: work.Job) -> list[str]:
    """The stages that a run in this process does."""
    (outcome,) = batch.run([job], Heard(), n_workers=0)
    assert outcome.status in ("done", "fresh"), outcome
    return [r.stage for r in outcome.ran]


def engine_of(data: Path, id: str, stage: str = "words") -> object:
    receipt = receipts.read(data / "processed" / id, stage)
    assert receipt
    return receipt.params["engine"]


# -- which engine ---------------------------------------------------------------------------------


def test_auto_leaves_what_another_engine_made(tmp_path: Path, hears: Engine) -> None:
    with_sound(tmp_path, "m")
    by_hand = Choice(name="whisper:large", fingerprint="whisper large", by_hand=True)
    assert here(job(tmp_path, "m", "m", by_hand, VOICES)) == list(work.NAMES)
    assert engine_of(tmp_path, "m") == "whisper large"

    auto = job(tmp_path, "m", "m", AUTO, VOICES)
    assert here(auto) == []
    assert engine_of(tmp_path, "m") == "whisper large"

    named = job(tmp_path, "m", "m", Choice(name="whisper:small", fingerprint="small", by_hand=True), VOICES)
    assert "words" in here(named)
    assert engine_of(tmp_path, "m") == "small"

    upgrade = work.Job(
        root=tmp_path, folder="m", id="m", asr=AUTO, diariser=VOICES, codebook=auto.codebook, upgrade=True
    )
    assert "words" in here(upgrade)
    assert engine_of(tmp_path, "m") == "whisper base"
    assert here(upgrade) == []
    assert len(hears.asked) == 3


def test_auto_takes_captions_where_there_are_any(tmp_path: Path, hears: Engine) -> None:
    place = with_captions(tmp_path, "m")
    with_sound(tmp_path, "sound", n_ms=40_000)
    (tmp_path / "raw" / "sound" / "meeting.wav").rename(place / "meeting.wav")
    toml = place / "meeting.toml"
    toml.write_text('captions = "captions.vtt"\n' + toml.read_text("utf-8"), "utf-8")
    here(job(tmp_path, "m", "m", AUTO, VOICES))
    assert engine_of(tmp_path, "m") == "captions"
    assert hears.asked == []
    assert "words" in here(job(tmp_path, "m", "m", Choice(name="x", fingerprint="x", by_hand=True), VOICES))
    assert here(job(tmp_path, "m", "m", AUTO, VOICES)) == []  # what an engine heard stands
    assert engine_of(tmp_path, "m") == "x"


@pytest.mark.parametrize(
    ("n_named", "engine"), [(10, "captions vtt"), (5, "captions vtt"), (4, "pyannote starter"), (0, "pyannote starter")]
)
def test_voices_that_captions_seldom_name_are_told_apart_by_listening(
    tmp_path: Path, hears: Engine, n_named: int, engine: str
) -> None:
    with_sound(tmp_path, "m", n_ms=20_000)
    cues = [
        f"00:00:{2 * i:02}.000 --> 00:00:{2 * i + 2:02}.000\n{'<v Jo Cratchley>' if i < n_named else ''}Order, order."
        for i in range(10)
    ]
    (tmp_path / "raw" / "m" / "captions.vtt").write_text("\n\n".join(["WEBVTT", *cues]), "utf-8")
    (tmp_path / "raw" / "m" / "meeting.toml").write_text('captions = "captions.vtt"\n', "utf-8")
    here(job(tmp_path, "m", "m", AUTO, VOICES))
    turns = json.loads((tmp_path / "processed" / "m" / "turns.json").read_bytes())
    assert turns["engine"] == engine
    assert {t["speaker"] for t in turns["turns"]} == ({"Jo Cratchley"} if "captions" in engine else {"S1"})


def test_auto_opens_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: asked.append(args))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: asked.append(args))
    words, voices = engines.choose_recogniser("auto"), engines.choose_diariser("auto")
    with_captions(tmp_path, "m")
    assert here(job(tmp_path, "m", "m", words, voices))[-1] == "index"
    assert asked == []


# -- kills ----------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_at_its_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_sound(tmp_path, "m", n_ms=10_500)
    todo = job(tmp_path, "m", "m", AUTO, VOICES)

    def die(at_ms: int) -> None:
        if at_ms == 4_000:
            os.kill(os.getpid(), signal.SIGKILL)

    Engine(die).instead(monkeypatch)
    child = os.fork()
    if child == 0:
        batch.run([todo], Heard(), n_workers=0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    (log,) = (tmp_path / "processed" / "m" / "scratch").glob("words-*.jsonl")
    assert len(log.read_bytes().splitlines()) == 4
    with log.open("ab") as f:
        f.write(b'{"start_ms": 4000, "end_')  # a kill may cut a line short
    second = Engine().instead(monkeypatch)
    heard = Heard()
    (outcome,) = batch.run([todo], heard, n_workers=0)
    assert outcome.status == "done"
    assert second.asked == [(4_000, 10_500)]
    assert "probe" not in heard.stages()
    words = json.loads((tmp_path / "processed" / "m" / "words.json").read_bytes())["words"]
    assert [w["text"] for w in words] == [f"w{i}." for i in range(11)]
    assert not list((tmp_path / "processed" / "m" / "scratch").iterdir())


def deadly(todo: work.Job, sink: Sink) -> work.Outcome:
    """What a worker does, but that it is killed at a stage of the long meeting, as often as its folder says."""

    def kill(event: Event) -> None:
        sink(event)
        left = list((todo.root / "deaths").iterdir())
        if left and event.what == "start" and (event.meeting, event.stage) == ("long", "playable"):
            left[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    return work.work(todo, kill)


@pytest.mark.parametrize("n_kills", [1, 2])
def test_a_killed_worker_takes_no_other_meeting_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_kills: int
) -> None:
    with_long_sound(tmp_path, "long", n_s=300)
    deaths = tmp_path / "deaths"
    deaths.mkdir()
    for i in range(n_kills):
        (deaths / str(i)).touch()
    ids = ["long", *(f"m{i}" for i in range(4))]
    for id in ids[1:]:
        with_captions(tmp_path, id)
    jobs = [job(tmp_path, id, id, CAPTIONS, CAPTIONS) for id in ids]
    jobs[0] = msgspec.structs.replace(jobs[0], through="playable")
    heard = Heard()
    monkeypatch.setattr(batch, "work", deadly)
    outcomes = batch.run(jobs, heard, n_workers=2)
    assert not list(deaths.iterdir())
    assert [o.meeting for o in outcomes] == ids
    assert {o.status for o in outcomes[1:]} == {"done"}
    assert all((tmp_path / "processed" / id / "quotes.parquet").exists() for id in ids[1:])
    if n_kills == 1:
        assert outcomes[0].status == "done"
        assert (tmp_path / "processed" / "long" / "playable.m4a").stat().st_size > 0
    else:
        assert outcomes[0].status == "failed"
        assert "the worker died at this meeting" in outcomes[0].what
        assert "tried twice" in outcomes[0].what
        assert outcomes[0].where == "long"
        assert outcomes[0].fix
        assert outcomes[0].exit_code == 3
        assert [e.meeting for e in heard.events if e.what == "failed"] == ["long"]


def wait_for(found: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not found():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


ENDLESS = """\
import signal, time
from transcribe import playable

playable.make = lambda *args, **more: time.sleep(600)
if __name__ == "__main__":
    from pipeline.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background are deaf to it
    main()
"""


@pytest.mark.parametrize("begun", ["worker starts", "stage runs"])
def test_ctrl_c_leaves_one_line_and_the_next_run_finishes(tmp_path: Path, begun: str) -> None:
    """With a stage that never ends by itself, here and in the worker, so that Ctrl-C always finds it running."""
    with_long_sound(tmp_path, "long", n_s=10)
    args = ("run", "--through", "playable", "--data", str(tmp_path))
    endless = tmp_path / "endless.py"
    endless.write_text(ENDLESS, "utf-8")
    process = subprocess.Popen(
        [sys.executable, str(endless), *args],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    sign = "runs/*.jsonl" if begun == "worker starts" else "long/locks/playable"
    wait_for(lambda: any((tmp_path / "processed").glob(sign)), process)
    if begun == "worker starts":
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    told = [line for line in err.splitlines() if line and not line.startswith("long  probe")]
    assert told[-1] == "stopped; what is finished is kept, run again to go on"
    assert not list((tmp_path / "processed" / "long").glob("playable.m4a"))

    again = onrecord(*args, data=None)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "processed" / "long" / "playable.m4a").exists()


def test_two_runs_share_the_work(tmp_path: Path) -> None:
    ids = [f"m{i}" for i in range(6)]
    for id in ids:
        with_captions(tmp_path, id)
    runs = [
        subprocess.Popen(
            command("run", "--json", "--jobs", n, data=tmp_path),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in ("1", "0")
    ]
    ends = [r.communicate(timeout=120) for r in runs]
    assert [r.returncode for r in runs] == [0, 0], ends
    did = [(o["meeting"], r["stage"]) for out, _ in ends for o in json.loads(out) for r in o.get("ran", [])]
    assert sorted(did) == sorted((id, stage) for id in ids for stage in work.NAMES)
    logs = sorted((tmp_path / "processed" / "runs").glob("*.jsonl"))
    assert len(logs) == 2
    told = [json.loads(line) for log in logs for line in log.read_bytes().splitlines()]
    for what in ("start", "done"):
        assert sorted((e["meeting"], e["stage"]) for e in told if e["what"] == what) == sorted(did)
    assert set(index.held(tmp_path / "processed" / "index")) == set(ids)
    assert onrecord("run", "--dry-run", data=tmp_path).stdout.count("up to date") == 6


def test_a_meeting_that_another_run_holds_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transcribe import locks

    with_captions(tmp_path, "held")
    with_captions(tmp_path, "free")
    monkeypatch.setattr(batch, "ASK_AGAIN_S", 0.01)
    heard = Heard()
    lock = locks.hold(tmp_path / "processed" / "held" / "locks" / "index")
    lock.__enter__()

    def sink(event: Event) -> None:
        heard(event)
        if event.what == "done" and (event.meeting, event.stage) == ("free", "index"):
            lock.__exit__(None, None, None)

    outcomes = batch.run([job(tmp_path, m, m, CAPTIONS, CAPTIONS) for m in ("held", "free")], sink, n_workers=0)
    assert [o.status for o in outcomes] == ["done", "done"]
    assert "failed" not in {e.what for e in heard.events}


def test_what_was_done_before_a_meeting_was_busy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transcribe import locks

    with_captions(tmp_path, "m")
    lock = locks.hold(tmp_path / "processed" / "m" / "locks" / "turns")
    monkeypatch.setattr("time.sleep", lambda seconds: lock.__exit__(None, None, None))
    lock.__enter__()
    (outcome,) = batch.run([job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)], Heard(), n_workers=0)
    assert outcome.status == "done"
    assert [r.stage for r in outcome.ran] == list(work.NAMES)


# -- before a run ---------------------------------------------------------------------------------


def test_a_disk_that_is_too_full_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    with_sound(tmp_path, "m", n_ms=60_000)
    todo = job(tmp_path, "m", "m", AUTO, VOICES)
    plan = planning.plan(todo, {})
    assert plan.needed_bytes >= 60 * 32_000
    layout = work.context_of(todo).layout
    planning.check_disk(layout, [plan], 1)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**9, 10**9, 1_000_000))
    with pytest.raises(Problem, match="the disk is too full") as caught:
        planning.check_disk(layout, [plan], 1)
    assert caught.value.exit_code == 4
    assert caught.value.fix


def test_a_plan_says_how_long_it_will_take(tmp_path: Path) -> None:
    with_sound(tmp_path, "m", n_ms=60_000)
    todo = job(tmp_path, "m", "m", AUTO, VOICES)
    assert planning.plan(todo, {}).expected_s is None
    plan = planning.plan(todo, {"words": 0.5, "turns": 0.25})
    assert (plan.stage, plan.audio_ms, plan.expected_s) == ("probe", 60_000, 45.0)


# -- meetings that are taken out --------------------------------------------------------------------


@pytest.mark.parametrize("media", [False, True])
def test_a_meeting_that_is_removed_during_a_run_begins_anew_or_is_gone(
    tmp_path: Path, hears: Engine, monkeypatch: pytest.MonkeyPatch, media: bool
) -> None:
    with_sound(tmp_path, "m")
    made: list[str] = []

    def make(context: Context, stage: Stage, sink: Sink, *, verify: bool = False) -> work.StageRun | None:
        done = real(context, stage, sink, verify=verify)
        made.append(stage.name)
        if made == ["probe", "playable"]:
            remove.remove(Layout(root=tmp_path), "m", media=media)
        return done

    real = work.make
    monkeypatch.setattr(work, "make", make)
    (outcome,) = batch.run([job(tmp_path, "m", "m", AUTO, VOICES)], Heard(), n_workers=0)
    if media:
        assert "taken out while a run was at it" in outcome.what
        assert not (tmp_path / "processed" / "m").exists()
    else:
        assert outcome.status == "done", outcome
        assert made.count("probe") == 2
