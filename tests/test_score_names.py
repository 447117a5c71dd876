"""Names against a reference: by word, by status, over thresholds and in time."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import measure
from pipeline.cli import app
from tests.test_score import said
from transcribe.documents import dump
from transcribe.problem import Problem
from transcribe.records import Person, SpeakerName, Transcript, Turn
from transcribe.score_names import THRESHOLDS, NameScore, NameTime, NameWords, name_time, score_names, whose
from transcribe.score_voices import SpeakerScore

OKAFOR = SpeakerName(label="S1", display="Councillor Jo Okafor", person="jo-okafor", status="confirmed")
HOLM = SpeakerName(label="S2", display="Tom Holm", person="tom-holm", status="inferred", probability=0.92)
TRANTER = SpeakerName(label="S3", display="Alison Tranter", person="tranter", status="inferred", probability=0.985)
NAMES = (OKAFOR, HOLM, TRANTER, SpeakerName(label="S4", display="Unknown speaker 4"))
REFERENCE = said(
    ("jo-okafor", "item five please"), ("tom-holm", "thank you"), ("jo-okafor", "no"), ("resident", "nobody asked us")
)
HEARD = said(("S1", "item five please"), ("S2", "thank you"), ("S3", "no"), ("S4", "nobody asked"))


def test_words_by_status_and_over_thresholds() -> None:
    found = score_names(REFERENCE, HEARD, NAMES)
    assert (found.right, found.wrong, found.unknown, found.missed) == (5, 1, 2, 1)
    assert found.confirmed == NameWords(right=3)
    assert found.inferred == NameWords(right=2, wrong=1)
    assert (found.precision, found.coverage) == (5 / 6, 6 / 8)
    points = {p.at_least: (p.coverage, p.precision) for p in found.curve.points}
    assert points[0.5] == points[0.9] == (6 / 8, 5 / 6)
    assert points[0.95] == points[0.98] == (4 / 8, 3 / 4)
    assert points[0.99] == (3 / 8, 1.0)
    both = found + found
    assert (both.right, both.curve.n_found, both.curve.points) == (10, 16, found.curve.points)
    assert NameScore().curve.points[0].coverage is None


def test_time_with_the_right_a_wrong_and_no_name() -> None:
    reference = [(0, 1000, "a"), (1000, 2000, "b"), (1500, 2500, "c"), (4000, 5000, "a")]
    hypothesis = [(0, 1500, "a"), (1500, 2200, "b"), (1500, 1800, None), (2200, 3000, "c"), (4000, 4500, None)]
    assert name_time(reference, hypothesis) == NameTime(
        right_ms=1000 + 500 + 300, wrong_ms=500 + 200, unknown_ms=300 + 500, missed_ms=200 + 500, stray_ms=500
    )
    assert name_time(reference, []) == NameTime()


@given(
    *(
        st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8), st.sampled_from(people)), min_size=1, max_size=8)
        for people in (["a", "b", "c"], ["a", "b", None])
    )
)
def test_every_moment_of_speech_is_right_wrong_unknown_or_missed(
    reference: list[tuple[int, int, str]], hypothesis: list[tuple[int, int, str | None]]
) -> None:
    ours, theirs = ([(a, a + n, p) for a, n, p in side] for side in (reference, hypothesis))
    found = name_time(ours, theirs)  # type: ignore[arg-type]
    total = right = stray = 0
    for at in range(30):
        wanted, named = ({p for a, b, p in side if a <= at < b} - {None} for side in (ours, theirs))
        total += len(wanted)
        right += len(wanted & named)
        stray += max(0, len(named) - len(wanted))
    assert (found.reference_ms, found.right_ms, found.stray_ms) == (total, right, stray)


def test_voices_of_a_reference_are_people_by_id_name_or_alias() -> None:
    people = [
        Person(id="jo-okafor", name="Councillor Jo Okafor", aliases=("The Chair",)),
        Person(id="p2", name="Siân Nwosu-Bright"),
        Person(id="p3", name="Ann Smith"),
        Person(id="p4", name="Bob Smith"),
    ]
    voices = ["jo-okafor", "Cllr Okafor", "the chair", "Sian_Nwosu-Bright", "Smith", "Ann Smith", "Resident", ""]
    assert whose(voices, people) == {
        "jo-okafor": "jo-okafor",
        "Cllr Okafor": "jo-okafor",
        "the chair": "jo-okafor",
        "Sian_Nwosu-Bright": "p2",
        "Ann Smith": "p3",
    }


# -- files ----------------------------------------------------------------------------------------


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "m" / "transcript.json"
    path.parent.mkdir()
    turns = [
        Turn(speaker=w.speaker, start_ms=w.start_ms or 0, end_ms=w.end_ms or 0, exclusive=True)
        for w in HEARD
        if w.speaker
    ]
    made = Transcript(
        recording_sha256="ab", language="en", engine="x", words=tuple(HEARD), turns=tuple(turns), names=NAMES
    )
    path.write_bytes(dump(made, "transcript/2"))
    return path


SEGLST = json.dumps(
    [
        {"session_id": "m", "speaker": who, "start_time": i, "end_time": i + 1, "words": words}
        for i, (who, words) in enumerate(
            [("Cllr Okafor", "item five please"), ("Tom Holm", "thank you"), ("Okafor", "no"), ("A Resident", "us")]
        )
    ]
)
STM = "m 1 Jo_Okafor 0 1 item five please\nm 1 tom-holm 1 2 thank you\nm 1 Okafor 2 3 no\n"
VTT = """WEBVTT

