"""Notebooks run on a data folder that the test makes, and are kept with what they show."""

import json
from pathlib import Path
from typing import Any

import pytest

from analyse import frames
from pipeline import asked, batch
from tests.house import ROOT, TOML, captions, with_captions

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    return [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_run(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    for folder in ("m1", "m2"):
        with_captions(tmp_path, folder, toml=TOML)
    jobs, _ = asked.jobs_of(asked.layout_of(tmp_path), None)
    assert [o.status for o in batch.run(jobs, lambda event: None, n_workers=0, fresh=set())] == ["done", "done"]
    monkeypatch.setenv("ONRECORD_DATA", str(tmp_path))
    names: dict[str, Any] = {}
    for cell in code_cells(notebook):
        exec("".join(cell["source"]), names)
    assert list(names["meetings"].meeting) == ["m1", "m2"]
    assert names["on_topic"].sum() == pytest.approx(frames.speakers(tmp_path).on_topic.dt.total_seconds().sum() / 60)
    assert names["by_role"].to_numpy().sum() == len(frames.tags(tmp_path))
    assert set(names["claims"].speaker_status) <= {"inferred", "confirmed"}
    assert len(names["plt"].get_fignums()) == 4  # speakers, roles, and a timeline of each meeting
    names["plt"].close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_run_where_nothing_is_on_the_topic(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    with_captions(tmp_path, "m", vtt=captions([("Jo Okafor", "The bins are emptied on Mondays.")]))
    jobs, _ = asked.jobs_of(asked.layout_of(tmp_path), None)
    batch.run(jobs, lambda event: None, n_workers=0, fresh=set())
    monkeypatch.setenv("ONRECORD_DATA", str(tmp_path))
    names: dict[str, Any] = {}
    for cell in code_cells(notebook):
        exec("".join(cell["source"]), names)
    assert len(names["claims"]) == 0
    names["plt"].close("all")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_are_kept(notebook: Path) -> None:
    cells = code_cells(notebook)
    assert all(c["outputs"] for c in cells)
    outputs = [o for c in cells for o in c["outputs"]]
    assert {o["output_type"] for o in outputs} <= {"display_data", "execute_result"}
    assert sum("image/png" in o["data"] for o in outputs) >= 3
    assert "/home/" not in notebook.read_text("utf-8")
