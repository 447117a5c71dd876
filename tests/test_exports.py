"""Meetings and quotes in other people's formats, read back by their own readers."""

import csv
import io
import itertools
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import docx
import msgspec
import pandas
import pyarrow.parquet
import pytest
import webvtt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from analyse.records import PlacedItem
from pipeline import outputs
from pipeline.cli import app
from pipeline.cli_export import Format
from search import documents, exports, tables
from search.exports import Source
from search.quotes import Quote
from tests import house
from tests.house import SAID, TOML, here, with_captions
from transcribe import captions
from transcribe.documents import GENERATOR
from transcribe.problem import Problem
from transcribe.records import Meeting, SpeakerName, Stretch, Transcript, Word
from transcribe.transcript import NOTICE

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=50)
HOSTILE = ["yes.", "<v", "-->", "&amp;", "NOTE", "consultation,", "{b}", "-", "–", "-no", "1", "00:01", "«a»", "</v>"]
WORDS = st.one_of(st.sampled_from(HOSTILE), TEXTS)


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
@settings(max_examples=40)
@given(made=sources())
def test_every_word_comes_back(
    tmp_path_factory: pytest.TempPathFactory, make: Callable[[Source], str], suffix: str, n_after: int, made: Source
) -> None:
    assume(made.transcript.words)
    if suffix == ".srt":  # which knows no way to write a word that looks like a tag or a time
        assume(not any(c in w.text for w in made.transcript.words for c in "<>{}&"))
    read = spoken(make(made), suffix, tmp_path_factory.mktemp("x"))
    read, said = read[: len(read) - n_after], [w.text for w in made.transcript.words]
    if make is exports.to_captions:  # where a dash says that somebody else goes on
        read, said = ([w for w in each if w != "-"] for each in (read, said))
    assert read == said


@settings(max_examples=60)
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


ITEMS = (
    PlacedItem(item=1, title="Apologies", start_ms=4_000, end_ms=20_000),
    PlacedItem(item=2, title="Minutes of the last meeting"),
    PlacedItem(item=3, title="Declarations", start_ms=20_000, end_ms=26_000),
    PlacedItem(item=4, title="Petitions", start_ms=26_000, end_ms=61_000),
    PlacedItem(item=5, title="Live facial recognition <LFR>", start_ms=61_000, end_ms=3_900_000),
)


def long_meeting(items: tuple[PlacedItem, ...] = ITEMS) -> Source:
    words = [
        Word(text=f"word{n}", start_ms=n * 5_000, end_ms=n * 5_000 + 400, timing="engine", speaker=f"S{n // 40 % 2}")
        for n in range(780)
    ]
    return msgspec.structs.replace(source(words), items=items)


def test_chapters_are_what_players_show() -> None:
    lines = exports.to_chapters(long_meeting()).splitlines()
    assert lines[:4] == [
        "0:00 1. Apologies",
        "0:20 3. Declarations; 4. Petitions",
        "1:01 5. Live facial recognition (LFR)",
        "",
    ]
    assert "not heard to be opened: 2. Minutes of the last meeting." in lines[4]
    assert NOTICE in lines
    with pytest.raises(Problem, match="too few chapters"):
        exports.to_chapters(long_meeting(ITEMS[:2]))


@given(st.lists(st.integers(0, 4_000_000), max_size=12), st.integers(-90, 90))
def test_chapters_keep_the_rules(starts: list[int], offset_s: int) -> None:
    items = tuple(PlacedItem(item=n, title=f"T{n}", start_ms=a, end_ms=a + 1) for n, a in enumerate(starts))
    made = long_meeting(items)
    made = msgspec.structs.replace(made, meeting=msgspec.structs.replace(made.meeting, source_offset_s=float(offset_s)))
    try:
        text = exports.to_chapters(made)
    except Problem:
        return
    listed = text.split("\n\n")[0].splitlines()
    times = [[int(part) for part in line.split()[0].split(":")] for line in listed]
    seconds = [sum(part * 60**n for n, part in enumerate(reversed(each))) for each in times]
    assert seconds[0] == 0
    assert len(seconds) >= 3
    assert all(b - a >= 10 for a, b in itertools.pairwise(seconds))
    assert all(f"T{n}" in text for n in range(len(starts)))


