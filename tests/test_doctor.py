import ctypes
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline import doctor
from tests.house import onrecord, with_captions
from transcribe import engines, models

PARTS = ["machine", "engines", "data"]


def by_name(data: Path) -> dict[str, doctor.Finding]:
    return {f.what: f for f in doctor.examine(data)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("ONRECORD_MODELS", str(folder))
    return folder


def test_every_finding_is_said_in_a_screen(tmp_path: Path) -> None:
    with_captions(tmp_path, "panel")
    done = onrecord("doctor", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) <= 40
    found = json.loads(onrecord("doctor", "--json", data=tmp_path).stdout)
    assert list(dict.fromkeys(f["part"] for f in found)) == PARTS
    assert all(set(f) == {"part", "what", "found", "ok", "better", "fix"} for f in found)
    assert "1 meeting in" in next(f["found"] for f in found if f["what"] == "folder")


def test_what_lacks_comes_with_the_command(tmp_path: Path, place: Path) -> None:
    found = by_name(tmp_path / "nowhere")
    assert (found["words"].ok, found["words"].fix) == (False, "onrecord models get whisper-base")
    assert (found["voices"].ok, found["voices"].fix) == (False, "onrecord models get starter")
    assert (found["models"].ok, found["models"].fix) == (False, "onrecord models get starter")
    assert not found["folder"].ok
    assert found["rights"].fix.startswith("mkdir")
    assert found["reference"].ok  # nobody needs it


def test_a_model_that_is_cut_short_is_named(place: Path, tmp_path: Path) -> None:
    (place / "campplus").mkdir()
    (place / "campplus" / "campplus_cn_en_common.pt").write_bytes(b"short")
    found = by_name(tmp_path)["models"]
    assert not found.ok
    assert found.found.startswith("incomplete: campplus")
    assert found.fix == "onrecord models get campplus"


def test_a_folder_of_models_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ONRECORD_MODELS", str(tmp_path / "file"))
    found = by_name(tmp_path)["models"]
    assert not found.ok
    assert "cannot be read" in found.found


def test_whatever_is_broken_the_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str = "auto") -> engines.Choice:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(engines, "choose_recogniser", broken)
    monkeypatch.setattr(shutil, "disk_usage", broken)
    found = by_name(tmp_path)
    assert not found["words"].ok
    assert "no such thing" in found["words"].found
    assert not found["disk"].ok
    assert found["python"].ok


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "processed").mkdir()
    assert by_name(tmp_path)["rights"].ok
    assert list((tmp_path / "processed").iterdir()) == []


def test_a_place_that_is_no_folder_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "processed").touch()
    found = by_name(tmp_path)["rights"]
    assert not found.ok
    assert "cannot be written" in found.found


def test_a_gpu_is_named_by_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Driver:
        def cuDeviceGetCount(self, n: Any) -> int:
            n._obj.value = 1
            return 0

        def cuDeviceGet(self, device: Any, i: int) -> int:
            return 0

        def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:
            name.value = b"A card"
            return 0

        def cuDeviceTotalMem_v2(self, size: Any, device: Any) -> int:
            size._obj.value = 24 * 10**9
            return 0

    monkeypatch.setattr(engines, "has_gpu", lambda: True)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())
    monkeypatch.setattr(doctor, "_installed", lambda package: "2.0+cpu")
    found = doctor._gpu()
    assert found.found == "A card (24 GB)"
    assert not found.ok
    assert "torch" in found.better


def test_what_can_be_better_is_a_command(starter: Path, tmp_path: Path) -> None:
    found = by_name(tmp_path)
    assert found["voices"].better == "better, with a token"
    assert found["voices"].fix == "onrecord models get community-1"
    if not engines.has_gpu() and not models.find("whisper-small"):
        assert found["words"].fix == "onrecord models get whisper-small"


def test_memory_and_cores_are_those_that_may_be_used() -> None:
    total, free = doctor.memory()
    assert 0 < free <= total
    assert doctor.n_cores() >= 1
    assert doctor.file_system(Path("/proc")) == "proc"
