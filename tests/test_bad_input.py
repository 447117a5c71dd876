"""What people put in by mistake: one clear error each, and the other meetings of the batch finish."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.house import TOML, captions, onrecord, with_captions, with_sound
from tests.make_media import tone, write_film, write_sound

# Runs the rest of its command line without the right of root to read everything.
AS_ANYBODY = """\
import ctypes, os, sys
for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, right, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def _no_sound(folder: Path) -> None:
    write_film(folder / "meeting.mp4")


def _empty(folder: Path) -> None:
    (folder / "meeting.mp3").touch()


def _truncated(folder: Path) -> None:
    """An MP4 keeps its index at its end."""
    whole = write_sound(folder / "meeting.mp4", [(0, tone(5_000))], codec="aac", picture=True)
    whole.write_bytes(whole.read_bytes()[:4_000])


def _text(folder: Path) -> None:
    (folder / "meeting.mp3").write_text("Minutes of the meeting held on 14 May.\n" * 100)


def _two_recordings(folder: Path) -> None:
    write_sound(folder / "one.wav", [(0, tone(100))])
    write_sound(folder / "two.wav", [(0, tone(100))])


def _nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("nothing to hear")


def _toml(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "meeting.toml").write_text(text, "utf-8")
        (folder / "captions.vtt").write_text(captions(), "utf-8")

    return make


def _times_back(folder: Path) -> None:
    _toml(TOML)(folder)
    (folder / "captions.vtt").write_text("WEBVTT\n\n00:10.000 --> 00:05.000\nBackwards.\n")


def _unreadable_sound(folder: Path) -> None:
    write_sound(folder / "meeting.wav", [(0, tone(100))]).chmod(0)


def _unreadable_toml(folder: Path) -> None:
    _toml(TOML)(folder)
    (folder / "meeting.toml").chmod(0)


def _unreadable_folder(folder: Path) -> None:
    _toml(TOML)(folder)
    folder.chmod(0)


def _named_but_missing(folder: Path) -> None:
    (folder / "meeting.toml").write_text('media = "meeting.mp4"\n')


def _folder_as_media(folder: Path) -> None:
    (folder / "meeting.mp4").mkdir()


def _not_utf8(folder: Path) -> None:
    _toml(TOML)(folder)
    (folder / "meeting.toml").write_bytes(b'title = "Pa\xffnel"\n')


def _name_not_utf8(folder: Path) -> None:
    write_sound(folder / "meeting.wav", [(0, tone(100))]).rename(folder / os.fsdecode(b"m\xff.wav"))


def _captions(name: str, text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "meeting.toml").write_text(f'captions = "{name}"\n{TOML}', "utf-8")
        (folder / name).write_text(text, "utf-8")

    return make


_ENTITIES = (
    '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><transcript><text start="0" dur="1">&b;</text></transcript>'
)


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "no-sound": (_no_sound, "no audio stream"),
    "empty": (_empty, "empty"),
    "truncated": (_truncated, ""),
    "text": (_text, ""),
    "two-recordings": (_two_recordings, "2 recordings are here"),
    "nothing": (_nothing, "no recording here"),
    "broken-toml": (_toml('title = "Panel\n'), "not valid TOML"),
    "unknown-key": (_toml('titel = "Panel"\n'), "'titel'"),
    "times-out-of-order": (_toml('exclude = [["0:30", "0:10", "private"]]\n'), "ends before it starts"),
    "cue-out-of-order": (_times_back, "ends before it starts"),
    "json-too-deep": (_captions("c.json", '{"segments": ' + "[" * 100_000), ""),
    "json-broken-off": (_captions("c.json", '{"segments": [{"start": 0, "end": 1, "text": "aye'), "not JSON"),
    "json-of-something-else": (_captions("c.json", '{"minutes": []}'), "no transcript that is known"),
    "json-no-time": (_captions("c.json", '{"segments": [{"start": 1e999, "end": 1, "text": "aye"}]}'), ""),
    "xml-entities": (_captions("c.xml", _ENTITIES), "document type"),
    "xml-broken-off": (_captions("c.xml", '<transcript><text start="0" dur="1">aye'), "not well-formed XML"),
    "xml-of-something-else": (_captions("c.xml", "<html></html>"), "not YouTube's XML"),
    "xml-too-deep": (_captions("c.xml", "<transcript>" + "<a>" * 100_000), "nested deeper"),
    "unreadable-sound": (_unreadable_sound, "may not be read"),
    "unreadable-toml": (_unreadable_toml, "may not be read"),
    "unreadable-folder": (_unreadable_folder, "Permission denied"),
    "named-but-missing": (_named_but_missing, "no such file"),
    "folder-as-media": (_folder_as_media, ""),
    "not-utf8": (_not_utf8, "not UTF-8"),
    "name-not-utf8": (_name_not_utf8, "not UTF-8"),
}
ODD_NAMES = ["two words", 'it\'s "quoted"', "line\nbreak", "会議", "Cyfarfod Llŷn", "-dash", "$(touch x); `y`", "50%"]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, str]:
    """All of them in one run of two workers: the data folder, outcomes by folder, and what was printed."""
    data = tmp_path_factory.mktemp("bad")
    for name, (make, _) in BAD.items():
        (data / "raw" / name).mkdir(parents=True)
        make(data / "raw" / name)
    for name in ODD_NAMES:
        with_captions(data, name)
        (data / "raw" / name / "captions.vtt").rename(data / "raw" / name / f"{name}.vtt")
    done = onrecord("run", "--json", "--jobs", "2", data=data, prefix=[sys.executable, "-c", AS_ANYBODY])
    (data / "raw" / "unreadable-folder").chmod(0o700)
    assert done.returncode == 3, done.stderr
    return data, {o["folder"]: o for o in json.loads(done.stdout)}, done.stderr


