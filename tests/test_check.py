"""`onrecord check` says all that is wrong, with its line, and agrees with what a run does."""

import itertools
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import asked, check, meeting_toml
from pipeline.check import Finding
from pipeline.cli import app
from pipeline.meetings import Layout
from tests.house import TOML, captions, onrecord, with_captions, with_sound
from tests.test_toml_files import HOSTILE
from transcribe.problem import Problem

FOLDER = "2024-05-14-panel"


def findings(data: Path) -> list[Finding]:
    layout = Layout(root=data)
    folders, ids = asked.folders_of(layout, None)
    return [*check.check_data(layout, ids), *check.check(layout, folders, ids)]


def of(data: Path, toml: str) -> list[tuple[str, int | None, str]]:
    """Kind, line and words of each finding about a meeting with captions and this `meeting.toml`."""
    if (data / "raw" / FOLDER).exists():
        (data / "raw" / FOLDER / "meeting.toml").write_text(toml, "utf-8")
    else:
        with_captions(data, FOLDER, toml=toml)
    found = findings(data)
    assert all(f.fix and f.what and f.folder == FOLDER for f in found)
    return [(f.kind, f.line, f.what) for f in found]


def test_a_good_meeting_is_fine(tmp_path: Path) -> None:
    assert of(tmp_path, TOML) == []


def test_everything_is_said_at_once_each_with_its_line(tmp_path: Path) -> None:
    toml = """\
titel = "Panel"
body = 5
held_on = "14 May 2024"
language = "english"
exclude = [
  ["0:05:00", "0:02:00", "private"],
  ["five", "0:02:00", "private"],
  ["1:00"],
  [1, 2, "fine"],
]
timezone = "Mars/Olympus"
captions = "other.vtt"

[[people]]
id = "jo-okafor"
name = "Cllr Okafor"

[[people]]
id = "Jo Okafor"
name = " "
roll = "Chair"

[[people]]
id = "jo-okafor"
name = "Cllr Another"
aliases = ["A", ""]

[[people]]
name = 3

[[agenda]]
item = 1.5
title = "Welcome"
"""
    found = of(tmp_path, toml)
    assert {kind for kind, _, _ in found} == {"error"}
    assert sorted((line, what) for _, line, what in found) == sorted(
        [
            (1, "meeting.toml has a key that means nothing here: 'titel'"),
            (2, "body should be text in quotes and is a whole number"),
            (3, "held_on is not a date"),
            (4, "language is not the code of a language: 'english'"),
            (6, "an excluded stretch ends before it starts: 0:05:00 to 0:02:00 (private)"),
            (7, "'five' is not a time such as \"1:02:10\""),
            (8, "item 3 of exclude should hold 3 things and holds 1"),
            (11, "there is no time zone 'Mars/Olympus'"),
            (12, "there is no file 'other.vtt' in this folder"),
            (19, "id (people 2) should be made of a-z, 0-9 and -, at most 80 of them"),
            (21, "meeting.toml has a key that means nothing here: 'roll' (people 2)"),
            (24, "two people have the id 'jo-okafor': this one and the one on line 15"),
            (26, "this alias is empty"),
            (28, "id must be given (people 4)"),
            (29, "name (people 4) should be text in quotes and is a whole number"),
            (32, "item (agenda 1) should be a whole number or text in quotes and is a number"),
        ]
    )


def test_parts_that_are_wrong_keep_their_lines(tmp_path: Path) -> None:
    toml = '[[media]]\nfile = 5\n\n[[media]]\nfile = "../x.wav"\n\n[[media]]\nfile = "gone.wav"\n'
    assert [(kind, line) for kind, line, _ in of(tmp_path, toml) if kind == "error"] == [
        ("error", 2),
        ("error", 5),
        ("error", 8),
    ]


