"""Names put right after listening: what is repaired, what is let be, and how it is written, listed and taken back."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from tests.house import captions, with_captions
from transcribe.correct import Correction, heard_as
from transcribe.phones import closeness, keys
from transcribe.records import Meeting, Person, Recording, Turn, Turns, Word, Words, check_words, text_of
from transcribe.repair import repaired, repairs
from transcribe.transcript import assemble

NAMES = (
    "Councillor Jo Okafor", "Councillor Adaeze Nwosu-Bright", "Councillor Siân Prydderch", "Zbigniew Kowalik",
    "Councillor Farhana Chowdhery", "Ms Eva Lindqvist", "Mr Habib Rahman", "Thuy Tranmer", "Councillor Peter Green",
    "Niamh O'Dwyer", "Superintendent Alison Tranter", "Councillor Imelda Quayle",
)  # fmt: skip
PEOPLE = tuple(Person(id=f"p{i}", name=name) for i, name in enumerate(NAMES))
VOCABULARY = ("Wrenbridge", "watchlist", "Cooper Street")


def heard(text: str, confidence: float | None = 0.95) -> list[Word]:
    """Words of 200 ms. One with a number behind it (`Quail@0.4`) has its own confidence."""
    out = []
    for i, part in enumerate(text.split()):
        said, _, own = part.partition("@")
        sure = float(own) if own else confidence
        out.append(Word(text=said, start_ms=300 * i, end_ms=300 * i + 200, confidence=sure))
    return out


def put_right(text: str) -> str:
    return text_of(repaired(heard(text), PEOPLE, VOCABULARY))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Thank you, Councillor Okafour.@0.5 Next.", "Thank you, Councillor Okafor. Next."),
        ("Councillor Nawosu@0.5 Brite@0.6 asked.", "Councillor Nwosu-Bright asked."),
        ("I am Councillor Nwosu Bright.", "I am Councillor Nwosu-Bright."),
        ("Councillor Praduk@0.5 wants to come in.", "Councillor Prydderch wants to come in."),
        ("Then Sean@0.48 Pradhukhi@0.5 spoke.", "Then Siân Prydderch spoke."),
        ("Is Sian there?", "Is Siân there?"),
        ("Councillor Cowellick's@0.5 motion.", "Councillor Kowalik's motion."),
        ("Councillor Chaudhary’s@0.5 bins,", "Councillor Chowdhery’s bins,"),
        ("Miss Lynn@0.6 Quist@0.5 has left.", "Miss Lindqvist has left."),
        ("We heard Councillor Oka for@0.7 again.", "We heard Councillor Okafor again."),
        ("Mr Raman@0.5 is here.", "Mr Rahman is here."),
        ("Perhaps Tweetranma@0.63 could write.", "Perhaps Thuy Tranmer could write."),
        ("Perhaps Tweet@0.7 Tranmer could write.", "Perhaps Thuy Tranmer could write."),
        ("Councillor Quail@0.59 asks.", "Councillor Quayle asks."),
        ("Neeve@0.5 O Dwyer@0.5 wrote.", "Niamh O'Dwyer wrote."),
        ("Niamh O Dwyer wrote.", "Niamh O'Dwyer wrote."),
        ("Neev's@0.5 O'Dwyer’s letter", "Niamh O'Dwyer’s letter"),
        ("Councillor Heddeen and Sean@0.4", "Councillor Heddeen and Siân"),  # after a title no first name
        ("asked farhana chodery@0.5 about it", "asked Farhana Chowdhery about it"),
        ("All across Rembridge.@0.6", "All across Wrenbridge."),
        ("Who is on the watch list?", "Who is on the watchlist?"),
        ("Watch list or not.", "Watchlist or not."),
        ("Councillor Grean@0.5 spoke.", "Councillor Green spoke."),
    ],
)
def test_a_misheard_name_is_put_right(said: str, written: str) -> None:
    assert put_right(said) == written


@pytest.mark.parametrize(
    "said",
    [
        "Thank you, Councillor Okafor, and Ms Lindqvist.",
        "A quail@0.3 was seen in the park.",  # an English word that nobody took for a name
        "Councillor Quail spoke.",  # the recogniser was sure
        "The green@0.3 bins, Councillor Grey@0.3 says.",  # Green is an English word, and so is what was heard
        "Councillor Marchbank was there.",  # somebody else
        "Councillor Pettigrew asked Mr Abernathy.",
        "Tranter and Tranmer are two people.",
        "We will watch the list.",
        "Cooper@0.4 streets are@0.4 lit.",
        "The 2,400 people of REA and CCTV.",
        "Oka. For now.",  # two sentences
        "Councillor Nwosu-Bright who@0.3 was there.",  # heard right, and so was the next word
        "Councillor Okafor who@0.3 was there.",
    ],
)
def test_what_may_be_right_is_let_be(said: str) -> None:
    assert put_right(said) == text_of(heard(said))


@pytest.mark.parametrize("confidence", [0.99, 0.9, None])
@pytest.mark.parametrize(
    "name", ["Okafer", "Nwoso", "Prothero", "Kowalczyk", "Lindquist", "Raman", "Tranmere", "O'Dwire", "Quail", "Qwayle"]
)
def test_somebody_of_whom_the_recogniser_was_sure_is_nobody_else(name: str, confidence: float | None) -> None:
    for said in (f"I call Councillor {name} next.", f"Thank you {name} and all.", f"we met {name}, Eva and others"):
        assert repaired(heard(said, confidence), PEOPLE) == tuple(heard(said, confidence))


def test_a_sure_word_follows_the_part_of_its_name_that_was_heard_right() -> None:
    assert put_right("Farhana Chowderi spoke.") == "Farhana Chowdhery spoke."
    assert put_right("Farhana Choudhry-Khan spoke.") == "Farhana Choudhry-Khan spoke."


def test_no_part_of_a_name_is_written_that_nobody_said() -> None:
    people = [
        Person(id="a", name="Cllr Amy Li"),
        Person(id="b", name="Cllr Olu Adeyemi"),
        Person(id="c", name="Leo Ray"),
    ]
    for said in ("we met Amelie@0.5 Jones", "Councillor Olufemi@0.5 spoke", "Councillor Leora@0.5 spoke"):
        assert text_of(repaired(heard(said), people)) == text_of(heard(said))


def test_a_name_is_written_without_characters_that_print_nothing() -> None:
    hidden = [Person(id="a", name="Ada Nwo\u200bsu\u0007")]
    assert text_of(repaired(heard("Councillor Nawosu@0.5 spoke"), hidden)) == "Councillor Nwosu spoke"


def test_two_people_who_are_equally_near_are_left_alone() -> None:
    rivals = (Person(id="a", name="Mr Habib Rahman"), Person(id="b", name="Mr Karim Rehman"))
    said = heard("Mr Rohman@0.5 is here.")
    assert repaired(said, rivals) == tuple(said)
    assert text_of(repaired(said, rivals[:1])) == "Mr Rahman is here."
    both = (rivals[0], Person(id="c", name="Ms Salma Rahman"))
    assert text_of(repaired(said, both)) == "Mr Rahman is here."  # of one name: the word is plain, if not whose it is


def test_joined_and_parted_words_share_their_time() -> None:
    (_, joined, _) = repaired(heard("Miss Lynn@0.6 Quist@0.5 left."), PEOPLE)
    assert (joined.text, joined.original, joined.start_ms, joined.end_ms) == ("Lindqvist", "Lynn Quist", 300, 800)
    assert joined.confidence == 0.5
    _, one, two, _ = repaired(heard("Perhaps Tweetranma,@0.63 could"), PEOPLE)
    assert [one.text, two.text] == ["Thuy", "Tranmer,"]
    assert (one.start_ms, one.end_ms, two.end_ms) == (300, two.start_ms, 500)
    assert (one.original, two.original) == ("Tweetranma,", "")


def test_repairs_are_listed_with_their_reasons() -> None:
    words = repaired(heard("Then Sean@0.48 Pradhukhi,@0.5 and Councillor Quail@0.59 and Nwosu Bright."), PEOPLE)
    told = [(r.heard, r.written, r.why, r.start_ms, r.end_ms) for r in repairs(words)]
    assert told == [
        ("Sean Pradhukhi,", "Siân Prydderch,", "unsure", 300, 800),
        ("Quail", "Quayle", "unsure", 1500, 1700),
        ("Nwosu Bright.", "Nwosu-Bright.", "spelling", 2100, 2600),
    ]
    assert all(r.score is not None and 0.8 < r.score <= 1 for r in repairs(words))


def test_in_another_language_no_word_is_odd() -> None:
    said = heard("Der Rahmen@0.82 ist Cowellick@0.5 bekannt.")
    assert text_of(repaired(said, PEOPLE, languages=["de"] * len(said))) == "Der Rahmen ist Kowalik bekannt."
    assert text_of(repaired(said, PEOPLE, languages=["en"] * len(said))) == "Der Rahman ist Kowalik bekannt."


def test_captions_without_capitals_or_confidence() -> None:
    shouted = heard("THANK YOU COUNCILLOR COWELLICK AND THE QUAIL", confidence=0.5)
    assert text_of(repaired(shouted, PEOPLE)) == "THANK YOU COUNCILLOR KOWALIK AND THE QUAIL"
    typed = heard("Thank you Councillor Cowellick, Sian and Nwosu Bright", confidence=None)
    assert text_of(repaired(typed, PEOPLE)) == "Thank you Councillor Cowellick, Siân and Nwosu-Bright"


MIXED = "Councillor Cowellick, Nwosu Bright Tweetranma. the a watch list Oka for 7"


@given(st.lists(st.sampled_from(MIXED.split()), max_size=12))
def test_no_word_is_lost_and_time_goes_on(texts: list[str]) -> None:
    before = heard(" ".join(texts), confidence=0.5)
    after = repaired(before, PEOPLE, VOCABULARY)
    check_words(after, 300 * len(before) + 1)
    spoken = " ".join(w.text if w.original is None else w.original for w in after).split()
    assert spoken == texts
    assert repaired(after, PEOPLE, VOCABULARY) == after


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=12))
def test_any_word_may_be_heard_and_any_name_known(text: str) -> None:
    assert 0 <= closeness(text, "Okafor") <= 1
    list(keys(text))
    repaired([Word(text=text, timing="none")], [Person(id="a", name=text), Person(id="b", name="Okafor")], [text])


# -- in a transcript -----------------------------------------------------------------------------------

MEETING = Meeting(id="m", folder="m", people=PEOPLE)
RECORDING = Recording(meeting="m", duration_ms=60_000, sha256="ab")


def assembled(text: str, *corrections: Correction, voices: tuple[Turn, ...] = (), meeting: Meeting = MEETING) -> str:
    words = Words(recording_sha256="ab", language="en", engine="whisper:base", words=tuple(heard(text)))
    turns = Turns(recording_sha256="ab", engine="pyannote:starter", turns=voices)
    return text_of(assemble(words, turns, meeting, RECORDING, corrections=corrections).words)


def correction(old: str, new: str, start_ms: int | None, end_ms: int | None, **more: Any) -> Correction:
    return Correction(
        id="0badcafe", at="2024-05-15T09:00:00Z", by="Ana", kind="words", old=old, new=new,
        start_ms=start_ms or 0, end_ms=end_ms or 0, recording_sha256="ab", **more,
    )  # fmt: skip


def test_what_a_person_wrote_is_never_repaired() -> None:
    undone = correction("Councillor Kowalik", "Councillor Cowellick", 0, 500, after="was there.")
    assert assembled("Councillor Cowellick@0.5 was there.") == "Councillor Kowalik was there."
    assert assembled("Councillor Cowellick@0.5 was there.", undone) == "Councillor Cowellick was there."
    strangers = Meeting(id="m", folder="m")
    assert (
        assembled("Councillor Cowellick@0.5 was there.", undone, meeting=strangers) == "Councillor Cowellick was there."
    )


def test_a_correction_made_before_the_repair_still_holds() -> None:
    made = correction("Cowellick spoke", "Cowlick spoke", 300, 900, before="Councillor", after="first.")
    assert assembled("Councillor Cowellick@0.5 spoke first.", made) == "Councillor Cowlick spoke first."
    same = correction("Cowellick spoke", "Kowalik spoke", 300, 900, before="Councillor", after="first.")
    assert assembled("Councillor Cowellick@0.5 spoke first.", same) == "Councillor Kowalik spoke first."


KINDS = (
    "well Sean@0.4 Pradhukhi@0.5 Tweetranma@0.5 and Nwosu Bright now Lynn@0.5 Quist@0.5 the color of Cowellick@0.5 it"
)
ROSTERS = tuple(
    Meeting(id="m", folder="m", people=people, language=language)
    for language in ("en-GB", "en-US")
    for people in (
        PEOPLE,
        PEOPLE[:3],
        (),
        tuple(msgspec.structs.replace(p, name=p.name.replace("a", "á").replace("ist", "íst")) for p in PEOPLE),
    )
)


@given(data=st.data(), then=st.sampled_from(ROSTERS), now=st.sampled_from(ROSTERS))
def test_a_correction_has_the_same_effect_whatever_is_repaired_by_then(
    data: st.DataObject, then: Meeting, now: Meeting
) -> None:
    """Words that a person left are as they were heard, or repaired; all others are as the person wrote."""

    def made(meeting: Meeting, *corrections: Correction) -> tuple[Word, ...]:
        words = Words(recording_sha256="ab", language="en", engine="whisper:base", words=tuple(heard(KINDS)))
        turns = Turns(recording_sha256="ab", engine="pyannote:starter", turns=())
        return assemble(words, turns, meeting, RECORDING, corrections=corrections).words

    seen = made(then)
    wholes = [i for i, w in enumerate(seen) if w.original != ""] + [len(seen)]
    first, i1, i2, end = sorted(data.draw(st.lists(st.sampled_from(wholes), min_size=4, max_size=4)))
    assume(first < end)
    new = data.draw(st.lists(st.sampled_from(["xa", "xb", "xc"]), max_size=3, unique=True))
    assume(new or i1 < i2)
    place, texts = seen[first:end], [w.text for w in seen]
    c = correction(
        text_of(place), " ".join([*texts[first:i1], *new, *texts[i2:end]]), place[0].start_ms, place[-1].end_ms,
        heard=heard_as(place), before=" ".join(texts[:first][-4:]), after=" ".join(texts[end:][:4]),
    )  # fmt: skip
    after = made(now, c)
    written = [w.text if "correction" in (w.change or "") or w.original is None else w.original for w in after]
    said = [*(w.text if w.original is None else w.original for w in seen)]
    assert " ".join(written).split() == " ".join([*said[:i1], *new, *said[i2:]]).split()
    check_words(after, 60_000)


@pytest.mark.parametrize("now", ROSTERS)
def test_a_repair_that_was_changed_in_part_stays_so(now: Meeting) -> None:
    saw = repaired(heard("Perhaps Tweetranma@0.5 could"), PEOPLE)
    c = correction(text_of(saw), "Perhaps Thuy Tran could", 0, 800, heard=heard_as(saw))
    assert assembled("Perhaps Tweetranma@0.5 could", c, meeting=now) == "Perhaps Thuy Tran could"


@pytest.mark.parametrize(("called", "person"), [("Chaudhary@0.5", "p4"), ("Praduk@0.5", None)])
def test_a_repaired_name_tells_who_speaks_where_it_is_near(called: str, person: str | None) -> None:
    text = f"I'll bring in Councillor {called} now. Thank you, Chair. The gates stay open all the night."
    voices = tuple(
        Turn(speaker=s, start_ms=a, end_ms=b, exclusive=True) for s, a, b in (("S1", 0, 2050), ("S2", 2100, 5000))
    )
    words = Words(recording_sha256="ab", language="en", engine="whisper:base", words=tuple(heard(text)))
    turns = Turns(recording_sha256="ab", engine="pyannote:starter", turns=voices)
    made = assemble(words, turns, MEETING, RECORDING)
    assert "repair" in (made.words[4].change or "")
    assert {n.label: n.person for n in made.names}["S2"] == person


def test_repairs_are_shown_and_taken_back_for_good(tmp_path: Path) -> None:
    said = [("Jo Okafor", "We come to the color of the cameras."), ("Alison Tranter", "Thank you, Councillor Oka for.")]
    with_captions(tmp_path, "2024-05-14-panel", vtt=captions(said))

    def onrecord(*args: str) -> str:
        done = CliRunner().invoke(app, [*args, "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.stdout

    onrecord("run", "--jobs", "0")
    (told,) = json.loads(onrecord("repairs", "2024-05-14-panel", "--json"))
    assert (told["heard"], told["written"], told["why"]) == ("Oka for.", "Okafor.", "spelling")
    shown = onrecord("repairs", "2024-05-14-panel", "--spelling")
    assert "1 repair\n" in shown  # captions keep the spelling that somebody gave them
    assert "Oka for. -> Okafor.  (spelling, alike 1.00)  " + told["address"] in shown
    assert "“Okafor.” was heard as “Oka for.” (spelling)." in onrecord("quote", told["address"])

    onrecord("correct", told["address"], "--words", "Oka for.", "--by", "Ana")
    assert json.loads(onrecord("repairs", "2024-05-14-panel", "--json")) == []
    toml = tmp_path / "raw" / "2024-05-14-panel" / "meeting.toml"
    toml.write_text(toml.read_text("utf-8").replace("Alison Tranter", "Alison Marr"), "utf-8")
    onrecord("run", "--jobs", "0")  # put together anew
    assert json.loads(onrecord("repairs", "2024-05-14-panel", "--json")) == []


def test_a_long_meeting_and_a_long_list_take_seconds() -> None:
    people = [Person(id=f"p{i}", name=f"Ab{chr(97 + i % 26)}o Kel{chr(97 + i // 26)}und{i % 7}") for i in range(400)]
    said = " ".join(
        f"Zor{k % 500}an@0.6 and the panel@0.7 said it all again to Kelb{'aeiou'[k % 5]}nd" for k in range(4000)
    )
    words = heard(said)
    assert len(words) == 40_000
    began = time.process_time()
    repaired(words, people)
    assert time.process_time() - began < 10
