"""What somebody would look for in the sample meeting is found, and what nobody said is not.

The meeting's own reference stands in for a recogniser that hears every word, and for captions that name those voices
who are named in the meeting.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.meeting_toml import read_meeting
from search import find
from search.find import Results
from transcribe.privacy import stand_ins

FIRST = 5


@pytest.fixture(scope="module")
def index(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("looked-for")
    place = data / "raw" / sample.name
    place.mkdir(parents=True)
    written = (sample / "meeting.toml").read_text("utf-8")
    (place / "meeting.toml").write_text(re.sub(r'(?m)^media = ".*"$', "", written), "utf-8")
    reference = json.loads((sample / "reference" / "reference.json").read_text("utf-8"))
    named = {s["person"] for s in reference["speakers"] if s["named"]}
    people = dict(re.findall(r'id = "([^"]+)"\s*\nname = "([^"]+)"', written))
    cues = [
        f"{clock(s['start_ms'])} --> {clock(s['end_ms'])}\n"
        f"<v {people[s['speaker']] if s['speaker'] in named else 'Somebody else'}>{s['text']}\n"
        for s in sorted(reference["sentences"], key=lambda s: s["start_ms"])
    ]
    (place / "captions.vtt").write_text("\n".join(["WEBVTT\n", *cues]), "utf-8")
    done = CliRunner().invoke(app, ["run", "--data", str(data)])
    assert done.exit_code == 0, done.output
    return data / "processed" / "index"


def clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def looks(sample: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((sample / "reference" / "looks_for.json").read_text("utf-8"))
    return found


def test_what_was_said_is_among_the_first(sample: Path, index: Path) -> None:
    public = stand_ins(read_meeting(sample, sample.name).people)  # who is not shown by name
    missing = []
    for look in looks(sample)["said"]:
        results = find.search(index, look["query"], limit=FIRST)
        wanted = (public.get(look["speaker"], look["speaker"]), None)
        middle_ms = (look["start_ms"] + look["end_ms"]) // 2
        there = [hit.quote for hit in results.hits if hit.quote.start_ms <= middle_ms < hit.quote.end_ms]
        if not any(quote.person in wanted for quote in there):
            missing.append((look["query"], [hit.quote.text for hit in results.hits]))
        assert all(quote.person in wanted for quote in there), look
    assert missing == []


def test_what_nobody_said_finds_nothing(sample: Path, index: Path) -> None:
    found: dict[str, Results] = {look["query"]: find.search(index, look["query"]) for look in looks(sample)["not_said"]}
    assert {query: results.total for query, results in found.items()} == dict.fromkeys(found, 0)


def test_an_index_of_another_version_is_made_again_and_that_is_said(index: Path) -> None:
    data = ["--data", str(index.parents[1])]
    before = find.search(index, "engagement").total
    (current,) = index.glob("v*-*")
    current.rename(index / "v1-00000000")
    refused = CliRunner().invoke(app, ["search", "engagement", *data])
    assert "made by another version" in str(refused.exception)
    done = CliRunner().invoke(app, ["run", *data])
    assert "made by another version of this program, or not finished: it was made again" in " ".join(
        done.output.split()
    )
    assert find.search(index, "engagement").total == before
    assert [p.name for p in index.glob("v*")] == [current.name]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("word " * 20_000, "only the first 10,000 characters"),
        ("(" * 1_000 + "police" + ")" * 1_000, "brackets more than 30 deep"),
        ('("' * 1_000 + "police", ""),
        ("\x00\x1b[\x07", "nothing in this can be searched for"),
        ("\u202e-police\u202c speaker:\u200fokafor", ""),
        ("-" * 50_000, ""),
        ("near/5 near/5 near/5", "near/ stands between"),
    ],
)
def test_whatever_is_typed_is_answered(index: Path, typed: str, said: str) -> None:
    shown = CliRunner().invoke(app, ["search", "--json", "--data", str(index.parents[1]), "--", typed])
    assert shown.exit_code == 0, shown.exception
    assert said in " ".join(json.loads(shown.stdout)["notes"])
    plain = CliRunner().invoke(app, ["search", "--data", str(index.parents[1]), "--", typed])
    assert plain.exit_code == 0
    assert not set("\x00\x1b\x07\u202e") & set(plain.stdout)