@pytest.mark.parametrize(
    ("toml", "line", "what"),
    [
        ('held_on = "2024-05-14"\n', 1, "needs no quotes"),
        ("held_on = 2999-05-14\n", 1, "yet to come"),
        ('body = "x"\nsource_url = "www.wrenbridge.example"\n', 2, "not a link"),
        ('source_url = "javascript:alert(1)"\n', 1, "not a link"),
        ("source_offset_s = 5\n", 1, "nothing without source_url"),
        ('source_state = "gone"\n', 1, "nothing without source_url"),
        ('exclude = [\n["0:05", "0:10", "a"],\n["0:01", "0:06", "b"]]\n', 2, "overlap: 'b' and 'a'"),
        ('title = "Pa\\u202Enel"\n', 1, "U+202E"),
        (
            '[[agenda]]\nitem = 1\ntitle = "A"\n[[agenda]]\nitem = 1\ntitle = "B"\n',
            5,
            "there twice: here and on line 2",
        ),
        ('[[people]]\nid = "a"\nname = "Jo"\n[[people]]\nid = "b"\nname = "jo "\n', 6, "the one on line 3"),
        (
            '[[people]]\nid = "a"\nname = "A"\naliases = ["X", "Jo"]\n'
            '[[people]]\nid = "b"\nname = "B"\naliases = [\n"Y",\n"jo"]\n',
            10,
            "the alias 'jo': this one and the one on line 4",
        ),
    ],
)
def test_what_is_probably_not_meant_is_advice(tmp_path: Path, toml: str, line: int, what: str) -> None:
    found = [f for f in of(tmp_path, toml) if f[1]]
    assert [(kind, n) for kind, n, _ in found] == [("advice", line)]
    assert what in found[0][2]


def test_a_bare_meeting_is_told_what_would_make_it_better(tmp_path: Path) -> None:
    place = with_captions(tmp_path, FOLDER)
    (place / "meeting.toml").unlink()
    assert [(f.kind, f.line) for f in findings(tmp_path)] == [("advice", None)] * 2


def test_stretches_beyond_the_recording(tmp_path: Path) -> None:
    place = with_sound(tmp_path, FOLDER, n_ms=3_000)
    toml = TOML.replace("[[people]]", 'exclude = [[0, 3, "a"], [2, "0:10", "b"], ["0:10", "0:20", "c"]]\n[[people]]', 1)
    (place / "meeting.toml").write_text(toml, "utf-8")
    found = findings(tmp_path)
    assert [f.kind for f in found] == ["advice"] * 3
    assert ["overlap" in f.what for f in found] == [True, False, False]
    assert "goes on beyond the recording, which is 3 s long: 'b'" in found[1].what
    assert "lies beyond" in found[2].what


def test_what_lies_about(tmp_path: Path) -> None:
    place = with_sound(tmp_path, FOLDER)
    (place / "meeting.toml").write_text(TOML, "utf-8")
    (place / "meeting.vtt").write_text(captions())
    (tmp_path / "raw" / "loose.mp3").write_bytes(b"x")
    (tmp_path / "raw" / ".adding-12345678").mkdir()
    (tmp_path / "meetings.toml").write_text(f'[meetings]\n"gone" = "was-here"\n"{FOLDER}" = "{FOLDER}"\n')
    found = findings(tmp_path)
    assert {f.kind for f in found} == {"advice"}
    assert f"rm -r {tmp_path}/raw/.adding-12345678" in found[1].fix
    assert [Path(f.file).name for f in found] == ["loose.mp3", ".adding-12345678", "meetings.toml", "meeting.vtt"]
    assert found[2].line == 2


def test_folders_that_clash_or_hold_nothing(tmp_path: Path) -> None:
    with_captions(tmp_path, "A panel")
    with_captions(tmp_path, "a-panel")
    (tmp_path / "raw" / "empty").mkdir()
    place = with_sound(tmp_path, "two")
    (place / "meeting.wav").rename(place / os.fsdecode(b"m\xff.wav"))
    found = [f for f in findings(tmp_path) if f.kind == "error"]
    assert [f.folder for f in found] == ["A panel", "a-panel", "empty", "two"]
    assert found[3].file.endswith("m\\xff.wav")