@pytest.mark.parametrize("name", BAD)
def test_one_clear_error_for_each(batch: tuple[Path, Any, str], name: str) -> None:
    _, outcomes, printed = batch
    outcome = outcomes[name]
    assert outcome["status"] == "failed"
    assert BAD[name][1] in outcome["what"]
    assert name in outcome["where"]
    assert outcome["fix"]
    assert outcome["exit_code"] != 1, outcome["what"]
    assert "bug" not in outcome["what"]
    lines = [line for line in printed.splitlines() if line.startswith(f"error: {name}:")]
    assert len(lines) == 1


def test_the_others_finish_and_nobody_sees_a_traceback(batch: tuple[Path, Any, str]) -> None:
    data, outcomes, printed = batch
    assert {name: outcomes[name]["status"] for name in ODD_NAMES} == dict.fromkeys(ODD_NAMES, "done")
    assert "Traceback" not in printed
    assert printed.count("error: ") == len(BAD)
    assert f"{len(ODD_NAMES)} done, 0 up to date, {len(BAD)} failed" in printed
    found = json.loads(onrecord("search", "consultation residents", "--json", "--limit", "99", data=data).stdout)
    assert {q["meeting"] for q in found["quotes"]} == {outcomes[name]["meeting"] for name in ODD_NAMES}


def test_status_and_dry_run_get_over_it_too(batch: tuple[Path, Any, str]) -> None:
    data, _, _ = batch
    status = onrecord("status", "--json", data=data)
    assert status.returncode == 0, status.stderr
    found = json.loads(status.stdout)
    assert found["n_done"] == len(ODD_NAMES)
    assert found["n_failed"] + found["n_to_do"] == len(BAD)  # root may read what the run could not
    dry = onrecord("run", "--dry-run", data=data)
    assert dry.returncode == 3
    assert "Traceback" not in status.stderr + dry.stderr


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"panel \xff")
    with_captions(tmp_path, name, toml='language = "en"\n')
    (tmp_path / "raw" / os.fsdecode(b"broken \xff")).mkdir()
    (tmp_path / "raw" / os.fsdecode(b"loose \xff.wav")).touch()
    done = onrecord("run", "--json", data=tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode == 3, done.stderr
    broken, fine = json.loads(done.stdout)
    assert (broken["status"], fine["status"]) == ("failed", "done")
    assert broken["folder"] == r"broken \xff"
    assert (tmp_path / "processed" / fine["meeting"] / "quotes.parquet").exists()
    found = json.loads(onrecord("search", "consultation", "--json", data=tmp_path).stdout)
    assert found["quotes"][0]["title"] == r"panel \xff"
    (log,) = (tmp_path / "processed" / "runs").iterdir()
    assert [json.loads(line)["what"] for line in log.read_bytes().splitlines()][-1] == "end"


# -- what this machine lacks ----------------------------------------------------------------------


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_no_models_and_no_network_is_said_at_once(tmp_path: Path, silent_hub: str) -> None:
    (tmp_path / "models").mkdir()
    env = {"ONRECORD_MODELS": str(tmp_path / "models"), "HF_ENDPOINT": silent_hub}
    with_sound(tmp_path, "sound")
    began = time.monotonic()
    done = onrecord("run", data=tmp_path, env=env)
    assert time.monotonic() - began < 60
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("error: ") == 1
    assert "is not on this machine" in done.stderr
    assert "onrecord models get whisper-base" in done.stderr
    assert not list((tmp_path / "processed" / "sound" / "scratch").glob("audio-*"))

    with_captions(tmp_path, "captions")  # needs no model, and finishes
    both = onrecord("run", "--json", data=tmp_path, env=env)
    assert both.returncode == 4  # whatever failed lacks something
    assert {o["folder"]: o["status"] for o in json.loads(both.stdout)} == {"captions": "done", "sound": "failed"}


# -- little to hear -------------------------------------------------------------------------------


@pytest.mark.weights
def test_silence_and_a_millisecond_are_meetings_without_words(tmp_path: Path, starter: Path) -> None:
    with_sound(tmp_path, "silence", n_ms=10_000)
    (tmp_path / "raw" / "millisecond").mkdir()
    write_sound(tmp_path / "raw" / "millisecond" / "meeting.wav", [(0, np.full(16, 0.1, np.float32))])
    with_captions(tmp_path, "captions")
    done = onrecord("run", "--json", data=tmp_path)
    outcomes = {o["folder"]: o for o in json.loads(done.stdout)}
    assert "Traceback" not in done.stderr
    assert {name: o["status"] for name, o in outcomes.items()} == {
        "captions": "done",
        "millisecond": "done",
        "silence": "done",
    }, done.stderr
    for name in ("silence", "millisecond"):
        assert json.loads((tmp_path / "processed" / name / "words.json").read_bytes())["words"] == []
