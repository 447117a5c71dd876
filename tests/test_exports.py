"""Meetings and quotes in other people's formats, read back by their own readers."""

import csv
import io
import itertools
import json
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas
import pytest
import webvtt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from search import exports, tables
from search.exports import Source
from search.quotes import Quote
from tests.house import with_captions
from transcribe import captions
from transcribe.records import Meeting, SpeakerName, Stretch, Transcript, Word
from transcribe.transcript import NOTICE

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=50)
WORDS = st.one_of(st.sampled_from(["yes.", "<v", "-->", "&amp;", "NOTE", "consultation,", "{b}"]), TEXTS)


@st.composite
def sources(draw: st.DrawFn) -> Source:
    at_ms, words = 0, []
    for text in draw(st.lists(WORDS, max_size=40)):
        at_ms += draw(st.sampled_from([0, 40, 900, 4000]))
        speaker = draw(st.sampled_from(["S0", "S1", None]))
        end_ms = at_ms + draw(st.integers(50, 900))
        words.append(Word(text=text, start_ms=at_ms, end_ms=end_ms, timing="engine", speaker=speaker))
        at_ms = end_ms
    return source(words)


def source(words: list[Word], stretches: tuple[Stretch, ...] = ()) -> Source:
    names = (
        SpeakerName(label="S0", display="Councillor Jo Okafor", person="jo", status="confirmed", probability=1.0),
        SpeakerName(label="S1", display="Tom Holm", person="tom", status="inferred", probability=0.95),
    )
    transcript = Transcript(
        recording_sha256="a" * 64, language="en", engine="e", words=tuple(words), turns=(), names=names,
        stretches=stretches,
    )  # fmt: skip
    meeting = Meeting(id="m", folder="m", title="Safety Panel", body="Wrenbridge Council", held_on=date(2024, 5, 14))
    return Source(meeting=meeting, transcript=transcript, transcript_sha256="b" * 64)


def spoken(text: str, suffix: str, folder: Path) -> list[str]:
    """The words that our own importer reads."""
    path = folder / f"export{suffix}"
    path.write_text(text, encoding="utf-8")
    words, _ = captions.read(path, recording_sha256="a" * 64, duration_ms=10**8)
    return [w.text for w in words.words]


@pytest.mark.parametrize(
    ("make", "suffix", "n_after"),
    [
        (exports.to_vtt, ".vtt", 0),
        (exports.to_captions, ".vtt", 0),
        (exports.to_srt, ".srt", len(f"{NOTICE} Made by onrecord 0.1.0 from m, transcript {'b' * 64}.".split())),
        (exports.to_cdp, ".json", 0),
    ],
)
@settings(max_examples=40, deadline=None)
@given(made=sources())
def test_every_word_comes_back(
    tmp_path_factory: pytest.TempPathFactory, make: Callable[[Source], str], suffix: str, n_after: int, made: Source
) -> None:
    assume(made.transcript.words)
    if suffix == ".srt":  # which knows no way to write a word that looks like a tag or a time
        assume(not any(c in w.text for w in made.transcript.words for c in "<>{}&"))
    read = spoken(make(made), suffix, tmp_path_factory.mktemp("x"))
    dashes = make is exports.to_captions
    said = [w.text for w in made.transcript.words]
    assert [w for w in read[: len(read) - n_after] if not (dashes and w == "-")] == said


@settings(max_examples=60, deadline=None)
@given(sources())
def test_captions_can_be_read(made: Source) -> None:
    text = exports.to_captions(made)
    found = list(webvtt.from_string(text)) if made.transcript.words else []
    for cue in found:
        lines = cue.text.splitlines()
        assert len(lines) <= 2
        assert all(len(line) <= 42 or len(line.removeprefix("- ").split()) == 1 for line in lines)
    for cue, following in itertools.pairwise(found):
        assert cue.start_in_seconds <= following.start_in_seconds
    assert "Tom Holm" not in text


