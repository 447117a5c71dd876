import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import meetings
from pipeline.meetings import Layout, assign_ids, find_folders, fix_ids, parse_time, read_ids, read_meeting, slug
from transcribe.problem import Problem


def folder_with(tmp_path: Path, toml: str, *files: str) -> Path:
    folder = tmp_path / "raw" / "2024-05-14 Panel"
    folder.mkdir(parents=True)
    (folder / "meeting.toml").write_text(toml, "utf-8")
    for name in files:
        (folder / name).write_bytes(b"x")
    return folder


@given(st.text(min_size=1))
def test_every_folder_name_makes_an_id(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", slug(name))


def test_no_usable_letter_and_reserved_names_get_a_hash() -> None:
    assert re.fullmatch(r"m-[0-9a-f]{8}", slug("会議"))
    assert slug("会議") != slug("議会")
    assert re.fullmatch(r"m-[0-9a-f]{8}", slug("Index"))


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_times_are_read_as_players_show_them(h: int, m: int, s: int, ms: int) -> None:
    assert parse_time(f"{h}:{m:02d}:{s:02d}.{ms:03d}") == ((h * 60 + m) * 60 + s) * 1000 + ms


@given(st.text(max_size=12))
def test_a_time_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_time(text) >= 0


def test_meeting_toml_of_the_design(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        """
title = "Public Safety Scrutiny Panel"
body = "Wrenbridge Council"
held_on = 2024-05-14
source_url = "https://wrenbridge.example/v/1"
media = "a.mp4"
exclude = [["0:02:10", 150, "exempt business"]]
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
role = "Chair"
aliases = ["Jo"]
[[agenda]]
item = 5
title = "Live facial recognition"
""",
        "a.mp4",
        "b.mp4",
    )
    meeting = read_meeting(folder, "x")
    assert meeting.exclude == ((130_000, 150_000, "exempt business"),)
    assert [m.file for m in meeting.media] == ["a.mp4"]
    assert meeting.people[0].id == "jo-okafor"
    assert meeting.agenda[0].item == 5


@pytest.mark.parametrize(
    ("toml", "files", "what", "where"),
    [
        ('title = "x\n', ["a.mp3"], "not valid TOML", "meeting.toml"),
        ('title = "x"\ntitel = "y"\n', ["a.mp3"], "means nothing here: 'titel'", "line 2"),
        ('[[people]]\nid = "a"\nname = "A"\nroll = "Chair"\n', ["a.mp3"], "'roll'", "line 4"),
        ("title = 5\n", ["a.mp3"], "title", "line 1"),
        ('exclude = [["0:05:00", "0:02:00", "private"]]\n', ["a.mp3"], "ends before it starts", "line 1"),
        ('exclude = [["five", "0:02:00", "private"]]\n', ["a.mp3"], "not a time", "line 1"),
        ('timezone = "Mars/Olympus"\n', ["a.mp3"], "Mars/Olympus", ""),
        ("", ["a.mp3", "b.mp4"], "2 recordings", ""),
        ("", [], "no recording", ""),
        ('media = "../other/a.mp3"\n', [], "outside its folder", ""),
        ('[[people]]\nid = "a"\nname = "A"\n[[people]]\nid = "a"\nname = "B"\n', ["a.mp3"], "two people", "line 5"),
        ('[[people]]\nid = "Jo Okafor"\nname = "A"\n', ["a.mp3"], "id", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, toml: str, files: list[str], what: str, where: str
) -> None:
    folder = folder_with(tmp_path, toml, *files)
    with pytest.raises(Problem) as caught:
        read_meeting(folder, "x")
    assert what in caught.value.what
    assert where in caught.value.where
    assert caught.value.fix


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


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="outside its folder"):
        read_meeting(folder_with(tmp_path, 'media = "a\\u0000.mp3"\n'), "x")


def test_every_key_has_an_example_that_is_right(tmp_path: Path) -> None:
    keys = {f.name for f in msgspec.structs.fields(meetings._MeetingToml)}
    assert keys <= meetings.EXAMPLES.keys()
    written = [re.split(r", or | \(", meetings.EXAMPLES[key])[0] for key in keys - {"people", "agenda"}]
    assert read_meeting(folder_with(tmp_path, "\n".join(written)), "x").title == "Public Safety Panel"
