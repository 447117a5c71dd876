"""What `meeting.toml` says is read, what it leaves open is found, and what is wrong is said with its place."""

import contextlib
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import meeting_toml
from pipeline.meeting_toml import parse_time, read_meeting
from transcribe.problem import Problem


def folder_with(tmp_path: Path, toml: str, *files: str) -> Path:
    folder = tmp_path / "raw" / "2024-05-14 Panel"
    folder.mkdir(parents=True)
    (folder / "meeting.toml").write_text(toml, "utf-8")
    for name in files:
        (folder / name).write_bytes(b"x")
    return folder


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


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="outside its folder"):
        read_meeting(folder_with(tmp_path, 'media = "a\\u0000.mp3"\n'), "x")


def test_every_key_has_an_example_that_is_right(tmp_path: Path) -> None:
    keys = {f.name for f in msgspec.structs.fields(meeting_toml._MeetingToml)}
    assert keys <= meeting_toml.EXAMPLES.keys()
    written = [re.split(r", or | \(", meeting_toml.EXAMPLES[key])[0] for key in keys - {"people", "agenda"}]
    assert read_meeting(folder_with(tmp_path, "\n".join(written)), "x").title == "Public Safety Panel"