def test_a_document_to_begin_minutes_from() -> None:
    made = long_meeting()
    document = docx.Document(io.BytesIO(documents.to_docx(made)))
    headings = [p.text for p in document.paragraphs if p.style and str(p.style.name).startswith("Heading")]
    assert headings == [exports.item_title(i) for i in ITEMS if i.start_ms is not None]
    assert document.paragraphs[0].text == "Safety Panel"
    assert NOTICE in [p.text for p in document.paragraphs[:5]]
    assert document.sections[0].footer.paragraphs[0].text == NOTICE
    assert "b" * 64 in document.core_properties.comments
    said = next(p for p in document.paragraphs if "word1 " in p.text)
    assert [r.text for r in said.runs if r.bold] == ["Councillor Jo Okafor"]
    assert said.text.startswith("[0:00:05] Councillor Jo Okafor (confirmed): word1")
    spoken = " ".join(p.text.split("): ", 1)[1] for p in document.paragraphs if p.text.startswith("["))
    assert spoken.split() == [w.text for w in made.transcript.words]
    assert document.paragraphs[-1].text == exports.not_opened(ITEMS)


@settings(max_examples=25)
@given(sources(), st.sampled_from(["\x07", "\ufffe", "\x1b[2J"]))
def test_any_words_make_a_document(made: Source, control: str) -> None:
    word = Word(text=f"a{control}b", start_ms=10**7, end_ms=10**7 + 9, timing="engine")
    transcript = msgspec.structs.replace(made.transcript, words=(*made.transcript.words, word))
    document = docx.Document(io.BytesIO(documents.to_docx(msgspec.structs.replace(made, transcript=transcript))))
    written = "\n".join(p.text for p in document.paragraphs).split()
    assert len(set(written) & {w.text for w in made.transcript.words}) == len({w.text for w in made.transcript.words})
    assert written[-1].startswith("a\ufffd")


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
    rows = [quote(text=text) for text in (FORMULA, "+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "It is 1 = 1")]
    read = list(csv.DictReader(io.StringIO("".join(tables.to_csv([rows])), newline="")))
    assert [r["text"] for r in read] == [
        f"'{FORMULA}",
        "'+1",
        "'-1",
        "'@x",
        "'\t=1",
        "'\r=1",
        "' =1",
        "'＝1",
        "It is 1 = 1",
    ]
    assert {r["notice"] for r in read} == {f"{NOTICE} Made by {GENERATOR}."}
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
    assert "such a file already" in str(again.exception)
    for format in ("csv", "parquet", "sqlite"):
        path = tmp_path / f"q.{format}"
        made = run.invoke(app, ["export", format, "--data", str(tmp_path), "-o", str(path)])
        assert made.exit_code == 0, made.output
        assert path.stat().st_size > 100
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_written_is_told_apart_from_what_cannot_be_read(tmp_path: Path) -> None:
    out = tmp_path / "out" / "q.csv"
    with pytest.raises(Problem, match="cannot be read") as unread, outputs.whole(out) as side:
        side.write_bytes((tmp_path / "source").read_bytes())
    assert unread.value.where == str(tmp_path / "source")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(Problem, match="cannot be written"), outputs.whole(tmp_path / "file" / "q.csv"):
        pytest.fail("there is no room for it")
    with pytest.raises(Problem, match="cannot be written"), outputs.whole(out) as side:
        tables.to_sqlite([], side / "no" / "such" / "folder")
    assert [*out.parent.iterdir()] == []


MARKER = "The marmalade password is quicksilver."
SECRETS = ["marmalade", "Marmalade", "quicksilver"]
BY_HAND = {
    "--mask": [],
    "--exclude": ["--reason", "exempt business"],
    "--withhold": ["--reason", "under complaint", "--until", "2999-01-01"],
}


@pytest.mark.parametrize("way", [*BY_HAND, "meeting.toml"])
def test_what_is_hidden_is_in_no_export(tmp_path: Path, way: str) -> None:
    said = [*SAID[:2], ("Jo Okafor", MARKER), *SAID[2:]]
    toml = TOML + '[[agenda]]\nitem = 5\ntitle = "Live facial recognition"\n'
    if way == "meeting.toml":
        toml = 'exclude = [["0:00:20", "0:00:30", "exempt business"]]\n' + toml
    with_captions(tmp_path, "one", toml=toml, vtt=house.captions(said))
    data = ["--data", str(tmp_path)]
    run = CliRunner()
    assert run.invoke(app, ["run", *data]).exit_code == 0
    if way in BY_HAND:
        assert "quicksilver" in everything_exported(tmp_path)
        hidden = run.invoke(app, ["correct", "one/20000-29500", way, *BY_HAND[way], *data])
        assert hidden.exit_code == 0, (hidden.output, hidden.exception)
    found = everything_exported(tmp_path)
    assert NOTICE in found
    assert "consultation with residents" in found
    assert [secret for secret in SECRETS if secret in found] == []


@pytest.mark.parametrize("format", [f for f in Format if f is not Format.chapters])
def test_what_is_not_out_of_a_meeting_yet_is_exported_nowhere(tmp_path: Path, format: str) -> None:
    for id in ("one", "two"):
        with_captions(tmp_path, id, vtt=house.captions([("Jo Okafor", MARKER)] if id == "one" else SAID))
    here("run", "--jobs", "0", data=tmp_path)
    toml = tmp_path / "raw" / "one" / "meeting.toml"
    toml.write_text('exclude = [[0, 10, "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
    out = tmp_path / "out"
    out.mkdir()
    for wanted in (["one"], []):
        with pytest.raises(Problem, match="part of one was hidden"):
            here("export", format, *wanted, "-o", str(out), data=tmp_path)
    assert len(list(out.iterdir())) == 1  # of the other meeting
    with pytest.raises(Problem, match="part of one was hidden"):
        here("pack", "one/0-9500", "-o", str(tmp_path / "q.zip"), data=tmp_path)
    here("run", "--jobs", "0", data=tmp_path)
    here("export", format, "-o", str(out), "--force", data=tmp_path)


def test_what_is_hidden_while_it_is_exported_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_captions(tmp_path, "one", vtt=house.captions([("Jo Okafor", MARKER)]))
    here("run", "--jobs", "0", data=tmp_path)
    to_csv = tables.to_csv

    def meanwhile(meetings: Iterator[Sequence[Quote]]) -> Iterator[str]:
        yield from to_csv(meetings)
        here("correct", "one/0-9500", "--mask", "--by", "Mira", data=tmp_path)

    monkeypatch.setattr(tables, "to_csv", meanwhile)
    out = tmp_path / "quotes.csv"
    with pytest.raises(Problem, match="part of one was hidden"):
        here("export", "csv", "-o", str(out), data=tmp_path)
    assert not out.exists()


def test_a_member_of_the_public_is_named_in_no_export(tmp_path: Path) -> None:
    said = [*SAID[:2], ("Morwenna Tressick", "I live on the corner, and nobody asked me about the cameras."), *SAID[2:]]
    toml = TOML + '[[people]]\nid = "morwenna-tressick"\nname = "Morwenna Tressick"\nrole = "Resident"\n'
    with_captions(tmp_path, "one", toml=toml, vtt=house.captions(said))
    assert CliRunner().invoke(app, ["run", "--data", str(tmp_path)]).exit_code == 0
    found = everything_exported(tmp_path)
    assert "nobody asked me" in found
    assert "Member of the public" in found
    assert [part for part in ("Tressick", "tressick", "Morwenna", "morwenna") if part in found] == []


def everything_exported(data: Path) -> str:
    """All that any export says, documents and archives opened, as one text."""
    run, texts = CliRunner(), []
    for format in Format:
        path = data / "out" / f"all.{format}"
        made = run.invoke(app, ["export", format, "-o", str(path), "--force", "--data", str(data)])
        if format is Format.chapters:  # one item makes no chapters
            assert "too few chapters" in str(made.exception)
            continue
        assert made.exit_code == 0, made.output
        texts.append(path.read_bytes().decode("latin-1"))
        if format is Format.docx:
            with zipfile.ZipFile(path) as archive:
                texts += [archive.read(name).decode("latin-1") for name in archive.namelist()]
        if format is Format.parquet:
            texts.append(pandas.read_parquet(path).to_csv() + str(pyarrow.parquet.read_schema(path).metadata))
    return "\n".join(texts)