00:00.000 --> 00:01.000
<v Cllr Jo Okafor>item five please

00:01.000 --> 00:02.000
<v Tom Holm>thank you

00:02.000 --> 00:03.000
<v Cllr Jo Okafor>no
"""


@pytest.mark.parametrize(("name", "text"), [("r.json", SEGLST), ("r.stm", STM), ("r.vtt", VTT)])
def test_references_with_names_say_who_is_right(transcript: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    found = measure.speakers(tmp_path / name, transcript).total.names
    assert (found.right, found.wrong) == (5, 1)
    assert found.time.right_ms > 0


def test_a_list_of_people_knows_those_whom_nobody_named(transcript: Path, tmp_path: Path) -> None:
    (tmp_path / "r.stm").write_text("m 1 Imelda_Quayle 0 1 item five please\nm 1 S9 1 2 thank you\n")
    without = measure.speakers(tmp_path / "r.stm", transcript)
    assert without.total.names == NameScore()
    assert "nothing in the reference says who people are" in " ".join(without.notes)
    (tmp_path / "c.vtt").write_text(VTT)
    toml = 'captions = "c.vtt"\n[[people]]\nid = "quayle"\nname = "Imelda Quayle"\n'
    (tmp_path / "meeting.toml").write_text(toml)
    found = measure.speakers(tmp_path / "r.stm", transcript, people=tmp_path / "meeting.toml").total.names
    assert (found.right, found.wrong) == (0, 5)


def test_our_own_transcript_is_a_reference_once_people_confirmed_it(transcript: Path) -> None:
    found = measure.speakers(transcript, transcript).total.names
    assert (found.right, found.wrong, found.unknown) == (6, 0, 2)
    assert (found.time.precision, found.time.stray_ms) == (1.0, 0)


def test_the_table_and_the_plot(transcript: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(SEGLST)
    plot = tmp_path / "plot.png"
    done = CliRunner().invoke(
        app,
        ["score", "speakers", str(tmp_path / "r.json"), str(transcript), "--plot", str(plot)],
        catch_exceptions=False,
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["confirmed", "3", "0", "0", "42.9%", "100.0%"] in rows
    assert ["50%", "to", "90%", "85.7%", "83.3%"] in rows
    assert plot.read_bytes().startswith(b"\x89PNG")
    json_too = CliRunner().invoke(app, ["score", "speakers", str(tmp_path / "r.json"), str(transcript), "--json"])
    names = json.loads(json_too.stdout)["total"]["names"]
    assert len(names["curve"]["points"]) == len(THRESHOLDS)
    assert names["precision"] == pytest.approx(5 / 6)
    assert names["time"]["precision"] is not None


def test_a_plot_that_cannot_be_drawn_says_why(
    transcript: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import show_score

    with pytest.raises(Problem, match=r"cannot be drawn as plot\.doc"):
        show_score.check_plot(tmp_path / "plot.doc")
    with pytest.raises(Problem, match="no names to draw"):
        show_score.plot_names(measure.Scored(recordings={}, total=SpeakerScore()), tmp_path / "p.png")
    found = measure.speakers(transcript, transcript)
    with pytest.raises(Problem, match="cannot be written"):
        show_score.plot_names(found, tmp_path / "nowhere" / "p.png")
    monkeypatch.setattr(show_score, "find_spec", lambda name: None)
    with pytest.raises(Problem, match="matplotlib is not installed"):
        show_score.check_plot(tmp_path / "p.png")