def test_a_recording_that_went_through_a_run_is_not_opened_again(tmp_path: Path) -> None:
    place = with_sound(tmp_path, FOLDER)
    (place / "meeting.toml").write_text(TOML, "utf-8")
    assert CliRunner().invoke(app, ["run", "--through", "probe", "--jobs", "0", "--data", str(tmp_path)]).exit_code == 0
    stat = (place / "meeting.wav").stat()
    (place / "meeting.wav").write_bytes(bytes(stat.st_size))
    assert [f.kind for f in findings(tmp_path)] == ["error"]
    os.utime(place / "meeting.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert findings(tmp_path) == []


def test_a_track_that_is_not_there_is_found_before_a_run_and_after(tmp_path: Path) -> None:
    toml = with_sound(tmp_path, FOLDER) / "meeting.toml"
    for _ in ("before", "after"):
        toml.write_text(TOML.replace("[[people]]", "audio_track = 9\n[[people]]", 1), "utf-8")
        (found,) = [f for f in findings(tmp_path) if f.kind == "error"]
        run = CliRunner().invoke(app, ["run", "--through", "probe", "--jobs", "0", "--json", "--data", str(tmp_path)])
        assert found.what == json.loads(run.stdout)[0]["what"]
        toml.write_text(TOML, "utf-8")
        assert findings(tmp_path) == []
        CliRunner().invoke(app, ["run", "--through", "probe", "--jobs", "0", "--data", str(tmp_path)])


def test_a_broken_correction_is_an_error_with_its_line(tmp_path: Path) -> None:
    folder = with_captions(tmp_path, FOLDER, toml=TOML)
    (folder / "corrections.jsonl").write_text('\n{"schema":"correction/1"}\n', "utf-8")
    (found,) = [f for f in findings(tmp_path) if f.kind == "error"]
    assert (Path(found.file).name, found.line) == ("corrections.jsonl", 2)
    run = CliRunner().invoke(app, ["run", "--jobs", "0", "--json", "--data", str(tmp_path)])
    assert found.what == json.loads(run.stdout)[0]["what"]


# -- it agrees with a run -------------------------------------------------------------------------

VALUES = [
    "5",
    "-5",
    "1.5",
    "inf",
    "nan",
    "0x" + "f" * 5000,
    '""',
    '"x"',
    '"en"',
    '"../x"',
    '"/etc/passwd"',
    '"a\\u0000b"',
    f'"{"x" * 300}"',
    '"Europe/London"',
    '"https://wrenbridge.example"',
    '"2024-05-14"',
    "true",
    "[]",
    "[1]",
    '["x", ""]',
    "{}",
    "[{}]",
    '[{file = ""}]',
    '[{file = "."}]',
    '[{file = "x", source_offset_s = nan}]',
    '[{id = "a", name = "A"}, {id = "b", name = "A", aliases = ["\\u202e"], present = false}]',
    '[{id = "a", name = "A"}, {id = "a", name = "B"}]',
    '[{id = "a", name = "A", aliases = [""]}]',
    '[{item = 1, title = "A"}, {item = "1", title = ""}]',
    "[{item = 0x" + "f" * 5000 + ', title = "A"}]',
    '[[0, 1, "a"]]',
    '[[1, 1, "a"]]',
    '[[0, inf, "a"]]',
    '[["0:00", "9:99:99", "a"], [0, 1e6, "b"]]',
    '[[-1, 1, "a"]]',
    "2024-05-14",
    "2024-05-14T10:00:00Z",
    "10:00:00",
]
KEYS = [*meeting_toml.EXAMPLES, "unknown", '"a.b"', "people.x"]


def test_check_and_run_agree_on_every_value_of_every_key(tmp_path: Path) -> None:
    for n, (key, value) in enumerate(itertools.product(KEYS, VALUES)):
        folder = with_captions(tmp_path, f"m{n}", toml=f"{key} = {value}\n")
        if n % 7 == 0:
            (folder / "x").write_text(captions(), "utf-8")
    done = CliRunner().invoke(app, ["run", "--through", "words", "--jobs", "0", "--json", "--data", str(tmp_path)])
    outcomes: dict[str, Any] = {o["folder"]: o for o in json.loads(done.stdout)}
    assert len(outcomes) == len(KEYS) * len(VALUES)
    failed = {folder for folder, o in outcomes.items() if o["status"] == "failed"}
    found = findings(tmp_path)
    assert {f.folder for f in found if f.kind == "error"} == failed
    assert 0 < len(failed) < len(outcomes)
    # Nothing is a bug, and what a run says is among what check says.
    assert {o.get("exit_code", 0) for o in outcomes.values()} == {0, 2}
    said = {(f.folder, f.what) for f in found}
    for name in failed:
        if not outcomes[name].get("stage"):
            assert (name, outcomes[name]["what"]) in said


def test_hostile_files_stop_neither(tmp_path: Path) -> None:
    for n, (data, _) in enumerate(HOSTILE.values()):
        (with_captions(tmp_path, f"bad{n}") / "meeting.toml").write_bytes(data)
    pipe, folder, link = (with_captions(tmp_path, name) / "meeting.toml" for name in ("pipe", "folder", "link"))
    for path in (pipe, folder, link):
        path.unlink()
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to("/dev/zero")
    with_captions(tmp_path, "good")
    checked = onrecord("check", "--json", data=tmp_path, within_s=30)
    run = onrecord("run", "--json", "--jobs", "0", "--through", "words", data=tmp_path, within_s=30)
    assert (checked.returncode, run.returncode) == (3, 3)
    assert "Traceback" not in checked.stderr + run.stderr
    outcomes = {o["folder"]: o for o in json.loads(run.stdout)}
    assert [name for name, o in outcomes.items() if o["status"] == "done"] == ["good"]
    said = {f["folder"]: f["what"] for f in json.loads(checked.stdout)}
    assert said == {name: o["what"] for name, o in outcomes.items() if o["status"] == "failed"}


def test_reading_raises_the_first_thing_that_examining_finds(tmp_path: Path) -> None:
    folder = with_captions(tmp_path, FOLDER, toml="title = 1\nbody = 2\n")
    meeting, faults = meeting_toml.examine(folder, "x")
    assert [f.line for f in faults] == [1, 2]
    assert meeting.captions == "captions.vtt"
    with pytest.raises(Problem) as caught:
        meeting_toml.read_meeting(folder, "x")
    assert caught.value.where == f"{folder / 'meeting.toml'}, line 1"


# -- as a verb ------------------------------------------------------------------------------------


def test_the_verb(tmp_path: Path) -> None:
    with_captions(tmp_path, FOLDER, toml=TOML + 'roll = "Witness"\n')
    with_captions(tmp_path, "fine", toml='held_on = "2024-05-14"\n')
    done = onrecord("check", data=tmp_path)
    assert done.returncode == 3
    assert re.search(
        r"line 11 +error +meeting.toml has a key that means nothing here: 'roll' \(people 2\)", done.stdout
    )
    assert done.stdout.splitlines()[-1] == "2 meetings: 1 error, 2 pieces of advice"
    assert onrecord("check", "fine", data=tmp_path).returncode == 0
    found = json.loads(onrecord("check", "--json", data=tmp_path).stdout)
    assert Counter(f["kind"] for f in found) == {"error": 1, "advice": 2}
    assert set(found[0]) == {"kind", "folder", "file", "line", "what", "fix"}
    assert onrecord("check", "nowhere", data=tmp_path).returncode == 2


def test_advice_for_many_meetings_is_given_once(tmp_path: Path) -> None:
    """What is an error, or concerns a line or one meeting, still stands by its file and line."""
    for n in range(9):
        with_captions(tmp_path, f"panel-{n}", toml='title = "Panel"\n' + ('held_on = "2024-05-14"\n' if n > 6 else ""))
    done = onrecord("check", data=tmp_path)
    assert done.stdout.count("nobody is named") == 1
    assert "9 meetings: panel-0, panel-1, panel-2, panel-3, panel-4, panel-5 and 3 more\n" in done.stdout
    for name in ("panel-7", "panel-8"):
        assert re.search(name + r"/meeting.toml\n  line 2 +advice  a date needs no quotes", done.stdout)
    assert len(json.loads(onrecord("check", "--json", data=tmp_path).stdout)) == int(done.stdout.split()[-4])


def test_nothing_steers_the_terminal(tmp_path: Path) -> None:
    with_captions(tmp_path, FOLDER, toml='title = "\\u001b[31mPanel"\n"\\u001b[2J" = 1\n')
    with_captions(tmp_path, "esc\x1b[2Jape\nline", toml="title = 1\n")
    done = onrecord("check", data=tmp_path)
    assert done.returncode == 3
    assert "\x1b" not in done.stdout + done.stderr
