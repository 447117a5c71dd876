"""The batch: each stage once only, nothing lost, one failure never stopping the rest. Engines are stand-ins here."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from analyse import codebook as codebooks
from pipeline import batch, meetings, receipts, work
from pipeline.asked import parse_shard
from pipeline.cli import app
from pipeline.events import Event
from pipeline.meetings import Layout
from pipeline.work import Job, Outcome
from search import find
from tests.house import Engine
from tests.make_media import tone, write_sound
from transcribe import engines
from transcribe.engines import Choice
from transcribe.problem import Problem

ROOT = Path(__file__).parent.parent
CAPTIONS = """WEBVTT

00:00:01.000 --> 00:00:04.000
<v Chair>Good evening. Item five, live facial recognition.

00:00:04.500 --> 00:00:09.000
<v Ama Brandt>Nobody on our road was told about the cameras. There was no notice, just a tweet.
"""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(hears="word").instead(monkeypatch)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return Layout(root=tmp_path / "data")


def add(layout: Layout, name: str, *, captions: str = "", seconds: float = 0.0, toml: str = "") -> Path:
    folder = layout.raw / name
    folder.mkdir()
    if captions:
        (folder / "captions.vtt").write_text(captions, "utf-8")
    if seconds:
        write_sound(folder / "sound.wav", [(0, tone(round(seconds * 1000)))])
    if toml:
        (folder / "meeting.toml").write_text(toml, "utf-8")
    return folder


def run(layout: Layout, *, asr: str = "", **options: Any) -> list[Outcome]:
    """One inline run over all meetings. `asr` stands for an engine named by hand."""
    folders = meetings.find_folders(layout)
    ids = meetings.assign_ids(layout, folders)
    jobs = [
        Job(
            root=layout.root,
            folder=f.name,
            id=ids[f.name],
            asr=Choice(name=asr or "whisper:a", fingerprint=asr or "a", by_hand=bool(asr)),
            diariser=Choice(name="pyannote:a", fingerprint="a"),
            codebook=options.get("codebook") or codebooks.load("lfr-engagement"),
            **{k: v for k, v in options.items() if k in ("through", "upgrade", "verify")},
        )
        for f in folders
    ]
    events: list[Event] = []
    return batch.run(jobs, events.append, n_workers=options.get("n_workers", 0))


def ran(outcome: Outcome) -> list[str]:
    return [r.stage for r in outcome.ran]


def test_everything_runs_once(layout: Layout, fake: Engine) -> None:
    add(layout, "m", seconds=3)
    (first,) = run(layout)
    assert first.status == "done", first
    assert ran(first) == list(work.NAMES)
    (second,) = run(layout)
    assert (second.status, second.ran) == ("fresh", ())
    assert not list((layout.made("m") / "scratch").iterdir())
    assert find.search(layout.index, "word1").total == 1


def test_a_change_runs_what_it_touches_and_no_more(layout: Layout, fake: Engine) -> None:
    folder = add(layout, "m", seconds=3)
    run(layout)
    (folder / "meeting.toml").write_text('title = "Panel"\n[[people]]\nid = "a"\nname = "Ama Brandt"\nrole = "Chair"\n')
    (outcome,) = run(layout)
    assert ran(outcome)[0] == "transcript"
    assert ran(outcome)[-1] == "index"
    (layout.made("m") / "statements.json").write_text("{}")
    (outcome,) = run(layout)
    assert ran(outcome) == ["statements"]  # made again just as it was, so that nothing follows


def test_a_link_that_is_added_later_reaches_the_quotes_and_nothing_is_heard_again(layout: Layout, fake: Engine) -> None:
    folder = add(layout, "m", seconds=2)
    run(layout)
    (folder / "meeting.toml").write_text('source_url = "https://wrenbridge.example/v/1"\n')
    (outcome,) = run(layout)
    assert not {"words", "turns"} & set(ran(outcome))
    (hit, *_) = find.search(layout.index, "word1").hits
    assert hit.quote.source_url == "https://wrenbridge.example/v/1"


@pytest.mark.parametrize("name", ["words.json", "transcript.json", "quotes.parquet", "turns.json"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_lost_or_damaged_output_is_made_again(layout: Layout, fake: Engine, name: str, damage: str) -> None:
    add(layout, "m", seconds=2)
    run(layout)
    path = layout.made("m") / name
    before = path.read_bytes()
    path.unlink() if damage == "gone" else path.write_bytes(before[:20] if damage == "cut" else b"")
    (outcome,) = run(layout)
    assert outcome.status == "done"
    assert path.exists()
    assert run(layout)[0].status == "fresh"


def test_verify_finds_a_flipped_bit(layout: Layout, fake: Engine) -> None:
    add(layout, "m", seconds=2)
    run(layout)
    path = layout.made("m") / "words.json"
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[-4] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(layout)[0].status == "fresh"
    assert "words" in ran(run(layout, verify=True)[0])


def test_an_index_that_is_gone_is_filled_again(layout: Layout, fake: Engine) -> None:
    add(layout, "one", seconds=2)
    add(layout, "two", seconds=2)
    run(layout)
    shutil.rmtree(layout.index)
    assert [ran(o) for o in run(layout)] == [["index"], ["index"]]
    assert find.search(layout.index, "word1").total == 2


def test_another_codebook_tags_again_and_hears_nothing_again(layout: Layout, fake: Engine) -> None:
    add(layout, "m", seconds=2)
    run(layout)
    book = codebooks.load("lfr-engagement")
    (outcome,) = run(layout, codebook=msgspec.structs.replace(book, version=book.version + 1))
    assert ran(outcome)[0] == "statements"


def test_one_bad_meeting_stops_no_other(layout: Layout, fake: Engine) -> None:
    add(layout, "a-good", seconds=2)
    (add(layout, "b-empty") / "x.mp3").write_bytes(b"")
    (add(layout, "c-text") / "x.mp3").write_text("not sound at all, only words\n" * 40)
    add(layout, "d-broken-toml", seconds=2, toml='title = "x\n')
    add(layout, "e-nothing")
    two = add(layout, "f-two", seconds=2)
    write_sound(two / "other.wav", [(0, tone(1000))])
    add(layout, "g-good 'quoted' \"name\"\nand a line", seconds=2)
    add(layout, "会議", seconds=2)
    outcomes = {o.folder: o for o in run(layout)}
    failed = {name: o.what for name, o in outcomes.items() if o.status == "failed"}
    assert set(failed) == {"b-empty", "c-text", "d-broken-toml", "e-nothing", "f-two"}
    assert "empty" in failed["b-empty"]
    assert "text" in failed["c-text"]
    assert "not valid TOML" in failed["d-broken-toml"]
    assert all(o.where and o.fix for o in outcomes.values() if o.status == "failed")
    assert sum(o.status == "done" for o in outcomes.values()) == 3


def test_a_failed_redo_keeps_what_was_good(layout: Layout, fake: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add(layout, "m", seconds=2)
    run(layout)

    def broken(choice: Choice, n_threads: int = 0) -> Engine:
        raise Problem("this engine is broken", where="here", fix="mend it")

    monkeypatch.setattr(engines, "recogniser", broken)
    before = (layout.made("m") / "words.json").read_bytes()
    (outcome,) = run(layout, asr="whisper:other")
    assert outcome.what == "this engine is broken"
    assert (layout.made("m") / "words.json").read_bytes() == before
    assert run(layout)[0].status == "fresh"


def test_a_bug_is_one_outcome_with_its_trace_in_the_log(
    layout: Layout, fake: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(layout, "m", seconds=2)
    monkeypatch.setattr(fake, "turns", lambda *a, **k: 1 / 0)
    (outcome,) = run(layout)
    assert outcome.status == "failed"
    assert "bug" in outcome.what
    assert outcome.exit_code == 1


# -- real processes ---------------------------------------------------------------------------------


def cli(*arguments: str, env: dict[str, str] | None = None, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


def test_the_road_through_real_workers_and_the_command_line(layout: Layout) -> None:
    toml = 'title = "Panel"\n[[people]]\nid = "ama-brandt"\nname = "Ama Brandt"\npublic = "named"\n'
    for name in ("one", "two"):
        add(layout, name, captions=CAPTIONS, toml=toml)
    data = ["--data", str(layout.root)]
    dry = cli("run", "--dry-run", *data)
    assert dry.returncode == 0, dry.stderr
    assert not layout.processed.exists()
    done = cli("run", "--jobs", "2", *data)
    assert done.returncode == 0, done.stderr
    assert "2 done" in done.stderr
    assert "2 up to date" in cli("run", *data).stderr
    found = msgspec.json.decode(cli("search", "tweet", "--json", *data).stdout)
    assert found["total"] == 2
    quote = found["quotes"][0]
    assert quote["speaker"] == "Ama Brandt"
    assert "notification" in quote["codes"]
    shown = cli("quote", quote["address"], *data).stdout
    assert "just a tweet" in shown
    assert "Listen before you quote" in shown
    assert "nothing has changed" in cli("why", "one", "index", *data).stdout
    assert "Ama Brandt" in cli("speakers", "two", *data).stdout
    assert "done" in cli("status", *data).stdout
    lost = cli("quote", "one/500000-600000", *data)
    assert lost.returncode == 2
    assert lost.stderr.startswith("error: ")


def test_no_models_and_no_network_is_said_at_once(layout: Layout, tmp_path: Path) -> None:
    import socket

    add(layout, "m", seconds=2)
    add(layout, "captioned", captions=CAPTIONS)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts, and never answers
        env = {
            "ONRECORD_MODELS": str(tmp_path / "none"),
            "HF_ENDPOINT": f"http://127.0.0.1:{deaf.getsockname()[1]}",
            "HF_HUB_OFFLINE": "0",
        }
        began = time.monotonic()
        done = cli("run", "--data", str(layout.root), env=env)
        assert time.monotonic() - began < 60
        deaf.settimeout(0.1)
        with pytest.raises(TimeoutError):
            deaf.accept()  # nobody called
    assert done.returncode == 4, done.stderr
    assert "onrecord models get whisper-base" in done.stderr
    assert "Traceback" not in done.stderr
    assert (layout.made("captioned") / "quotes.parquet").exists()


def _start(layout: Layout) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "run", "--data", str(layout.root)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    for _ in range(600):
        if list(path.parent.glob(path.name)):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"{path} did not come")


def test_killing_the_whole_run_leaves_nothing_that_a_later_run_trusts_wrongly(layout: Layout) -> None:
    for n in range(60):
        add(layout, f"m{n:03d}", captions=CAPTIONS)
    process = _start(layout)
    _wait_for(layout.processed / "m005" / "receipts" / "words.json", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = cli("run", "--data", str(layout.root))
    assert done.returncode == 0, done.stderr
    for folder in layout.processed.glob("m*"):
        for name in work.NAMES:
            receipt = receipts.read(folder, name)
            assert receipt is not None, (folder, name)
            for output, state in receipt.outputs.items():
                assert receipts.hash_file(folder / output) == state.sha256


def test_shards_share_the_meetings_and_leave_the_index_to_one(fake: Engine, layout: Layout) -> None:
    names = {f"m{i}" for i in range(7)}
    for name in names:
        add(layout, name, captions=CAPTIONS)

    def shard(text: str) -> set[str]:
        done = CliRunner().invoke(app, ["run", "--jobs", "0", "--shard", text, "--data", str(layout.root)])
        assert done.exit_code == 0, (done.output, done.exception)
        return {p.parent.name for p in layout.processed.glob("*/statements.json")}

    first = shard("1/3")
    assert 0 < len(first) < len(names)
    assert first < shard("2/3") <= shard("3/3") == names
    assert not list(layout.processed.glob("*/quotes.parquet"))
    assert shard("1/1") == names, "nothing is left to do"
    assert CliRunner().invoke(app, ["run", "--jobs", "0", "--data", str(layout.root)]).exit_code == 0
    assert len(list(layout.processed.glob("*/quotes.parquet"))) == len(names)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "3", "a/b", "1/0", "-1/3", "١/٣", "1/9999999"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="is not a share"):
        parse_shard(text)
