"""What `onrecord quote` says of a place: why nothing is said there, who changed it, where to listen."""

import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.meetings import Layout
from pipeline.places import changes, where_to_listen, why_silent
from search.quotes import Address
from tests.house import TOML, with_captions
from transcribe.correct import Correction
from transcribe.documents import dump
from transcribe.problem import Problem
from transcribe.records import Media, Recording, Stretch, Transcript, Word

MEETING = "2024-05-14-panel"
NO_WORDS = Transcript(recording_sha256="a", language="en", engine="x", words=(), turns=())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One meeting with captions of forty seconds, of which the last ten are excluded."""
    data = tmp_path_factory.mktemp("finished")
    with_captions(data, MEETING, toml='exclude = [["0:30", "0:40", "exempt business"]]\n' + TOML)
    told("run", "--jobs", "0", data=data)
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "data")
    return tmp_path / "data"


def told(*args: str, data: Path) -> str:
    done = CliRunner().invoke(app, [*args, "--data", str(data)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def refused(*args: str, data: Path) -> Problem:
    done = CliRunner().invoke(app, [*args, "--data", str(data)])
    assert isinstance(done.exception, Problem), done.output
    return done.exception


# -- where there is nothing -----------------------------------------------------------------------


@pytest.mark.parametrize("meeting", ["2024-05-14-nope", "index", "runs"])
def test_a_meeting_that_is_not_there(data: Path, meeting: str) -> None:
    problem = refused("quote", f"{meeting}/1-2", data=data)
    assert problem.what == f"there is no meeting {meeting!r}"
    assert "onrecord status" in problem.fix


def test_a_meeting_that_is_not_finished_or_of_which_only_a_part_is_left(data: Path) -> None:
    (data / "processed" / MEETING / "transcript.json").unlink()
    assert refused("quote", f"{MEETING}/1-2", data=data).fix == f"onrecord run {MEETING}"
    shutil.rmtree(data / "raw" / MEETING)
    assert refused("quote", f"{MEETING}/1-2", data=data).fix.endswith(f"onrecord remove {MEETING}")


def test_a_place_without_words_says_why(data: Path) -> None:
    excluded = refused("quote", f"{MEETING}/0:00:31-0:00:33", data=data)
    assert excluded.what == "0:00:30 to 0:00:39: not part of the public record (exempt business)"
    assert "meeting.toml" in excluded.fix
    assert "ends before that" in refused("quote", f"{MEETING}/0:10:00-0:10:01", data=data).what
    assert "there are no words at 0:00:09" in refused("quote", f"{MEETING}/9700-9800", data=data).what
    told("correct", f"{MEETING}/0:00:10-0:00:20", "--mask", "--by", "Ann Clerk", "--reason", "an address", data=data)
    masked = refused("quote", f"{MEETING}/12000-13000", data=data)
    assert masked.what == "0:00:10 to 0:00:20: personal details hidden (an address)"
    assert f"onrecord correct {MEETING}/12000-13000 --undo" in masked.fix


@pytest.mark.parametrize(
    ("kind", "what", "fix"),
    [
        ("partial", "not listened to", f"onrecord run {MEETING}"),
        ("untranscribed", "could not make out (noise)", "listen"),
    ],
)
def test_time_without_text(data: Path, kind: str, what: str, fix: str) -> None:
    stretch = Stretch(kind=kind, start_ms=0, end_ms=9_000, reason="noise")  # type: ignore[arg-type]
    place = Address(meeting=MEETING, start_ms=1_000, end_ms=2_000)
    problem = why_silent(Layout(root=data), place, replace(NO_WORDS, stretches=(stretch,)))
    assert what in problem.what
    assert fix in problem.fix


# -- who changed it -------------------------------------------------------------------------------


def test_a_line_of_captions_that_is_masked_in_part_goes_whole_and_that_is_said(data: Path) -> None:
    vtt = "WEBVTT\n\n00:01.000 --> 00:09.000\nMy number is one two three and I live near the station.\n"
    with_captions(data / "lines", "lines", vtt=f"{vtt}\n00:30.000 --> 00:34.000\nThank you, Mr Pell.\n")
    told("run", "--jobs", "0", data=data / "lines")
    hid = told("correct", "lines/1000-4000", "--mask", "--by", "Mira", data=data / "lines")
    assert "7 words beside it went too" in hid
    assert "a line of captions goes as a whole" in refused("quote", "lines/5000-9000", data=data / "lines").what
    assert "there are no words at" in refused("quote", "lines/26000-28000", data=data / "lines").what


def test_what_a_person_changed_is_said_with_their_name(data: Path) -> None:
    (quote, *_) = json.loads(told("search", "consultation residents", "--json", data=data))["quotes"]
    new = quote["text"].replace("consultation", "conversation")
    told("correct", quote["address"], "--words", new, "--by", "Ann Clerk", data=data)
    told("correct", quote["address"], "--speaker", "jo-okafor", "--by", "Bob Clerk", data=data)
    shown = told("quote", quote["address"], data=data)
    assert "Words changed by Ann Clerk on " in shown
    assert "the machine wrote “consultation”." in shown
    assert "Speaker set by Bob Clerk on " in shown
    assert "a person, at" in told("speakers", MEETING, data=data)
    told("correct", quote["address"], "--undo", "--by", "Bob Clerk", data=data)
    assert "Speaker set" not in told("quote", quote["address"], data=data)


def test_changes_that_build_on_each_other_and_those_that_nobody_settled() -> None:
    first = Correction(
        id="1", at="2024-05-20T10:00:00Z", by="Ann", kind="words", start_ms=0, end_ms=900, recording_sha256="a"
    )
    made = [first, replace(first, id="2", by="Bob", at="2024-05-21T10:00:00Z")]
    words = [
        Word(text="was", start_ms=0, end_ms=300, original="is", change="correction 1"),
        Word(text="not", start_ms=300, end_ms=600),
        Word(text="asked", start_ms=600, end_ms=900, original="told", change="correction 1"),
        Word(text="at", start_ms=900, end_ms=1_000, original="that all", change="unsettled correction 2"),
        Word(text="all", start_ms=1_000, end_ms=1_100, original="", change="unsettled correction 2"),
        Word(text="today", start_ms=1_100, end_ms=1_200, original="", change="correction gone"),
    ]
    one, two, three = changes(words, made)
    assert (one.by, one.on, one.was, one.first, one.settled) == ("Ann", "2024-05-20", "is … told", True, True)
    assert (two.by, two.was, two.first, two.settled) == ("Bob", "that all", False, False)
    assert (three.by, three.was) == ("", "")


# -- where to listen ------------------------------------------------------------------------------


def test_a_meeting_in_parts_is_heard_in_the_right_one(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    names = ("part 1.mp4", "part 2.mp4")
    media = tuple(
        Media(file=name, sha256="a", size=1, duration_ms=60_000, start_ms=n * 60_000) for n, name in enumerate(names)
    )
    made, raw = layout.made(MEETING), layout.raw / MEETING
    made.mkdir(parents=True)
    raw.mkdir(parents=True)
    assert where_to_listen(layout, MEETING, 0, NO_WORDS) is None
    recording = Recording(meeting=MEETING, duration_ms=120_000, sha256="a", media=media)
    (made / "recording.json").write_bytes(dump(recording, "recording/1"))
    for name in names:
        (raw / name).touch()
    assert where_to_listen(layout, MEETING, 59_999, NO_WORDS) == (raw / names[0], 59_999)
    assert where_to_listen(layout, MEETING, 65_000, NO_WORDS) == (raw / names[1], 5_000)
    copy = made / "playable.m4a"
    copy.touch()
    assert where_to_listen(layout, MEETING, 65_000, NO_WORDS) == (raw / names[1], 5_000)
    hidden = replace(NO_WORDS, stretches=(Stretch(kind="masked", start_ms=0, end_ms=9, reason="x"),))
    assert where_to_listen(layout, MEETING, 65_000, hidden) == (copy, 65_000)
    (raw / names[1]).unlink()
    assert where_to_listen(layout, MEETING, 65_000, NO_WORDS) == (copy, 65_000)


def test_quote_names_the_file_where_there_is_no_link(data: Path) -> None:
    (quote, *_) = json.loads(told("search", "consultation residents", "--json", data=data))["quotes"]
    assert "Listen:" not in told("quote", quote["address"], data=data)  # captions alone
    place = data / "processed" / MEETING / "recording.json"
    body = json.loads(place.read_bytes())
    body["media"] = [{"file": "meeting.wav", "sha256": "a", "size": 1, "duration_ms": 40_000}]
    place.write_text(json.dumps(body))
    (data / "raw" / MEETING / "meeting.wav").touch()
    assert f"Listen: {data}/raw/{MEETING}/meeting.wav at 0:00:1" in told("quote", quote["address"], data=data)


def test_times_as_a_clock_shows_them(data: Path) -> None:
    shown = told("quote", f"{MEETING}/0:00:10-0:00:19.500", data=data)
    assert "There was no consultation with residents" in shown
    assert f"{MEETING}/10000-19500~" in shown
