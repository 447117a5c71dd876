import os
from pathlib import Path

import pytest

from pipeline import receipts
from pipeline.receipts import Receipt, first_difference, read, state_of, write
from transcribe.problem import Problem


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("in")
    (tmp_path / "out.txt").write_text("out")
    write(
        tmp_path,
        Receipt(
            stage="s",
            version=1,
            params={"engine": "a", "people": [{"id": "x"}]},
            inputs={"in": state_of(tmp_path / "in.txt")},
            outputs={"out.txt": state_of(tmp_path / "out.txt")},
        ),
    )
    return tmp_path


def why(folder: Path, **changes: object) -> str:
    wanted: dict[str, object] = {
        "version": 1,
        "params": {"engine": "a", "people": [{"id": "x"}]},
        "inputs": {"in": folder / "in.txt"},
    } | changes
    return first_difference(folder, read(folder, "s"), **wanted)  # type: ignore[arg-type]


def test_unchanged_is_fresh(made: Path) -> None:
    assert why(made) == ""


def test_the_first_difference_is_said(made: Path) -> None:
    assert "version 1 -> 2" in why(made, version=2)
    assert why(made, params={"engine": "b", "people": [{"id": "x"}]}) == 'engine changed: "a" -> "b"'
    assert why(made, params={"engine": "b", "people": [{"id": "x"}]}, ignore=frozenset({"engine"})) == ""
    assert why(made, inputs={}) == "input in is gone"


def test_content_counts_not_time(made: Path) -> None:
    os.utime(made / "in.txt", ns=(1, 1))
    assert why(made) == ""
    (made / "in.txt").write_text("changed")
    assert why(made) == "input in changed"


def test_a_lost_or_touched_output_is_a_miss(made: Path) -> None:
    (made / "out.txt").write_text("oops")
    assert "not what was written" in why(made)
    (made / "out.txt").unlink()
    assert "missing" in why(made)


def test_verify_finds_what_size_and_time_hide(made: Path) -> None:
    stat = (made / "out.txt").stat()
    (made / "out.txt").write_text("0ut")
    os.utime(made / "out.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert why(made) == ""
    assert "not what was written" in why(made, verify=True)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"stage": 5}', b"\xff\xfe", None])
def test_a_corrupt_receipt_is_a_miss(made: Path, damage: bytes | None) -> None:
    path = receipts.receipt_path(made, "s")
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert why(made) == "it has not been made yet"


def test_what_a_killed_writer_left_goes_with_the_next_receipt(made: Path) -> None:
    receipt = read(made, "s")
    assert receipt
    path = receipts.receipt_path(made, "s")
    (path.parent / f".{path.name}.4711").write_text("{")
    write(made, receipt)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_large_files_are_hashed_once(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(path: Path) -> str:
        raise AssertionError(f"hashed {path} again")

    monkeypatch.setattr(receipts, "hash_file", never)
    assert why(made) == ""


def test_a_missing_input_is_a_problem(made: Path) -> None:
    (made / "in.txt").unlink()
    with pytest.raises(Problem, match="no such file"):
        why(made)


def test_a_folder_in_a_files_place_is_said(made: Path) -> None:
    with pytest.raises(Problem, match="a folder, not a file"):
        receipts.hash_file(made)
