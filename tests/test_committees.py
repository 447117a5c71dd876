"""Naming on published transcripts that no weight was fitted on: few names missed, hardly any of them wrong."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.committees import DAMAGE, Committee, committee, score
from transcribe.name import name
from transcribe.records import Person, SpeakerName, Word

pytestmark = pytest.mark.shared


def names_of(meeting: Committee) -> tuple[SpeakerName, ...]:
    return name(meeting.words, [], meeting.people)


@pytest.fixture(scope="module")
def covid(shared: Path) -> Committee:
    return committee(shared / "captions" / "qmsum_json" / "canada_covid_4.json")


def test_a_committee_of_fifty_people(covid: Committee) -> None:
    found = score(covid, names_of(covid))
    assert found.precision >= 0.98
    assert found.coverage >= 0.60


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_wrong_diarisation_is_met_by_abstaining(covid: Committee, kind: str, seed: int) -> None:
    damaged = DAMAGE[kind](covid, seed)
    found = score(damaged, names_of(damaged))
    assert found.precision >= 0.95
    assert found.coverage >= 0.2


@pytest.mark.parametrize("debate", ["commons_2009-10-27", "westminster_hall_2009-10-28"])
def test_a_printed_debate_that_leaves_out_who_is_called_names_nobody_wrongly(shared: Path, debate: str) -> None:
    meeting = committee(shared / "captions" / "parldata_xml" / f"{debate}.xml")
    assert len(meeting.truth) > 30
    assert score(meeting, names_of(meeting)).precision >= 0.98


def test_a_garbled_roll_call_each_answer_its_own_voice(shared: Path) -> None:
    """Whom the clerk meant is known for the ones below alone; two answered to one name, and nobody can tell which."""
    listed = tomllib.loads((shared / "captions" / "derived" / "seattle_people.toml").read_text("utf-8"))["people"]
    people = [Person(id=f"p{i}", name=p["name"]) for i, p in enumerate(listed)]
    heard = json.loads((shared / "captions" / "cdp_json" / "example_whisper_output_transcript.json").read_text("utf-8"))
    said = [s["text"] for s in heard["sentences"]]
    first, end = said.index("What is?") + 1, said.index("We have an agenda of one issue today.")
    lines = [("chair", s) for s in said[: first - 1]]
    for i, text in enumerate(s for s in said[first:end] if s != "Here."):
        lines += [("clerk", text), (f"a{i}", "Here.")]
    lines += [("chair", s) for s in said[end:]]
    words, at_ms = [], 0
    for speaker, text in lines:
        for token in text.split():
            words.append(Word(text=token, start_ms=at_ms, end_ms=at_ms + 300, speaker=speaker))
            at_ms += 320
        at_ms += 400
    named = {n.label: int(n.person[1:]) for n in name(words, [], people) if n.person}
    assert len(named) >= 3
    allowed = {"chair": {4}, "a0": {6}, "a1": {7}, "a2": {0}, "a3": {1}, "a4": {3}, "a6": {0}}
    assert all(person in allowed.get(label, ()) for label, person in named.items())
