"""Which folder is which meeting."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import asked, meetings, remove
from pipeline.meetings import Layout, assign_ids, find_folders, fix_ids, read_ids, slug
from transcribe.problem import Problem


@given(st.text(min_size=1))
def test_every_folder_name_makes_an_id(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", slug(name))


def test_no_usable_letter_and_reserved_names_get_a_hash() -> None:
    assert re.fullmatch(r"m-[0-9a-f]{8}", slug("会議"))
    assert slug("会議") != slug("議会")
    assert re.fullmatch(r"m-[0-9a-f]{8}", slug("Index"))


def test_ids_are_fixed_at_the_first_run_whatever_folders_are_called(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.raw.mkdir()
    odd = ["plain", 'a "quoted" one', "two\nlines", "会議", "it's", "tab\there", os.fsdecode(b"bytes\xff")]
    for name in odd:
        (layout.raw / name).mkdir()
    ids = assign_ids(layout, find_folders(layout))
    assert len(set(ids.values())) == len(odd)
    fix_ids(layout, ids)
    assert assign_ids(layout, find_folders(layout)) == ids
    text = layout.ids.read_text("utf-8")
    layout.ids.write_text(text.replace('"plain" = "plain"', '"renamed" = "plain"'), "utf-8")
    (layout.raw / "plain").rename(layout.raw / "renamed")
    assert assign_ids(layout, find_folders(layout))["renamed"] == "plain"


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ('[meetings]\n# Renamed by Mira.\n"a" = "b"  # was b', True),
        ('meetings = {a = "b"}\n', False),
        ('[meetings]\na = "b"\n[more]\nc = "d"\n', False),
    ],
)
def test_what_people_wrote_beside_ids_stays_where_it_can(tmp_path: Path, text: str, stays: bool) -> None:
    layout = Layout(root=tmp_path)
    layout.ids.write_text(text, "utf-8")
    fix_ids(layout, {"a": "a", "c": "c"})
    assert read_ids(layout) == {"a": "b", "c": "c"}
    assert layout.ids.read_text("utf-8").startswith(text) == stays


def test_ids_that_are_fixed_at_once_are_all_kept(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    names = [f"m{i}" for i in range(8)]
    with ThreadPoolExecutor(len(names)) as at_once:
        list(at_once.map(lambda name: fix_ids(layout, {name: name}), names))
    assert read_ids(layout) == {name: name for name in names}


def test_who_keeps_the_ids_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "WAIT_S", 0.1)
    layout = Layout(root=tmp_path)
    with meetings.ids_held(layout), pytest.raises(Problem, match="another process is writing"):
        fix_ids(layout, {"a": "a"})
    fix_ids(layout, {"a": "a"})
    with meetings.ids_held(layout):
        fix_ids(layout, {"a": "a"})  # nothing is new, so nobody waits


def test_two_folders_with_one_id_are_refused(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for name in ("A panel", "a-panel", "other"):
        (layout.raw / name).mkdir(parents=True)
    folders = find_folders(layout)
    ids = assign_ids(layout, folders)
    refused = {f.name for f in folders if meetings.shared_id(f, ids)}
    assert refused == {"A panel", "a-panel"}


def test_a_broken_list_of_ids_is_not_overwritten(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.ids.write_text("[meetings]\nx = \n")
    with pytest.raises(Problem, match="not valid TOML"):
        read_ids(layout)


def test_a_reserved_id_is_refused(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.ids.write_text('[meetings]\n"x" = "index"\n')
    with pytest.raises(Problem, match="can't be a meeting's id"):
        read_ids(layout)


def test_a_name_is_an_id_before_it_is_a_folder(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for folder in ("panel", "renamed"):
        (layout.raw / folder).mkdir(parents=True)
    layout.ids.write_text('[meetings]\n"renamed" = "panel"\n"panel" = "second"\n', "utf-8")
    (layout.processed / "second").mkdir(parents=True)
    for name, folder in (("panel", "renamed"), ("second", "panel"), ("raw/panel/", "panel"), ("renamed", "renamed")):
        assert [f.name for f in asked.folders_of(layout, [name])[0]] == [folder]
    assert remove.plan(layout, "panel").meeting == "panel"
    assert remove.plan(layout, f"{layout.raw}/panel").meeting == "second"
