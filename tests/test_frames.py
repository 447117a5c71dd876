"""Tables for researchers: their columns and types, what is counted, and what is in none of them."""

from pathlib import Path

import pandas as pd
import pytest

from analyse import frames
from pipeline import asked, batch
from tests.house import TOML, captions, with_captions
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
