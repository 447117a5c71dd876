"""Tables for researchers: their columns and types, what is counted, and what is in none of them."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from analyse import codebook, frames
from analyse.codebook_check import doubts
from analyse.labels import read_labels
from pipeline import asked, batch
from pipeline.cli import app
from tests.house import ROOT, SAID, TOML, captions, with_captions
from transcribe.problem import Problem


def run(data: Path) -> None:
    jobs, _ = asked.jobs_of(asked.layout_of(data), None)
    outcomes = batch.run(jobs, lambda event: None, n_workers=0, fresh=set())
    assert [o.what for o in outcomes if o.what] == []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two meetings; of the first, ten seconds are exempt, and the second has hardly anything in it."""
    data = tmp_path_factory.mktemp("data")
    hidden = 'exclude = [["0:00:20", "0:00:30", "exempt business"]]\n'
    with_captions(data, "a", toml=hidden + TOML)
    with_captions(data, "b", vtt=captions([("Nobody", "Good evening.")]), toml='title = "Short"\n')
    run(data)
    return data


@pytest.mark.parametrize("name", frames.COLUMNS)
def test_columns_and_types_are_what_they_say(name: str, data: Path, tmp_path: Path) -> None:
    (tmp_path / "processed").mkdir()
    table = getattr(frames, name)
    full, empty = table(data), table(tmp_path)
    assert len(empty) == 0
    for found in (full, empty):
        assert {c: str(kind) for c, kind in found.dtypes.items()} == frames.COLUMNS[name]
    assert not full["meeting"].isna().any()


def test_what_is_hidden_is_in_no_table(data: Path) -> None:
    everything = " ".join(getattr(frames, name)(data).to_string() for name in frames.COLUMNS)
    assert "consultation" in everything
    assert "concerns" not in everything
    words = frames.words(data)
    assert not ((words.start_ms >= 20_000) & (words.start_ms < 30_000) & (words.meeting == "a")).any()


def test_tables_agree(data: Path) -> None:
    meetings, said, tags = frames.meetings(data), frames.statements(data), frames.tags(data)
    assert meetings.meeting.tolist() == ["a", "b"]
    assert meetings.n_statements.tolist() == said.groupby("meeting").size().tolist()
    assert meetings.n_on_topic.tolist() == said.groupby("meeting").topic.sum().tolist()
    assert meetings.n_words.sum() == len(frames.words(data))
    assert len(tags) == said.codes.map(len).sum()
    assert set(tags.address) <= set(said.address)
    assert (said.duration == pd.to_timedelta(said.end_ms - said.start_ms, unit="ms")).all()
    carrying = tags[tags.code == "consultation"].words
    assert carrying.str.contains("consult").any()


def test_who_spoke_on_the_topic_and_how_long(data: Path) -> None:
    voices = frames.speakers(data).set_index("person")
    said = frames.statements(data)
    tranter = voices.loc["alison-tranter"]
    own = said[(said.person == "alison-tranter") & said.topic]
    assert tranter.n_on_topic == len(own) > 0
    assert tranter.on_topic == own.duration.sum()
    assert tranter.duration >= tranter.on_topic


def test_a_stance_that_is_reported_is_nobodys_own(data: Path) -> None:
    said = frames.statements(data)
    assert (said.own_stance.isna() | (said.stance_holder == "speaker")).all()


def test_no_data_and_damaged_data(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem):
        frames.statements(tmp_path / "none")
    made = tmp_path / "processed" / "m"
    made.mkdir(parents=True)
    for name in ("recording.json", "transcript.json", "statements.json", "quotes.parquet"):
        (made / name).write_bytes((data / "processed" / "a" / name).read_bytes())
    for name, table in (("transcript.json", frames.words), ("quotes.parquet", frames.statements)):
        (made / name).write_bytes(b"PAR1")
        with pytest.raises(Problem) as problem:
            table(tmp_path)
        assert name in problem.value.where
    (made / "statements.json").unlink()
    assert len(frames.topics(tmp_path)) == 0


def test_what_the_guide_tells_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    resident = '[[people]]\nid = "desmond-pell"\nname = "Desmond Pell"\nrole = "Resident"\n'
    for folder in ("a", "b"):
        said = [*SAID, ("Desmond Pell", "Nobody told us of the facial recognition.")]
        with_captions(tmp_path / "data", folder, toml=TOML + resident, vtt=captions(said))
    run(tmp_path / "data")
    guide = (ROOT / "docs" / "researchers.md").read_text("utf-8")
    draw, gather, agree, sums = re.findall(r"^```python\n(.*?)^```", guide, re.M | re.S)
    names: dict[str, Any] = {}
    exec(draw, names)
    sheet = pd.read_csv("sheet.csv", keep_default_na=False, dtype=str)
    assert set(sheet.address) == set(frames.statements().address)  # all of them, where there are so few
    sheet.loc[sheet.text.str.contains("consult"), ["topic", "codes"]] = "yes", "consultation question"
    sheet.to_csv("sheet.csv", index=False)
    sheet.assign(codes=sheet.codes.str.replace(" question", "")).to_csv("sheet-2.csv", index=False)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(gather + agree, names)
    assert told.getvalue() == "consultation 1.0\nquestion 0.0\n"
    rows = read_labels(tmp_path / "truth.jsonl")
    assert {r.codes for r in rows if r.topic} == {("consultation", "question")}
    scored = CliRunner().invoke(app, ["score", "tags", "truth.jsonl", "--data", "data", "--json"])
    assert scored.exit_code == 0, scored.output
    assert json.loads(scored.stdout)["whole"]["n_rows"] == len(sheet)
    exec(sums, names)
    assert set(names["said"].person.dropna()) == {"jo-okafor", "alison-tranter", "public-1"}
    assert set(names["named"].person) == {"jo-okafor", "alison-tranter"}


def test_the_codebook_of_the_guide_can_be_used() -> None:
    guide = (ROOT / "docs" / "researchers.md").read_text("utf-8")
    (book,) = re.findall(r"^```toml\n(.*?)^```", guide, re.M | re.S)
    assert doubts(codebook.read(book.encode()), book) == []