def test_a_transcript_to_be_read() -> None:
    words = [
        Word(text="Good", start_ms=0, end_ms=300, timing="engine", speaker="S0"),
        Word(text="evening.", start_ms=300, end_ms=700, timing="engine", speaker="S0"),
        Word(text="Thanks.", start_ms=9000, end_ms=9500, timing="engine", speaker="S1"),
    ]
    stretch = Stretch(kind="untranscribed", start_ms=2000, end_ms=8000, reason="noise")
    lines = exports.to_txt(source(words, (stretch,))).splitlines()
    assert lines[:4] == ["Safety Panel", "Wrenbridge Council", "14 May 2024", NOTICE]
    assert [line for line in lines[5:] if line] == [
        "[0:00:00] Councillor Jo Okafor (confirmed): Good evening.",
        "[0:00:02] [to 0:00:08: speech we could not make out]",
        "[0:00:09] Tom Holm (named by software, not checked): Thanks.",
    ]


def quote(**fields: object) -> Quote:
    row: dict[str, object] = dict(
        address="m/0-1000", check="0" * 8, meeting="m", title="", body="", held_on=date(2024, 5, 14), start_ms=0,
        end_ms=1000, text="It was just a tweet.", speaker_label="S0", speaker="Jo", speaker_status="inferred",
        person="jo", role="", party="", agenda_item="", topic=True, codes=("notification", "consultation"),
        stance=None, stance_holder=None, listen_first=(), source_url="", source_start_ms=None,
        transcript_sha256="b" * 64,
    )  # fmt: skip
    return Quote(**row | fields)  # type: ignore[arg-type]


FORMULA = '=HYPERLINK("https://evil.example")'


def test_no_cell_is_a_formula() -> None:
    rows = [quote(text=text) for text in (FORMULA, "+1", "-1", "@x", "\t=1", "It is 1 = 1")]
    read = list(csv.DictReader(io.StringIO("".join(tables.to_csv([rows])))))
    assert [r["text"] for r in read] == [f"'{FORMULA}", "'+1", "'-1", "'@x", "'\t=1", "It is 1 = 1"]
    assert {r["notice"] for r in read} == {NOTICE}
    assert read[0]["codes"] == "notification; consultation"
    assert read[0]["start_ms"] == "0"


def test_tables_are_read_back(tmp_path: Path) -> None:
    rows = [[quote(), quote(address="m/1000-2000", start_ms=1000, end_ms=2000, text="No notice.", codes=())], [quote()]]
    tables.to_parquet(iter(rows), tmp_path / "q.parquet")
    frame = pandas.read_parquet(tmp_path / "q.parquet")
    assert list(frame.columns) == list(tables.COLUMNS) == list(Quote.__struct_fields__)
    assert frame.text.tolist() == ["It was just a tweet.", "No notice.", "It was just a tweet."]
    tables.to_sqlite(iter(rows), tmp_path / "q.db")
    with sqlite3.connect(tmp_path / "q.db") as db:
        found = db.execute(
            "select address from quotes join quotes_fts on quotes.id = quotes_fts.rowid where quotes_fts match 'tweets'"
        ).fetchall()
        assert found == [("m/0-1000",)] * 2
        assert db.execute("select count(*) from codes where code = 'consultation'").fetchone() == (2,)
        assert db.execute("select codes, held_on, topic from quotes").fetchone() == (
            json.dumps(["notification", "consultation"]), "2024-05-14", 1,
        )  # fmt: skip
        assert db.execute("select notice from about").fetchone() == (NOTICE,)


def test_from_the_command_line(tmp_path: Path) -> None:
    run = CliRunner()
    for id in ("one", "two"):
        with_captions(tmp_path, id)
    assert "no meeting is finished yet" in str(run.invoke(app, ["export", "csv", "--data", str(tmp_path)]).exception)
    assert run.invoke(app, ["run", "--data", str(tmp_path)]).exit_code == 0
    shown = run.invoke(app, ["export", "txt", "one", "--data", str(tmp_path)])
    assert NOTICE in shown.stdout
    many = run.invoke(app, ["export", "vtt", "--data", str(tmp_path), "-o", str(tmp_path / "out")])
    assert many.exit_code == 0, many.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one.vtt", "two.vtt"]
    again = run.invoke(app, ["export", "vtt", "one", "--data", str(tmp_path), "-o", str(tmp_path / "out")])
    assert "there already" in str(again.exception)
    for format in ("csv", "parquet", "sqlite"):
        path = tmp_path / f"q.{format}"
        made = run.invoke(app, ["export", format, "--data", str(tmp_path), "-o", str(path)])
        assert made.exit_code == 0, made.output
        assert path.stat().st_size > 100
    assert not list(tmp_path.glob(".*"))
