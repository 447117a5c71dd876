"""`onrecord add`: what it proposes, what it makes, and that it makes it whole or not at all."""

import errno
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.add import make, to_toml
from pipeline.guess import Guess
from pipeline.meeting_toml import read_meeting
from pipeline.meetings import Layout, find_folders
from pipeline.propose import NewMeeting, Part, Proposal, check_space, propose
from tests.house import ROOT, captions, command, environment, onrecord
from tests.make_media import tone, write_sound
from transcribe.problem import Problem


def sound(path: Path, n_ms: int = 100) -> Path:
    """A recording; those of different lengths are different recordings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_sound(path, [(0, tone(n_ms))])


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path / "data")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def proposed(layout: Layout, *paths: Path, said: dict[str, str] | None = None, **options: Any) -> Proposal:
    return propose(layout, paths, said=said or {}, **options)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# -- what is proposed -----------------------------------------------------------------------------


def test_a_recording_with_what_lies_beside_it(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "Wrenbridge Council - Public Safety Panel - 14 May 2024.wav")
    path.with_suffix(".de.vtt").write_text(captions())
    path.with_suffix(".en.vtt").write_text(captions())
    path.with_suffix(".info.json").write_text('{"webpage_url": "https://video.example/1"}')
    (inbox / "notes.txt").write_text("x")
    proposal = proposed(layout, inbox)
    (new,) = proposal.meetings
    assert new.folder == "2024-05-14-public-safety-panel"
    assert new.captions == path.with_suffix(".en.vtt")
    assert "de.vtt" in new.notes[0]
    assert {k: g.value for k, g in new.guesses.items()} == {
        "title": "Public Safety Panel",
        "body": "Wrenbridge Council",
        "held_on": "2024-05-14",
        "source_url": "https://video.example/1",
    }
    assert not layout.root.exists()
    folder = make(layout, new)
    meeting = read_meeting(folder, "x")
    assert (meeting.title, meeting.body, str(meeting.held_on)) == (
        "Public Safety Panel",
        "Wrenbridge Council",
        "2024-05-14",
    )
    assert [m.file for m in meeting.media] == [path.name]
    assert meeting.captions == path.with_suffix(".en.vtt").name
    assert path.exists()


def test_tags_inside_the_recording_are_read(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "x.wav")
    with av.open(str(path)) as a, av.open(str(inbox / "recording1.mp4"), "w") as b:
        b.metadata.update(
            {"title": "Cabinet, 3rd June 2024", "artist": "Wrenbridge Council", "comment": "x" * 1_000_000}
        )
        stream: Any = b.add_stream("aac", rate=16_000)
        for frame in a.decode(audio=0):
            b.mux(stream.encode(frame))
        b.mux(stream.encode(None))
    (new,) = proposed(layout, inbox / "recording1.mp4").meetings
    assert {k: (g.value, g.source) for k, g in new.guesses.items()} == {
        "title": ("Cabinet", "tag title"),
        "body": ("Wrenbridge Council", "tag artist"),
        "held_on": ("2024-06-03", "tag title"),
    }


def test_what_is_said_is_not_guessed(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "panel 2024-05-14.wav")
    (new,) = proposed(layout, path, said={"title": "Cabinet", "held_on": "2023-01-02"}).meetings
    assert new.folder == "2023-01-02-cabinet"
    assert new.guesses["title"] == Guess(value="Cabinet", source="--title")
    sound(inbox / "another.wav", 200)
    with pytest.raises(Problem, match="--title and --date"):
        proposed(layout, inbox, said={"title": "Cabinet", "held_on": "2023-01-02"})
    both = proposed(layout, inbox, said={"body": "Wrenbridge Council"}).meetings
    assert [m.guesses["body"].value for m in both] == ["Wrenbridge Council"] * 2


def test_parts_make_one_meeting_in_order(layout: Layout, inbox: Path) -> None:
    for n in (10, 2, 1):
        sound(inbox / f"panel 2024-05-14 part {n}.wav", 100 + n)
    sound(inbox / "cabinet.wav")
    sound(inbox / "other part 1.wav", 300)
    panel, cabinet, other = sorted(proposed(layout, inbox).meetings, key=lambda m: m.folder)
    assert [p.name for p in panel.parts] == [f"panel 2024-05-14 part {n}.wav" for n in (1, 2, 10)]
    assert "is one missing" in panel.notes[0]
    assert len(cabinet.parts) == len(other.parts) == 1
    assert len(proposed(layout, inbox, apart=True).meetings) == 5
    meeting = read_meeting(make(layout, panel), "x")
    assert [m.file for m in meeting.media] == [p.name for p in panel.parts]


def test_two_first_parts_are_not_one_meeting(layout: Layout, inbox: Path) -> None:
    sound(inbox / "panel part 1.wav")
    sound(inbox / "panel part 2.wav", 200)
    sound(inbox / "panel pt1.wav", 300)
    assert len(proposed(layout, inbox).meetings) == 3


def test_folders_within_folders_only_when_asked(layout: Layout, inbox: Path) -> None:
    sound(inbox / "a.wav")
    sound(inbox / "b" / "c.wav", 200)
    sound(inbox / ".hidden" / "d.wav", 300)
    assert len(proposed(layout, inbox).meetings) == 1
    assert len(proposed(layout, inbox, recursive=True).meetings) == 2


def test_a_recording_that_is_there_is_left_out(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "a.wav")
    make(layout, proposed(layout, path).meetings[0])
    shutil.copy(path, inbox / "the same.wav")
    sound(inbox / "b.wav", 200)
    shutil.copy(inbox / "b.wav", inbox / "c.wav")
    again = proposed(layout, inbox, inbox, inbox / "b.wav", layout.root / "raw")
    assert [p.source.name for m in again.meetings for p in m.parts] == ["b.wav"]
    assert {k.path.name: k.same_as for k in again.known} == {
        "a.wav": layout.raw / "a" / "a.wav",
        "the same.wav": layout.raw / "a" / "a.wav",
        "c.wav": inbox / "b.wav",
    }


def test_of_copies_the_one_with_the_better_name_is_added(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "Public Safety Panel 2024-05-14.wav")
    for name in ("Copy of Public Safety Panel 2024-05-14.wav", "A (2).wav", "A - Copy.wav"):
        shutil.copy(path, inbox / name)
    proposal = proposed(layout, inbox)
    assert [p.source for m in proposal.meetings for p in m.parts] == [path]
    assert {k.same_as for k in proposal.known} == {path}
    sound(inbox / "b" / "Copy of Cabinet (2).wav", 200)
    (new,) = proposed(layout, inbox / "b").meetings
    assert new.folder == "cabinet"


def test_what_is_passed_over_is_said(layout: Layout, inbox: Path) -> None:
    sound(inbox / "panel.wav").with_suffix(".en.vtt").write_text(captions())
    (inbox / "panel.info.json").write_text("{}")
    sound(inbox / "older" / "cabinet.wav", 200)
    (inbox / "other.vtt").write_text(captions())
    for n in range(9):
        (inbox / f"notes {n}.txt").write_text("x")
    (inbox / ".hidden").write_text("x")
    passed = proposed(layout, inbox).passed_over
    assert [p.name for p in passed.folders] == ["older"]
    assert [p.name for p in passed.captions] == ["other.vtt"]
    assert [p.name for p in passed.files] == [f"notes {n}.txt" for n in range(9)]
    assert proposed(layout, inbox, recursive=True).passed_over.folders == ()
    told = onrecord("add", str(inbox), "--dry-run", data=layout.root).stdout
    assert "not looked at: 1 folder (--recursive); 1 caption file that belongs to no recording: other.vtt" in told
    assert "9 files that are no recordings: notes 0.txt, " in told
    assert "notes 5.txt and 3 more" in told


def test_captions_alone_are_a_meeting(layout: Layout, inbox: Path) -> None:
    path = inbox / "Wrenbridge Council - Public Safety Panel 14 May 2024.en.vtt"
    path.write_text(captions())
    (new,) = proposed(layout, path).meetings
    assert (new.folder, new.parts, new.captions) == ("2024-05-14-public-safety-panel", (), path)
    assert "captions only, no recording" in onrecord("add", str(path), "--dry-run", data=layout.root).stdout
    meeting = read_meeting(make(layout, new), "x")
    assert (meeting.media, meeting.captions, meeting.body) == ((), path.name, "Wrenbridge Council")
    assert [k.path for k in proposed(layout, path).known] == [path]
    assert onrecord("check", data=layout.root).returncode == 0
    done = onrecord("run", "--jobs", "0", data=layout.root)
    assert done.returncode == 0, done.stderr


def test_captions_that_are_named_beside_their_recording_come_along(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "panel.wav")
    path.with_suffix(".vtt").write_text(captions())
    (new,) = proposed(layout, path, path.with_suffix(".vtt")).meetings
    assert (len(new.parts), new.captions) == (1, path.with_suffix(".vtt"))
    (inbox / "bad.vtt").write_text("minutes")
    (problem,) = proposed(layout, inbox / "bad.vtt").refused
    assert "bad.vtt" in problem.where
    (alone,) = proposed(layout, path.with_suffix(".vtt")).meetings
    assert "panel.wav is left out" in alone.notes[0]


def test_another_recording_of_the_same_name_gets_a_folder_of_its_own(layout: Layout, inbox: Path) -> None:
    first = make(layout, proposed(layout, sound(inbox / "panel.wav")).meetings[0])
    before = everything(first)
    second = make(layout, proposed(layout, sound(inbox / "b" / "panel.wav", 200)).meetings[0])
    assert second.name == "panel-2"
    assert everything(first) == before
    layout.ids.write_text('[meetings]\n"panel" = "cabinet"\n')
    (new,) = proposed(layout, sound(inbox / "cabinet.wav", 300)).meetings
    assert new.folder == "cabinet-2"  # an id that another folder has is taken, too


def test_a_name_taken_meanwhile_is_not_overwritten(layout: Layout, inbox: Path) -> None:
    (new,) = proposed(layout, sound(inbox / "panel.wav")).meetings
    sound(layout.raw / "panel" / "other.wav")
    assert make(layout, new).name == "panel-2"
    assert everything(layout.raw / "panel").keys() == {"other.wav"}


def test_what_can_be_no_recording_is_refused_and_the_rest_goes_on(layout: Layout, inbox: Path) -> None:
    sound(inbox / "good.wav")
    (inbox / "text.mp3").write_text("minutes\n" * 1000)
    (inbox / "empty.mp4").touch()
    os.mkfifo(inbox / "pipe.wav")
    (inbox / "nothing.wav").symlink_to(inbox / "gone")
    (inbox / "folder.wav").mkdir()
    paths = [
        inbox,
        inbox / "pipe.wav",
        inbox / "nothing.wav",
        inbox / "folder.wav",
        inbox / "no such.wav",
        inbox / ("y" * 300),
    ]
    proposal = proposed(layout, *paths)
    assert [m.folder for m in proposal.meetings] == ["good"]
    assert sorted(Path(p.where).name for p in proposal.refused) == sorted(
        ["text.mp3", "empty.mp4", "pipe.wav", "nothing.wav", "folder.wav", "no such.wav", "y" * 300]
    )
    assert all(p.fix for p in proposal.refused)


@pytest.mark.parametrize(
    "info", [b"", b"[1]", b"[" * 100_000, b'{"title": ' + b"[" * 100_000, b"\xff", b'{"title": 5}']
)
def test_what_a_downloader_left_may_be_anything(layout: Layout, inbox: Path, info: bytes) -> None:
    path = sound(inbox / "panel.wav")
    path.with_suffix(".info.json").write_bytes(info)
    (new,) = proposed(layout, path).meetings
    assert new.folder == "panel"
    assert len(new.notes) == (info != b'{"title": 5}')


# -- any name, any tag ----------------------------------------------------------------------------

NAMES = st.one_of(
    st.binary(min_size=1, max_size=60).map(os.fsdecode),
    st.text(min_size=1, max_size=40),
    st.sampled_from(["-rf", "--yes", "..", "a\nb", "\u202egnp", "con", "a\\b", "a\tb", "~", ".hidden", "x" * 250]),
).filter(lambda name: not set(name) & {"/", "\0"} and _fits(name))


def _fits(name: str) -> bool:
    try:
        return len(os.fsencode(name)) <= 250
    except UnicodeEncodeError:  # half a character, which no file can be called
        return False


@settings(max_examples=60)
@given(NAMES, st.dictionaries(st.sampled_from(["title", "body", "source_url"]), st.text(min_size=1)))
def test_any_name_and_any_tag_make_a_meeting(tmp_path: Path, name: str, guessed: dict[str, str]) -> None:
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    layout = Layout(root=tmp_path / "any" / "data")
    path = sound(tmp_path / "any" / "in" / "x.wav").rename(tmp_path / "any" / "in" / f"{name}.wav")
    (new,) = proposed(layout, path).meetings
    folder = make(layout, new)
    assert [folder] == find_folders(layout)
    meeting = read_meeting(folder, "x")
    assert len(meeting.media) == 1
    assert (folder / meeting.media[0].file).read_bytes() == path.read_bytes()
    assert path.exists()
    told = NewMeeting(folder="x", parts=new.parts, guesses={k: Guess(value=v, source=name) for k, v in guessed.items()})
    values = tomllib.loads(to_toml(told))
    assert {k: values[k] for k in guessed} == guessed
    assert values.keys() == {*guessed, "media"}


def test_any_parts_are_toml() -> None:
    part = Part(source=Path("a"), name='a"\n', how="linked", size=1, duration_ms=1, source_url="https://a.example")
    new = NewMeeting(folder="x", parts=(part, part), guesses={}, captions=None)
    assert tomllib.loads(to_toml(new)) == {"media": [{"file": 'a"\n', "source_url": "https://a.example"}] * 2}


# -- links and copies -----------------------------------------------------------------------------


def test_links_take_no_space_and_outlive_the_original(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "a.wav")
    proposal = proposed(layout, path)
    assert proposal.n_to_copy == 0
    made = make(layout, proposal.meetings[0]) / "a.wav"
    assert made.samefile(path)
    assert not made.is_symlink()
    path.unlink()
    assert made.stat().st_size


def test_a_copy_is_one(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "a.wav")
    proposal = proposed(layout, path, link=False)
    assert proposal.n_to_copy == path.stat().st_size
    told: list[tuple[int, int]] = []
    made = make(layout, proposal.meetings[0], lambda done, total: told.append((done, total))) / "a.wav"
    assert not made.samefile(path)
    assert made.read_bytes() == path.read_bytes()
    assert made.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert told == [(path.stat().st_size,) * 2]


def test_on_another_disk_it_is_a_copy_or_a_pointer_as_was_asked(layout: Layout) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == layout.root.parent.stat().st_dev:
        elsewhere = layout.root.parent  # nothing to tell apart here, but all must still hold
    place = elsewhere / f"onrecord-{os.getpid()}"
    try:
        path = sound(place / "a.wav")
        other = path.stat().st_dev != layout.root.parent.stat().st_dev
        (new,) = proposed(layout, path).meetings
        assert new.parts[0].how == ("copied" if other else "linked")
        assert proposed(layout, path, link=True).meetings[0].parts[0].how == ("pointed to" if other else "linked")
        made = make(layout, proposed(layout, path, link=True).meetings[0])
        assert read_meeting(made, "x").media[0].file == "a.wav"
        assert (made / "a.wav").resolve() == path.resolve() or not other
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize(("link", "is_pointer"), [(None, False), (True, True)])
def test_where_hard_links_are_not_allowed(
    layout: Layout, inbox: Path, monkeypatch: pytest.MonkeyPatch, link: bool | None, is_pointer: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no")

    (new,) = proposed(layout, sound(inbox / "a.wav"), link=link).meetings
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    made = make(layout, new)
    assert (made / "a.wav").is_symlink() == is_pointer
    assert (made / "a.wav").read_bytes() == (inbox / "a.wav").read_bytes()


# -- whole or not at all --------------------------------------------------------------------------


def test_a_full_disk_leaves_nothing(layout: Layout, inbox: Path) -> None:
    """With a limit on the size of files, which fails as a full disk does, in the middle of writing."""
    path = sound(inbox / "a.wav", 5_000)
    limited = "import resource, sys, runpy, signal\n"
    limited += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    limited += "sys.argv[0] = 'onrecord'\nrunpy.run_module('pipeline', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limited, "add", str(path), "--copy", "--yes", "--data", str(layout.root)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    assert "a could not be made" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(layout.raw.iterdir()) == []
    assert path.exists()


def test_no_space_is_said_before_anything_is_written(
    layout: Layout, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = proposed(layout, sound(inbox / "a.wav"), link=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 0, 10))
    with pytest.raises(Problem, match="would be copied"):
        check_space(layout, proposal)
    assert not layout.root.exists()


def test_a_recording_that_grows_while_it_is_copied_is_refused(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "a.wav")
    (new,) = proposed(layout, path, link=False).meetings
    with path.open("ab") as f:
        f.write(b"more")
    with pytest.raises(Problem, match="changed while it was copied"):
        make(layout, new)
    assert list(layout.raw.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_no_half_meeting(layout: Layout, inbox: Path, end: signal.Signals) -> None:
    """Ended when the recording is in place and nothing else is."""
    slow = (
        "import signal, sys, time, runpy\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in the background it is ignored
        "from pipeline import add\n"
        "place = add._place\n"
        "def slowly(part, target, progress):\n"
        "    place(part, target, progress)\n"
        "    print('placed', flush=True)\n"
        "    time.sleep(60)\n"
        "add._place = slowly\n"
        "sys.argv[0] = 'onrecord'\n"
        "runpy.run_module('pipeline', run_name='__main__')"
    )
    path = sound(inbox / "a.wav")
    running = subprocess.Popen(
        [sys.executable, "-c", slow, "add", str(path), "--yes", "--data", str(layout.root)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    while running.stdout.readline() != "placed\n":
        pass
    running.send_signal(end)
    running.communicate(timeout=60)
    assert running.returncode == (130 if end == signal.SIGINT else -signal.SIGKILL)
    assert find_folders(layout) == []
    assert len(list(layout.raw.iterdir())) == (end == signal.SIGKILL)
    again = onrecord("add", str(path), "--yes", data=layout.root)
    assert again.returncode == 0
    assert [f.name for f in find_folders(layout)] == ["a"]


# -- as a verb ------------------------------------------------------------------------------------


def test_without_a_terminal_it_shows_and_makes_nothing(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "panel 2024-05-14.wav")
    asked = onrecord("add", str(path), data=layout.root)
    assert asked.returncode == 2
    assert "add --yes" in asked.stderr
    assert "2024-05-14-panel" in asked.stdout
    shown = onrecord("add", str(path), "--dry-run", data=layout.root)
    assert (shown.returncode, shown.stdout) == (0, asked.stdout)
    assert not layout.root.exists()


@pytest.mark.parametrize(("answer", "n"), [("y\n", 1), ("\n", 1), ("n\n", 0), ("\x04", 0)])
def test_at_a_terminal_it_asks(layout: Layout, inbox: Path, answer: str, n: int) -> None:
    path = sound(inbox / "panel.wav")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command("add", str(path), data=layout.root),
        cwd=ROOT,
        env=environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, answer.encode())
    out, err = running.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "Make this meeting? [Y/n]" in err
    assert running.returncode == 0, err
    assert len(list(layout.raw.glob("*"))) == n
    assert ("made " in out) == bool(n)


def test_json_says_what_was_made_and_what_was_not(layout: Layout, inbox: Path) -> None:
    sound(inbox / "panel 2024-05-14.wav")
    (inbox / "bad.mp3").write_text("x" * 1000)
    sound(inbox / "y.wav", 200).rename(inbox / os.fsdecode(b"y\xff.wav"))
    shown = onrecord("add", str(inbox), "--json", "--dry-run", data=layout.root)
    assert shown.returncode == 3
    done = onrecord("add", str(inbox), "--json", "--yes", data=layout.root)
    assert done.returncode == 3
    before, after = json.loads(shown.stdout), json.loads(done.stdout)
    assert [m["made"] for m in before["meetings"]] == [False, False]
    assert [m["made"] for m in after["meetings"]] == [True, True]
    assert after["meetings"][0]["guesses"]["held_on"] == {"value": "2024-05-14", "source": "file name"}
    assert after["meetings"][1]["media"][0]["file"] == "recording.wav"
    assert len(after["refused"]) == 1
    again = json.loads(onrecord("add", str(inbox), "--json", "--yes", data=layout.root).stdout)
    assert (again["meetings"], len(again["known"])) == ([], 2)


@pytest.mark.parametrize(
    "args",
    [["--date", "14 Mai"], ["--date", "2024-02-31"], ["--source-url", "javascript:x"], ["--source-url", "www.x"]],
)
def test_what_is_said_wrongly_is_refused(layout: Layout, inbox: Path, args: list[str]) -> None:
    done = onrecord("add", str(sound(inbox / "a.wav")), "--yes", *args, data=layout.root)
    assert done.returncode == 2
    assert "fix:" in done.stderr
    assert not layout.root.exists()


def test_names_like_options_and_names_that_steer_terminals(layout: Layout, inbox: Path) -> None:
    for n, name in enumerate(["--yes.wav", "-x.wav", "a\x1b[2J\n.wav"]):
        sound(inbox / "x.wav", 100 + n).rename(inbox / name)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pipeline",
            "add",
            "--dry-run",
            "--data",
            str(layout.root),
            "--",
            "--yes.wav",
            "-x.wav",
            ".",
        ],
        cwd=inbox,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("recording") == 3
    assert "\x1b" not in done.stdout


def test_what_was_added_runs(layout: Layout, inbox: Path) -> None:
    path = sound(inbox / "panel.wav")
    path.with_suffix(".vtt").write_text(captions())
    assert onrecord("add", str(path), "--yes", data=layout.root).returncode == 0
    assert onrecord("check", data=layout.root).returncode == 0
    assert onrecord("run", "--through", "words", "--jobs", "0", data=layout.root).returncode == 0
