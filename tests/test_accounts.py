"""Accounts: who may write on the page, and nobody else."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import accounts, keep
from pipeline.cli import app
from pipeline.meetings import Layout
from transcribe.problem import Problem

GOOD = "seven herons on a weir"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "raw").mkdir()
    return Layout(root=tmp_path)


def test_only_the_right_password_of_the_right_name_signs_in(layout: Layout) -> None:
    accounts.add(layout, "Mira Castell", GOOD)
    assert accounts.sign_in(layout, "Mira Castell", GOOD)
    assert accounts.sign_in(layout, " mira  castell ", GOOD), "a name is found however it is spaced and cased"
    for name, password in (("Mira Castell", GOOD + " "), ("Mira Castell", ""), ("Mira", GOOD), ("", ""), ("\0", "\0")):
        assert accounts.sign_in(layout, name, password) is None
    accounts.change_password(layout, "Mira Castell", "eight herons on a weir")
    assert accounts.sign_in(layout, "Mira Castell", GOOD) is None
    accounts.remove(layout, "Mira Castell")
    assert accounts.sign_in(layout, "Mira Castell", "eight herons on a weir") is None


def test_the_file_tells_no_password_and_is_its_owners_alone(layout: Layout) -> None:
    accounts.add(layout, "Mira Castell", GOOD)
    accounts.add(layout, "Ossian Brandt", GOOD)
    path = layout.root / accounts.FILE
    assert GOOD not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    one, two = accounts.read(layout)
    assert one.password.startswith("$argon2id$")
    assert one.password != two.password


def test_a_backup_holds_no_accounts(layout: Layout, tmp_path: Path) -> None:
    accounts.add(layout, "Mira Castell", GOOD)
    (layout.root / "people.toml").write_text("")
    assert [f.name for f in keep.backup(layout, tmp_path / "b.zip").files] == ["people.toml"]


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "aaaaaaaaaaaaaa", "mira castell 1", "MiraCastell!"])
def test_a_password_that_is_easy_to_guess_is_refused(layout: Layout, password: str) -> None:
    with pytest.raises(Problem, match="password"):
        accounts.add(layout, "Mira Castell", password)
    assert not (layout.root / accounts.FILE).exists()


def test_one_account_for_each_name(layout: Layout) -> None:
    accounts.add(layout, "Mira Castell", GOOD)
    with pytest.raises(Problem, match="already"):
        accounts.add(layout, "MIRA  CASTELL", GOOD)
    with pytest.raises(Problem, match="no account of 'Nobody'"):
        accounts.change_password(layout, "Nobody", GOOD)


@pytest.mark.parametrize("name", ["", "  ", "\u202eMira", "a\x07b", "x" * 81])
def test_a_name_that_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="no name"):
        accounts.named(name)


@given(st.text())
def test_a_name_is_kept_as_it_is_found_again(name: str) -> None:
    try:
        kept = accounts.named(name)
    except Problem:
        return
    assert accounts.named(kept) == kept


@pytest.mark.parametrize("data", [b"", b"{}", b'{"schema":"accounts/1","accounts":7}', b"\xff"])
def test_a_damaged_file_lets_nobody_in_and_says_so(layout: Layout, data: bytes) -> None:
    (layout.root / accounts.FILE).write_bytes(data)
    with pytest.raises(Problem, match="accounts"):
        accounts.sign_in(layout, "Mira Castell", GOOD)
    with pytest.raises(Problem, match="accounts"):
        accounts.add(layout, "Mira Castell", GOOD)
    assert (layout.root / accounts.FILE).read_bytes() == data


def test_accounts_made_at_once_are_all_there(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "WAIT_S", 300.0)
    names = [f"Clerk {c}" for c in "ABCD"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: accounts.add(layout, name, GOOD), names))
    assert [a.name for a in accounts.read(layout)] == names


def test_from_the_command_line(layout: Layout) -> None:
    def cli(*args: str, given: str = "") -> str:
        done = CliRunner().invoke(app, ["accounts", *args, "--data", str(layout.root)], input=given)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    assert "nobody yet" in cli("list")
    cli("add", "Mira Castell", "--password-stdin", given=GOOD + "\n")
    assert accounts.sign_in(layout, "Mira Castell", GOOD)
    assert [a["name"] for a in json.loads(cli("list", "--json"))] == ["Mira Castell"]
    assert "argon2" not in cli("list", "--json")
    cli("password", "Mira Castell", "--password-stdin", given="eight herons on a weir\n")
    cli("remove", "Mira Castell", "--yes")
    assert "nobody yet" in cli("list")
    lost = CliRunner().invoke(app, ["accounts", "add", "Ossian Brandt", "--data", str(layout.root)])
    assert isinstance(lost.exception, Problem)
    assert "--password-stdin" in lost.exception.fix
