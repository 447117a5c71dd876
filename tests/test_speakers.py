"""Saying who a voice is, from the command line to the index, and through other engines with other labels and cuts."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from pipeline import amend, apply, batch, corrections, work
from pipeline.cli import app
from pipeline.context import Context
from search import find
from tests.house import TOML, Engine, Heard, captions, here, job, with_captions, with_sound
from transcribe.correct import Correction
from transcribe.engines import Choice
from transcribe.problem import Problem
from transcribe.records import SpeakerName, Turn

WHISPER = Choice(name="whisper:base", fingerprint="whisper base", by_hand=True)
LARGE = Choice(name="whisper:large", fingerprint="whisper large", by_hand=True)
STARTER = Choice(name="pyannote:starter", fingerprint="pyannote starter", by_hand=True)
BETTER = Choice(name="pyannote:better", fingerprint="pyannote better", by_hand=True)
GOLDEN = Path(__file__).parent / "data" / "golden"


class Room:
    """A meeting of a minute, one word a second, and the turns that a diariser finds in it."""

    def __init__(self, data: Path, patch: pytest.MonkeyPatch) -> None:
        self.data = data
        folder = with_sound(data, "m", n_ms=60_000)
        (folder / "meeting.toml").write_text(TOML, "utf-8")
        self.engine = Engine(block_ms=60_000).instead(patch)
        patch.setattr(self.engine, "turns", lambda audio, **_: self.turns)
        self.hear(("S1", 20), ("S2", 40), ("S1", 60))
        self.run()

    def hear(self, *turns: tuple[str, int]) -> None:
        """Voices, each until a second."""
        starts = [0, *(end_s for _, end_s in turns)]
        self.turns = tuple(
            Turn(speaker=voice, start_ms=1000 * start_s, end_ms=1000 * end_s, exclusive=True)
            for start_s, (voice, end_s) in zip(starts, turns, strict=False)
        )

    def run(self, asr: Choice = WHISPER, diariser: Choice = STARTER) -> None:
        self.job = job(self.data, "m", "m", asr, diariser)
        (outcome,) = batch.run([self.job], Heard(), n_workers=0)
        assert outcome.status in ("done", "fresh"), outcome

    @property
    def context(self) -> Context:
        return work.context_of(self.job)

    def names(self) -> dict[str, SpeakerName]:
        return {n.label: n for n in self.context.transcript().names}

    def persons(self) -> dict[str, str | None]:
        return {label: n.person for label, n in self.names().items()}

    def apply(self, correction: Correction) -> None:
        assert apply.apply(self.context, correction, Heard()).waits == ""

    def confirmed_words(self, person: str) -> set[str]:
        hits = find.search(self.data / "processed" / "index", f"speaker:{person}", limit=100).hits
        return {word for h in hits for word in h.quote.text.split()}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    return Room(tmp_path, monkeypatch)


def test_a_confirmation_reaches_the_index_and_outlives_other_engines(room: Room) -> None:
    room.apply(amend.confirm(room.context, "S2", "alison-tranter", by="Mira"))
    assert room.names()["S2"].status == "confirmed"
    assert room.confirmed_words("tranter") == {f"w{s}." for s in range(21, 40)}  # 20 is on the edge

    room.hear(("A", 21), ("B", 30), ("A", 31), ("B", 40), ("C", 60))
    room.run(asr=LARGE, diariser=BETTER)
    assert room.persons() == {"A": None, "B": "alison-tranter", "C": None}
    assert "w25." in room.confirmed_words("tranter")
    assert not {"w10.", "w50."} & room.confirmed_words("tranter")

    room.hear(("A", 60))
    room.run(asr=LARGE, diariser=STARTER)
    assert room.persons() == {"A": None}
    (stand,) = amend.voices(room.context)
    assert stand.doubt == "A now has words of others, too"


def test_what_was_said_of_a_voice_is_taken_back_by_its_label_or_by_its_id(room: Room) -> None:
    first = amend.confirm(room.context, "s2", "Alison Tranter", by="Mira")
    room.apply(first)
    room.apply(amend.reject(room.context, "S2", by="Ada"))
    assert room.persons()["S2"] is None
    room.apply(amend.take_back(room.context, "S2", by="Ada"))
    assert room.persons()["S2"] == "alison-tranter"
    room.apply(amend.take_back(room.context, first.id, by="Ada"))
    assert room.persons()["S2"] is None
    with pytest.raises(Problem, match="nobody confirmed or rejected S2"):
        amend.take_back(room.context, "S2", by="Ada")
    assert len(corrections.read(room.context.raw)) == 4


def test_a_place_and_a_voice_are_taken_back_apart(room: Room) -> None:
    from search.quotes import Address

    place = Address(meeting="m", start_ms=25_000, end_ms=27_000)
    room.apply(amend.assign(room.context, place, "jo-okafor", by="Mira"))
    room.apply(amend.confirm(room.context, "S2", "tranter", by="Mira"))
    assert room.persons() == {"S1": None, "S2": "alison-tranter", "@jo-okafor": "jo-okafor"}
    assert room.confirmed_words("okafor") == {"w25.", "w26."}
    with pytest.raises(Problem, match="one by one"):
        amend.confirm(room.context, "@jo-okafor", "tranter", by="Mira")
    room.run(asr=LARGE, diariser=BETTER)
    assert room.confirmed_words("okafor") == {"w25.", "w26."}
    room.apply(amend.undo(room.context, place, by="Mira"))
    assert room.persons() == {"S1": None, "S2": "alison-tranter"}
    with pytest.raises(Problem, match="no correction here"):
        amend.undo(room.context, place, by="Mira")


def test_nobody_knows_who_it_is(room: Room) -> None:
    room.apply(amend.confirm(room.context, "S1", "unknown", by="Mira"))
    name = room.names()["S1"]
    assert (name.status, name.person) == ("unknown", None)
    assert amend.voices(room.context)[0].label == "S1"


@pytest.mark.parametrize("schema", [1, 2])
def test_corrections_that_were_once_written_can_be_read_for_ever(tmp_path: Path, schema: int) -> None:
    golden = (GOLDEN / f"corrections-{schema}.jsonl").read_bytes()
    (tmp_path / corrections.FILE).write_bytes(golden)
    read = corrections.read(tmp_path)
    lines = [json.loads(line) for line in golden.splitlines()]
    kept = [{k: v for k, v in line.items() if k not in ("schema", "generator")} for line in lines]
    assert json.loads(msgspec.json.encode(read)) == kept


# -- as somebody types it -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("typed")
    with_captions(data, "m")
    typed(data, "run", "--jobs", "0")
    return data


def typed(data: Path, *args: str) -> str:
    done = CliRunner().invoke(app, [*args, "--data", str(data)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def voices(data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(typed(data, "speakers", "m", "--json"))
    return found


def test_voices_are_shown_with_their_evidence(data: Path) -> None:
    shown = typed(data, "speakers", "m")
    assert shown.startswith("2 voices: 100% named by software")
    assert "Superintendent Alison Tranter" in shown
    assert "caption voice: “" in shown
    assert "--confirm 'Jo Okafor=jo-okafor'" in shown


def test_confirming_rejecting_and_taking_back(data: Path) -> None:
    tranter = ("speakers", "m", "--by", "Mira Castell")
    dry = typed(data, *tranter, "--confirm", "Alison Tranter=unknown", "--dry-run")
    assert "nothing was changed" in dry
    assert not (data / "raw" / "m" / corrections.FILE).exists()

    done = typed(data, *tranter, "--confirm", "Alison Tranter=tranter", "--confirm", "Jo Okafor=jo")
    assert "kept, by Mira Castell; transcript, statements, index made again" in done
    assert {v["status"] for v in voices(data)} == {"confirmed"}
    assert "Mira Castell said on" in typed(data, "speakers", "m")

    told = json.loads(typed(data, *tranter, "--reject", "Alison Tranter", "--json"))
    assert told[0]["correction"]["kind"] == "reject"
    rejected = next(v for v in voices(data) if v["label"] == "Alison Tranter")
    assert (rejected["said_by_people"][-1]["kind"], rejected["said_by_people"][-1]["holds"]) == ("reject", True)
    assert "person" not in rejected
    typed(data, *tranter, "--undo", "Alison Tranter", "--undo", "Jo Okafor")
    assert [v["person"] for v in voices(data)] == ["jo-okafor", "alison-tranter"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--confirm", "S9=jo-okafor"], "no voice 'S9'"),
        (["--confirm", "Jo Okafor=zebedee"], "is not of this meeting"),
        (["--confirm", "Jo Okafor"], "does not say who"),
        (["--reject", "Jo Okafor="], "does not say who"),
        (["--undo", "Jo Okafor"], "nobody confirmed"),
        (["--by", "Mira"], "does not say what to change"),
        (["--confirm", "Jo Okafor=jo", "--by", "\x1b"], "no name"),
    ],
)
def test_what_cannot_be_said_of_a_voice_says_why(data: Path, arguments: list[str], what: str) -> None:
    with pytest.raises(Problem, match=what) as problem:
        CliRunner().invoke(app, ["speakers", "m", *arguments, "--data", str(data)], catch_exceptions=False)
    assert problem.value.fix


def test_two_people_of_one_name_are_both_said_to_be_likely(tmp_path: Path) -> None:
    people = "".join(
        f'[[people]]\nid = "{id}"\nname = "Councillor {name}"\nrole = "{role}"\n'
        for id, name, role in (("a", "Alan Smith", "Member"), ("b", "Bea Smith", "Member"), ("c", "Jo Okafor", "Chair"))
    )
    said = [
        ("S1", "Good evening, and welcome to this meeting of the Parks Committee. Councillor Smith?"),
        ("S2", "Thank you, Chair. There is a good deal to say about the lamps in the park, and I shall say it."),
    ]
    with_captions(tmp_path, "panel", toml=f'title = "Panel"\n{people}', vtt=captions(said))
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    shown = here("speakers", "panel", data=tmp_path).stdout
    assert re.search(r"most likely: Councillor (Alan|Bea) Smith or Councillor (Alan|Bea) Smith, \d\d% each", shown)


def test_what_captions_call_a_voice_is_shown_as_evidence(tmp_path: Path) -> None:
    with_captions(tmp_path, "panel")
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    assert "caption voice: “Jo Okafor”" in here("speakers", "panel", data=tmp_path).stdout
