"""The notebooks' cells run, on quotes that the test makes."""

import json
from pathlib import Path

import pytest

from search.quotes import Quote, write_parquet

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_cells_run(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib").use("agg")
    for n in (1, 2):
        quote = Quote(
            address=f"m{n}/0-9000",
            check="0" * 8,
            meeting=f"m{n}",
            title="Panel",
            body="Wrenbridge Council",
            held_on=None,
            start_ms=0,
            end_ms=9000,
            text="Nobody was told about the cameras.",
            speaker_label="S1",
            speaker="Unknown speaker 1",
            speaker_status="unknown",
            person=None,
            role="",
            party="",
            agenda_item="",
            topic=True,
            codes=("notification",),
            stance="concerned",
            stance_holder="speaker",
            listen_first=(),
            source_url="",
            source_start_ms=None,
            transcript_sha256="",
        )
        folder = tmp_path / "processed" / f"m{n}"
        folder.mkdir(parents=True)
        write_parquet([quote], folder / "quotes.parquet")
    monkeypatch.setenv("ONRECORD_DATA", str(tmp_path))
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert len(names["claims"]) == 2  # type: ignore[arg-type]
