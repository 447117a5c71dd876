"""The whole road through the command line, in a process of its own, on meetings that need no model."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from pipeline.cli import app
from tests.house import ROOT, TOML, command, environment, onrecord, with_captions

MEETING = "2024-05-14-panel"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One meeting with captions, taken to the index by a worker."""
    data = tmp_path_factory.mktemp("finished")
    with_captions(data, MEETING)
    done = onrecord("run", data=data)
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    """A copy of that meeting, to the nanosecond."""
    shutil.copytree(finished, tmp_path / "data")
    return tmp_path / "data"


def made(data: Path) -> dict[str, tuple[int, bytes]]:
    """All that was made, except logs of runs: time and contents by path."""
    return {
        str(p.relative_to(data)): (p.stat().st_mtime_ns, p.read_bytes())
        for p in sorted(data.rglob("*"))
        if p.is_file() and "runs" not in p.parts
    }


def here(*args: str, data: Path) -> str:
    """What the command line prints, without a process of its own."""
    done = CliRunner().invoke(app, [*args, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return done.stdout


def rerun(data: Path, *args: str) -> list[str]:
    """Stages that a run did for the only meeting."""
    (outcome,) = json.loads(here("run", "--json", "--jobs", "0", *args, data=data))
    return [r["stage"] for r in outcome.get("ran", [])]


def reasons(data: Path, stage: str) -> str:
    return here("why", MEETING, stage, data=data).strip()


def test_from_captions_to_a_quote(data: Path) -> None:
    assert onrecord("status", data=data).stdout.startswith("1 meeting: 1 done, 0 to do, 0 failed")

    found = json.loads(onrecord("search", "consultation residents", "--json", data=data).stdout)
    assert found["total"] >= 1
    quote = found["quotes"][0]
    assert "There was no consultation with residents" in quote["text"]
    assert quote["speaker"].startswith("Superintendent Alison Tranter")
    assert "consultation" in quote["codes"]
    start_ms, end_ms = map(int, quote["address"].rpartition("/")[2].split("-"))
    assert 10_000 <= start_ms < end_ms <= 19_500

    shown = onrecord("quote", quote["address"], data=data)
    assert shown.returncode == 0, shown.stderr
    assert "There was no consultation with residents" in shown.stdout
    assert "Cite as:" in shown.stdout
    passage = json.loads(onrecord("quote", quote["address"], "--json", data=data).stdout)
    assert passage["speaker"]["person"] == "alison-tranter"

    voices = json.loads(onrecord("speakers", MEETING, "--json", data=data).stdout)
    assert {v["person"] for v in voices} == {"jo-okafor", "alison-tranter"}
    assert all(v["spoken_ms"] > 10_000 for v in voices)


def test_a_second_run_touches_nothing(data: Path) -> None:
    before = made(data)
    again = onrecord("run", data=data)
    assert again.returncode == 0
    assert f"{MEETING}  up to date" in again.stderr
    assert "0 done, 1 up to date, 0 failed" in again.stderr
    assert made(data) == before
    assert reasons(data, "index") == "it would not run: nothing has changed"


def test_people_rerun_the_transcript_and_what_follows(data: Path) -> None:
    toml = data / "raw" / MEETING / "meeting.toml"
    toml.write_text(TOML.replace("Alison Tranter", "Alison Marr"), "utf-8")
    assert reasons(data, "transcript").startswith("people changed")
    assert reasons(data, "words") == "it would not run: nothing has changed"
    assert rerun(data) == ["transcript", "statements", "index"]
    found = json.loads(here("search", "consultation residents", "--json", data=data))
    assert "alison-tranter" not in str(found["quotes"][0]["person"])


def test_a_changed_codebook_tags_again_and_listens_to_nothing(data: Path, tmp_path: Path) -> None:
    shipped = (ROOT / "analyse" / "codebooks" / "lfr-engagement.toml").read_text("utf-8")
    book = tmp_path / "mine.toml"
    book.write_text(shipped.replace("version = 1", "version = 2", 1), "utf-8")
    words = made(data)[f"processed/{MEETING}/words.json"]
    assert rerun(data, "--codebook", str(book))[0] == "statements"
    assert made(data)[f"processed/{MEETING}/words.json"] == words
    assert (data / "codebook.toml").read_bytes() == book.read_bytes()
    assert rerun(data) == []


def test_a_dry_run_does_nothing(tmp_path: Path) -> None:
    with_captions(tmp_path, MEETING)
    before = made(tmp_path)
    told = onrecord("run", "--dry-run", data=tmp_path)
    assert told.returncode == 0
    assert f"{MEETING}" in told.stdout
    assert "would run 1 of 1 meeting, " in told.stdout
    assert made(tmp_path) == before
    assert not (tmp_path / "processed").exists()


def test_a_dry_run_counts_what_is_broken(data: Path) -> None:
    with_captions(data, "broken", toml="title = 5")
    told = onrecord("run", "--dry-run", data=data)
    assert told.returncode == 3
    assert told.stdout.splitlines()[-1] == "would run 0 of 2 meetings; 1 has an error: see above"
    assert "1 meeting: 0 done, 1 up to date, 0 failed" in onrecord("run", MEETING, data=data).stderr


def test_verify_finds_what_size_and_time_hide(data: Path) -> None:
    words = data / "processed" / MEETING / "words.json"
    stat, text = words.stat(), words.read_bytes()
    words.write_bytes(text.replace(b"consultation", b"consolations", 1))
    os.utime(words, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert rerun(data) == []
    assert rerun(data, "--verify") == ["words"]
    assert words.read_bytes() == text
    assert rerun(data) == []


@pytest.mark.parametrize("name", ["words.json", "turns.json", "transcript.json", "quotes.parquet", "indexed.json"])
def test_a_lost_output_is_made_again(data: Path, name: str) -> None:
    path = data / "processed" / MEETING / name
    before = path.read_bytes()
    path.unlink()
    assert rerun(data)
    assert path.read_bytes() == before
    assert rerun(data) == []


def test_a_lost_index_is_filled_again(data: Path) -> None:
    shutil.rmtree(data / "processed" / "index")
    assert rerun(data) == ["index"]
    assert json.loads(here("search", "consultation", "--json", data=data))["total"] >= 1


@pytest.mark.parametrize("damage", [b"", b"{", b'{"stage": "words"}', b"\xff\x00"])
def test_a_receipt_that_cannot_be_read_is_a_miss(data: Path, damage: bytes) -> None:
    (data / "processed" / MEETING / "receipts" / "words.json").write_bytes(damage)
    assert reasons(data, "words") == "it has not been made yet"
    assert rerun(data) == ["words"]


def test_usage_errors_leave_with_2(tmp_path: Path) -> None:
    with_captions(tmp_path, MEETING)
    for args in (["run", "no-such-meeting"], ["run", "--asr", "ears"], ["quote", "nowhere"], ["frobnicate"]):
        done = onrecord(*args, data=tmp_path)
        assert done.returncode == 2, (args, done.stderr)
        assert "Traceback" not in done.stderr
    missing = onrecord("run", data=tmp_path / "nothing")
    assert missing.returncode == 2
    assert "there is no such data folder" in missing.stderr


def test_a_reader_that_goes_away_is_no_error(data: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command("models", "list", data=None),
        cwd=ROOT,
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


# -- help -----------------------------------------------------------------------------------------


def verbs(group: Any, before: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, verb in group.commands.items():
        words = f"{before}{name}"
        found += verbs(verb, words + " ") if hasattr(verb, "commands") else [(words, verb)]
    return found


ALL_VERBS = verbs(typer.main.get_command(app))


@pytest.mark.parametrize(("words", "verb"), ALL_VERBS, ids=[w for w, _ in ALL_VERBS])
def test_every_verb_is_explained(words: str, verb: Any) -> None:
    assert "Use it" in verb.help  # when, beside what it does
    assert f"onrecord {words}" in verb.epilog
    assert all(p.help for p in verb.params if p.param_type_name == "option" and not p.hidden), words
    context = typer.Context(verb, info_name=words)
    shown = [record[0] for p in verb.params if (record := p.get_help_record(context))]
    assert not [name for name in shown if "<" in name], "a Python type tells nobody what to write"
    text = "\n".join(p.read_text("utf-8") for p in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    group, _, name = words.rpartition(" ")
    # The README has a row for each verb and one for each group: `onrecord models list`, `get`, `verify`.
    row = rf"`onrecord {group} [^|]*`{name}`" if group else rf"`onrecord {name}\b"
    assert re.search(row, text) or f"`onrecord {words}" in text, f"{words} stands in no document"


@pytest.mark.parametrize("group", ["", "models", "accounts", "codes", "score"])
def test_a_list_of_verbs_says_of_each_in_a_whole_sentence_what_it_does(group: str, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, [*group.split(), "--help"], terminal_width=80).stdout
    _, _, listed = shown.partition("Commands:\n")
    lines = [line for line in listed.partition("\n\n")[0].splitlines() if line]
    assert len(lines) >= 2
    assert not [line for line in lines if not line.endswith(".") or line.endswith("...")]


# -- the package ----------------------------------------------------------------------------------


def test_the_wheel_holds_all_that_is_needed(tmp_path: Path) -> None:
    """Built outside the checkout, installed alone, run from elsewhere."""
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("transcribe", "analyse", "search", "pipeline"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(source)], check=True, timeout=120
    )
    (wheel,) = tmp_path.glob("onrecord-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {"transcribe/models.toml", "analyse/codebooks/lfr-engagement.toml"} <= held
    assert {"transcribe/english.txt.gz", "transcribe/british.txt", "transcribe/english.LICENCE.txt"} <= held
    assert {str(p.relative_to(source)) for p in source.glob("[a-z]*/**/*.py") if "build" not in p.parts} <= held
    assert not [n for n in held if n.startswith("tests")]

    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        env = os.environ | {"PYTHONPATH": str(target)}
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *args], cwd="/", env=env, capture_output=True, text=True
        )

    assert "onrecord search WORDS" in run("--help").stdout
    with_captions(tmp_path / "data", MEETING)
    done = run("run", "--jobs", "0", "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert "1 done" in done.stderr
    assert "starter" in run("models", "get", "--help").stdout
    assert "whisper-base" in run("models", "list").stdout
