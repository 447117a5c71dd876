"""What members of the public say of themselves is proposed for masking; nothing else is."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house import captions, here
from transcribe.personal import details
from transcribe.records import Person, SpeakerName, Word

PELL = Person(id="desmond-pell", name="Desmond Pell", role="Resident")
JO = Person(id="jo-okafor", name="Councillor Jo Okafor", role="Chair")
NAMES = [
    SpeakerName(label="S1", display="Councillor Jo Okafor", person="jo-okafor", status="confirmed"),
    SpeakerName(label="S2", display="Member of the public", person="public-1", status="confirmed"),
    SpeakerName(label="S3", display="Unknown speaker 3"),
]


def words(text: str, label: str | None = "S2") -> list[Word]:
    return [Word(text=t, start_ms=400 * i, end_ms=400 * i + 300, speaker=label) for i, t in enumerate(text.split())]


def found(text: str, label: str | None = "S2") -> list[tuple[str, str]]:
    return [(d.kind, d.words) for d in details(words(text, label), NAMES, [JO, PELL])]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("Good evening, my name is Ivy Brook and I have a question.", "a name", "Ivy Brook"),
        ("My name's Olu, thank you.", "a name", "Olu,"),
        ("I'm Rhiannon Vance from the Tannery.", "a name", "Rhiannon Vance"),
        ("This is Mrs Quill speaking.", "a name", "Mrs Quill"),
        ("I live at 14 Cooper Street, just there.", "an address", "14 Cooper Street,"),
        ("We are at flat 3, twenty two Old Weaver Lane.", "an address", "flat 3, twenty two Old Weaver Lane."),
        ("I have lived on Loom Road for years.", "an address", "Loom Road"),
        ("The postcode is WB1 2CD if you need it.", "an address", "WB1 2CD"),
        ("You can ring me on 07700 900 123 any time.", "a telephone number", "07700 900 123"),
        (
            "It's oh seven seven double oh, nine double oh one two three.",
            "a telephone number",
            "oh seven seven double oh, nine double oh one two three.",
        ),
        ("My number is 496 0123 as you know.", "a telephone number", "496 0123"),
        ("That is +44 7700 900 123 in full.", "a telephone number", "+44 7700 900 123"),
        ("It's oh one double six treble two one.", "a telephone number", "oh one double six treble two one."),
        ("I'm Okonkwo Featherstonehaugh of the Tannery.", "a name", "Okonkwo Featherstonehaugh"),
        ("Write to ivy.brook@wrenbridge.example please.", "an e-mail address", "ivy.brook@wrenbridge.example"),
        (
            "It's ivy dot brook at post dot co dot uk please.",
            "an e-mail address",
            "ivy dot brook at post dot co dot uk",
        ),
    ],
)
def test_what_tells_who_somebody_is_is_proposed(text: str, kind: str, said: str) -> None:
    assert (kind, said) in found(text)
    assert (kind, said) in found(text, "S3")  # nobody knows who that is
    assert found(text, "S1") == []  # whoever holds an office says it in the open


@pytest.mark.parametrize(
    "text",
    [
        "I'm Welsh and proud of it, I am sure.",
        "I'm Chair of nothing at all. This is Council business.",
        "They spent 1,250,000 pounds in 2019 2020 2021 on 14 cameras.",
        "Two, three, four, five times we asked on Cooper Street.",
        "There were 600 arrests at five locations in one year.",
        "I live in Wrenbridge and look at the dot on the map.",
        "That was case 0201 2345 6789 0123 4567 of the register.",
        "The last four are 0123 if you ask.",
        "I'm Very Much Obliged to you all.",
    ],
)
def test_what_tells_nothing_is_let_be(text: str) -> None:
    assert found(text) == []


def test_those_who_are_not_named_are_found_in_others_words() -> None:
    assert found("Thank you, Mr Pell. And Councillor Okafor? Desmond Pell's question stands.", "S1") == [
        ("a name", "Mr Pell."),
        ("a name", "Desmond Pell's"),
    ]


def test_a_surname_that_is_a_word_is_a_name_only_beside_what_says_so() -> None:
    field = Person(id="ann-field", name="Ann Field", role="Resident")

    def named(text: str) -> list[str]:
        return [d.words for d in details(words(text, "S1"), NAMES, [JO, field])]

    assert named("The Field is open and Field lanes are closed.") == []
    assert named("Mrs Field asked, and so did Ann Field.") == ["Mrs Field", "Ann Field."]


def test_what_is_found_twice_in_one_place_is_shown_once_and_whole() -> None:
    said = [*words("My name is Ivy Brook and I live at flat 3, 14 Cooper Street."), Word(text="Yes", timing="none")]
    assert [d.words for d in details(said, NAMES, [JO, PELL])] == ["Ivy Brook", "flat 3, 14 Cooper Street."]
    at_once = [Word(text=t, start_ms=5, end_ms=5, speaker="S2") for t in ["ring", "me", "on", "07700", "900", "123"]]
    (found_there,) = details(at_once, NAMES, [JO])
    assert (found_there.start_ms, found_there.end_ms) == (5, 6)


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12), max_size=30))
def test_places_are_inside_and_in_order(texts: list[str]) -> None:
    said = words(" ".join([*texts, "my name is Ivy Brook", *texts]))
    out = details(said, NAMES, [PELL])
    assert all(0 <= d.first_word < d.end_word <= len(said) and d.start_ms < d.end_ms for d in out)
    assert [d.start_ms for d in out] == sorted(d.start_ms for d in out)
    assert all(d.words == " ".join(w.text for w in said[d.first_word : d.end_word]) for d in out)


@pytest.mark.parametrize(
    "piece", ["a.", "A", "0", "double", "hundred and twenty", "I live at A A A", "my name is A", "@"]
)
def test_hostile_words_take_no_time(piece: str) -> None:
    began = time.process_time()
    details(words(" ".join([piece] * 20_000)), NAMES, [PELL])
    details(words(piece.replace(" ", "") * 20_000), NAMES, [PELL])
    assert time.process_time() - began < 20


TOML = """\
captions = "captions.vtt"
[[people]]
id = "desmond-pell"
name = "Desmond Pell"
role = "Resident"
"""


def test_the_commands_that_are_shown_hide_it(tmp_path: Path) -> None:
    place = tmp_path / "raw" / "panel"
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text(TOML, "utf-8")
    said = [
        "My name is Desmond Pell, and",
        "I live at 14 Cooper Street.",
        "Nobody told me of facial recognition.",
    ]
    (place / "captions.vtt").write_text(captions([("Desmond Pell", each) for each in said]), "utf-8")
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    shown = here("personal", "panel", data=tmp_path).stdout
    commands = [line.split() for line in shown.splitlines() if line.startswith("  onrecord correct")]
    assert [c["words"] for c in json.loads(here("personal", "panel", "--json", data=tmp_path).stdout)] == [
        "Desmond Pell,",
        "14 Cooper Street.",
    ]
    for command in commands:
        done = here("correct", command[2], "--mask", data=tmp_path)
        assert done.exit_code == 0, done.stderr
    text = (tmp_path / "processed" / "panel" / "transcript.vtt").read_text("utf-8")
    assert "Pell" not in text
    assert "Cooper" not in text
    assert "Nobody told me of" in text
    assert "0 places to look at" in here("personal", "panel", data=tmp_path).stdout
