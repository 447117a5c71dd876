"""Scores of files and folders of many recordings: paired by name, added up, and nothing left out in silence."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import measure
from pipeline.cli import app
from transcribe.problem import Problem
from transcribe.score import Invented, NamesHeard, WordErrors

REFERENCE = """m1 1 okafor 0 2 good evening everybody
m1 1 holm 3 4 thank you chair
m2 1 okafor 0 1 item five please
"""
HEARD = """m1 1 S1 0 2 good evening everyone
m1 1 S2 3 4 thank you chair
m2 1 S1 0 1 item please
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "ref.stm").write_text(REFERENCE)
    (tmp_path / "hyp.stm").write_text(HEARD)
    return tmp_path / "ref.stm", tmp_path / "hyp.stm"


def printed(*args: object) -> str:
    done = CliRunner().invoke(app, ["score", *map(str, args)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_errors_of_many_recordings_add_up(files: tuple[Path, Path]) -> None:
    found = measure.words(*files)
    assert found.recordings["m1"].errors == WordErrors(substitutions=1, n_reference=6)
    assert found.recordings["m2"].errors == WordErrors(deletions=1, n_reference=3)
    assert found.total.errors == WordErrors(substitutions=1, deletions=1, n_reference=9)
    assert found.total.invented == Invented(n_recordings=2)
    assert measure.words(*files, recording="m2").total.errors == WordErrors(deletions=1, n_reference=3)
    speakers = measure.speakers(*files).total
    assert (speakers.voices.n_right, speakers.voices.n_exact, speakers.cpwer.rate) == (8, 7, 2 / 9)
    turns = measure.turns(*files).total
    assert (turns.errors.rate, turns.jaccard.n_voices, turns.voices.n_exact) == (0, 3, 2)


def test_a_recording_that_was_not_made_is_not_left_out(files: tuple[Path, Path]) -> None:
    files[1].write_text(HEARD.replace("m2 ", "m3 "))
    with pytest.raises(Problem, match="1 of 2 recordings of the reference are not here: m2"):
        measure.words(*files)
    assert measure.words(*files, recording="m1").total.errors.n_reference == 6
    with pytest.raises(Problem, match="m9 is none of its 2 recordings: m1, m2"):
        measure.words(*files, recording="m9")


def test_recordings_alone_are_paired_whatever_they_are_called(tmp_path: Path) -> None:
    (tmp_path / "said.txt").write_text("good evening")
    (tmp_path / "heard.txt").write_text("good morning")
    assert measure.words(tmp_path / "said.txt", tmp_path / "heard.txt").recordings.keys() == {"said"}


def test_time_that_is_not_to_be_judged_is_cut_from_both_sides(files: tuple[Path, Path]) -> None:
    files[0].write_text(
        "m1 1 okafor 0 2 <o> good evening everybody\n"
        "m1 1 inter_segment_gap 2 3 <o>\n"
        "m1 1 holm 3 4 <o> IGNORE_TIME_SEGMENT_IN_SCORING\n"
    )
    files[1].write_text("m1 1 S1 0 2 good evening everybody\nm1 1 S2 3 4 thank you chair\n")
    assert measure.words(*files).total.errors == WordErrors(n_reference=3)
    found = measure.turns(*files).total
    assert (found.errors.rate, found.errors.reference_ms, found.voices.n_found) == (0, 2000, 1)
    assert measure.speakers(*files).total.cpwer == WordErrors(n_reference=3)


def test_folders_of_files_and_of_meetings(files: tuple[Path, Path], sample: Path, tmp_path: Path) -> None:
    (tmp_path / "ref").mkdir()
    for name in ("m1", "m2"):
        lines = "".join(line + "\n" for line in REFERENCE.splitlines() if line.startswith(name))
        (tmp_path / "ref" / f"{name}.stm").write_text(lines)
    assert measure.words(tmp_path / "ref", files[1]) == measure.words(*files)
    (tmp_path / "ref" / "again.stm").write_text("m1 1 okafor 0 2 good evening")
    with pytest.raises(Problem, match=r"again.stm speaks of m1 too"):
        measure.words(tmp_path / "ref", files[1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match="no file in this folder speaks of turns"):
        measure.turns(tmp_path / "empty", files[1])

    ours = measure.words(sample.parent, sample.parent, names=sample / "meeting.toml")
    assert ours.recordings.keys() == {sample.name}
    assert ours.total.errors.rate == 0
    assert ours.total.names.n_reference == ours.total.names.n_right > 20


def test_names_are_of_people_and_vocabulary_and_never_titles(tmp_path: Path) -> None:
    (tmp_path / "meeting.toml").write_text(
        'captions = "a.txt"\nvocabulary = ["Tannery Park"]\n[[people]]\nid = "okafor"\nname = "Councillor Jo Okafor"\n',
        "utf-8",
    )
    (tmp_path / "a.txt").write_text("Councillor Okafor, Tannery Park. Councillor Jo!")
    (tmp_path / "b.txt").write_text("Councillor Okafor, tannery bark. Councillor Jo!")
    found = measure.words(tmp_path / "a.txt", tmp_path / "b.txt", names=tmp_path / "meeting.toml")
    assert found.total.names == NamesHeard(n_reference=3, n_right=2)
    (tmp_path / "names.txt").write_text("Tannery Park\n")
    found = measure.words(tmp_path / "a.txt", tmp_path / "b.txt", names=tmp_path / "names.txt")
    assert found.total.names == NamesHeard(n_reference=1, n_right=0)


def test_files_without_words_turns_or_voices_are_told(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text("SPEAKER m1 1 0 1 <NA> <NA> okafor <NA> <NA>\n")
    (tmp_path / "a.ctm").write_text("m1 1 0 1 good\n")
    for score, path, what in (
        (measure.words, tmp_path / "a.rttm", "of turns, not of words"),
        (measure.turns, tmp_path / "a.ctm", "of words, not of turns"),
        (measure.speakers, tmp_path / "a.ctm", "whose the words are"),
    ):
        with pytest.raises(Problem, match=what):
            score(files[0], path, recording="m1")


def test_tables_have_a_line_for_each_and_one_for_all(files: tuple[Path, Path]) -> None:
    table = printed("words", *files).splitlines()
    assert [line.split() for line in table[2:5]] == [
        ["m1", "6", "1", "0", "0", "16.7%"],
        ["m2", "3", "0", "1", "0", "33.3%"],
        ["all", "9", "1", "1", "0", "22.2%"],
    ]
    assert "invented where nobody speaks: 0 words" in table
    assert "number of voices: right in 2 of 2 recordings" in printed("turns", *files)
    speakers = printed("speakers", *files)
    assert "the right voice: 88.9% of words, a wrong one: 0.0%" in speakers
    assert "all" not in [line.split(" ")[0] for line in printed("words", *files, "--recording", "m1").splitlines()]


@pytest.mark.parametrize("verb", ["words", "turns", "speakers"])
def test_json_has_counts_and_rates(files: tuple[Path, Path], verb: str) -> None:
    found: dict[str, Any] = json.loads(printed(verb, *files, "--json"))
    assert found["recordings"].keys() == {"m1", "m2"}
    rates = {
        "words": lambda s: (s["errors"]["rate"], s["names"]["recall"], s["starts"]["median_ms"]),
        "turns": lambda s: (s["errors"]["rate"], s["jaccard"]["rate"], s["one_speaker"]["reference_ms"]),
        "speakers": lambda s: (s["cpwer"]["rate"], s["voices"]["rate"], s["names"]["precision"]),
    }
    assert (
        rates[verb](found["total"])
        == {
            "words": (2 / 9, None, None),
            "turns": (0, 0, 4000),
            "speakers": (2 / 9, 8 / 9, None),
        }[verb]
    )
