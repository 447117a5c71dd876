"""Names: right when they are given, and not given on hearsay. All people here are made up."""

import math
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.meeting_toml import read_meeting
from tests.committees import committee, score
from transcribe.cues import Cue
from transcribe.decide import LEAST_PROBABILITY, MOST_PROBABILITY, Choice, decide, marginals
from transcribe.mentions import Roster
from transcribe.name import captioned, episodes, name, weigh
from transcribe.records import Person, SpeakerName, Turn, Word
from transcribe.references import read_sentences, words_of
from transcribe.spoken import likeness, sound

PEOPLE = (
    Person(id="okafor", name="Councillor Jo Okafor", role="Chair", aliases=("Jo",)),
    Person(id="lindqvist", name="Councillor Maja Lindqvist", party="Independent"),
    Person(id="raman", name="Councillor Priya Raman", role="Cabinet Member for Community Safety"),
    Person(id="smith-a", name="Councillor Alan Smith"),
    Person(id="smith-b", name="Councillor Bea Smith"),
    Person(id="grace", name="Councillor Grace Nwosu"),
    Person(id="holm", name="Tom Holm", role="Head of Parks"),
    Person(id="hale", name="Superintendent Ruth Hale", role="Borough Commander"),
    Person(id="weir", name="Councillor Ada Ware", role="Member for Weir Street"),
    Person(id="absent", name="Councillor Dai Pryce", present=False),
)
LONG = "We have looked at this for several months and there is a good deal more to say about it than that."


def dialogue(text: str, *, gap_ms: int = 600) -> list[Word]:
    """Words of lines such as "S1: Good evening." with 300 ms a word and `gap_ms` between lines; "(5s)" waits."""
    words, at_ms = [], 0
    for line in text.strip().splitlines():
        label, said = re.fullmatch(r"\s*(\w+|\?): (.*)", line).groups()  # type: ignore[union-attr]
        for token in said.split():
            wait = re.fullmatch(r"\((\d+)s\)", token)
            if wait:
                at_ms += 1000 * int(wait[1])
                continue
            speaker = None if label == "?" else label
            words.append(Word(text=token, start_ms=at_ms, end_ms=at_ms + 300, speaker=speaker))
            at_ms += 300
        at_ms += gap_ms
    return words


def named(text: str, people: Sequence[Person] = PEOPLE, **options: Any) -> dict[str, str | None]:
    return {n.label: n.person for n in name(dialogue(text), [], people, **options)}


@pytest.mark.parametrize(
    ("said", "person"),
    [
        ("Councillor Lindqvist?", "lindqvist"),
        ("I'll bring in Councillor Lindqvist now.", "lindqvist"),
        ("Next, Councillor Lindqvist, please.", "lindqvist"),
        ("Right, over to Superintendent Hale.", "hale"),
        ("Superintendent, over to you.", "hale"),
        ("And now I'll come to the Cabinet Member.", "raman"),
        ("The next question is from Councillor Lindqvist.", "lindqvist"),
        ("Councillor Nwosu, you had your hand up.", "grace"),
        ("We'll hear from Mr Holm. You've got about ten minutes, I think.", "holm"),
        ("Councillor Alan Smith.", "smith-a"),
        ("Councillor Rahman?", "raman"),
        ("I call Maja Lindqvist.", "lindqvist"),
        ("I call Councillor Lindqvist to move the motion.", "lindqvist"),
        ("I now call the Member for Weir Street.", "weir"),
        ("The Member for Weir Street.", "weir"),
        ("Over to you, Councillor Lindqvist.", "lindqvist"),
        ("I'd invite Councillor Lindqvist to present the report.", "lindqvist"),
        ("I can see Councillor Lindqvist's hand up.", "lindqvist"),
        ("Councillor Lindqvist has indicated.", "lindqvist"),
        ("Councillor Lindqvist to second.", "lindqvist"),
        ("Councillor Lindqvist, you're on mute.", "lindqvist"),
        ("Councillor Lindqvist, your three minutes start now.", "lindqvist"),
        ("Cabinet Member, over to you.", "raman"),
        ("I'll hand over to the Head of Parks.", "holm"),
        ("That's one for Councillor Lindqvist, I think.", "lindqvist"),
        ("Question four, Councillor Lindqvist.", "lindqvist"),
        ("Handing over to Mr Holm.", "holm"),
        ("Councillor Lindqvist, I'll come to you.", "lindqvist"),
        ("Councillor Lindqvist, your hand's been up.", "lindqvist"),
        ("Second is from Councillor Lindqvist.", "lindqvist"),
        ("The last word goes to Councillor Lindqvist.", "lindqvist"),
        ("Thank you for that very clear answer, Superintendent. Councillor Lindqvist?", "lindqvist"),
        ("I have to go, so I'll ask Councillor Lindqvist to take the chair.", "lindqvist"),
        ("Mr Head of Parks.", "holm"),
    ],
)
def test_a_plain_handover_that_is_taken_up_names_the_next_voice(said: str, person: str) -> None:
    found = named(f"S1: That was item four. {said}\nS2: Thank you, Chair. {LONG}")
    assert found["S2"] == person
    assert found["S1"] != person


@pytest.mark.parametrize(
    "said",
    [
        "As Councillor Lindqvist said last week, this is hard.",
        "I'll bring in Councillor Lindqvist later.",
        "In a moment we'll come to Councillor Lindqvist.",
        "Councillor Lindqvist will answer that after the break.",
        "We'll go to Councillor Lindqvist's motion.",
        "Who will speak to that? Not Councillor Lindqvist.",
        "I'd like to hear from Councillor Lindqvist and then Superintendent Hale.",
        "Did you agree with Councillor Lindqvist?",
        "Were you told that by Superintendent Hale?",
        "I want to thank Councillor Lindqvist for her work.",
        "Thank you to Councillor Lindqvist for the report.",
        "That is on Holm Street, by the park.",
        "Next we come to Holm Park.",
        "Councillor Smith?",
        "Councillor Lindstrom?",
        "Councillor Peter Lindqvist?",
        "Councillor Hale?",
        "Councillor Wear?",
        "Superintendent Brown?",
        "The Chief Superintendent?",
        "Constable Hale's colleague?",
        "That's very clear, Councillor Lindqvist.",
        "Mrs Lindqvist?",
        "Councillor Lindqvist? You're on mute. No, she's shaking her head. Warden, you had your hand up?",
        "Thank you for the work that you have all done on this, Councillor Lindqvist.",
        "The Member for Mill Lane.",
        "I'll bring in Priya Sharma.",
        "Grace is what we need now.",
    ],
)
def test_hearsay_deferral_and_ambiguity_name_nobody(said: str) -> None:
    found = named(f"S1: That was item four. {said}\nS2: Well, {LONG}")
    assert found == {"S1": None, "S2": None}


@pytest.mark.parametrize(
    "answer",
    [
        "Councillor Lindqvist has had to leave, Chair, so I will do it.",
        "She's not here, Chair. I can read her note out if that is any help.",
        "I'm speaking on behalf of Councillor Lindqvist tonight.",
        "She has stepped out, Chair, she should be back in a moment or two.",
        "Point of order, Chair, we have not taken the vote.",
        "They are on a train, Chair, but I have the figures here if you want them.",
        "Mm.",
    ],
)
def test_a_handover_that_somebody_else_takes_up_names_nobody(answer: str) -> None:
    assert named(f"S1: On to item five. Councillor Lindqvist?\nS2: {answer}")["S2"] is None


def test_weighing_copies_no_more_of_a_long_meeting_than_of_a_short_one() -> None:
    class Copied(list[Word]):
        n = 0

        def __getitem__(self, at: Any) -> Any:
            found = super().__getitem__(at)
            self.n += len(found) if isinstance(at, slice) else 0
            return found

    def n_copied(n_words: int) -> int:
        words = Copied(dialogue("S1: Councillor Lindqvist? " + "yes " * n_words))
        cues = [Cue("S1", {"lindqvist": 1.0}, "called by whoever presides", 1.0, 0, 2, "S1")] * 3
        assert weigh(cues, words, PEOPLE)["S1", "lindqvist"][0].words == "Councillor Lindqvist?"
        return words.n

    assert n_copied(10) == n_copied(1_000)


def test_whoever_says_that_their_questions_are_short_takes_a_handover_up() -> None:
    answer = "Thank you, Chair. I have two questions, and they are both short. Who pays?"
    assert named(f"S1: On to item five. Councillor Lindqvist?\nS2: {answer}")["S2"] == "lindqvist"


def test_a_handover_goes_stale_and_does_not_cross_an_unknown_voice() -> None:
    assert named(f"S1: Councillor Lindqvist?\nS2: (15s) Thank you, Chair. {LONG}")["S2"] is None
    assert named(f"S1: Councillor Lindqvist?\n?: Something else was said.\nS2: Thank you. {LONG}")["S2"] is None


def test_a_second_call_means_that_the_first_was_not_taken_up() -> None:
    found = named(f"""
        S1: Councillor Lindqvist?
        S2: Can you hear me at the back now?
        S1: We can. Councillor Lindqvist?
        S3: Thank you, Chair. {LONG}""")
    assert found == {"S1": None, "S2": None, "S3": "lindqvist"}


@pytest.mark.parametrize(
    ("said", "person"),
    [
        ("Good evening, I'm Councillor Jo Okafor.", "okafor"),
        ("My name is Tom Holm and I look after the parks.", "holm"),
        ("Tom Holm, Head of Parks.", "holm"),
        ("Thanks very much. Tom Holm. I look after the parks here.", "holm"),
        ("Tom Holm. I'm going to give you three minutes.", None),
        ("Tom Home, Head of Parks.", None),
        ("Priya Rahman, Cabinet Member for Community Safety.", "raman"),
        ("I'm Ruth Hale.", "hale"),
        ("Tom Holm, I run the parks.", "holm"),
        ("I'm Jo, chair of this committee, and I am chairing this meeting.", "okafor"),
        ("I'm the chair of council, Maja Lindqvist.", "lindqvist"),
        # and those that are not
        ("I'm Councillor Okafor's assistant.", None),
        ("He said, I'm Councillor Okafor, and left.", None),
        ("I'm Priya and I live on Mill Lane.", None),
        ("I'm Priya Sharma.", None),
        ("I'm frank about it, always.", None),
        ("Jo, I think that is wrong.", None),
        ("Councillor Okafor, I've asked for that twice.", None),
        ("When I was chair of this committee we did it.", None),
        ("As chair of governors I know the school.", None),
        ("I'm the Chair, Jo Okafor.", "okafor"),
        ("I am, Superintendent.", None),
        ("Speaking as Cabinet Member for Community Safety, it is not enough.", "raman"),
        ("As Cabinet Member for Community Safety on this council I would say so.", "raman"),
        ("As the Head of Parks knows, I asked for that.", None),
    ],
)
def test_self_introductions(said: str, person: str | None) -> None:
    assert named(f"S1: {said} {LONG}")["S1"] == person


def test_a_round_of_introductions_gives_names_first() -> None:
    asked = "S1: Good evening. I'll ask members to introduce themselves, from my left."
    said = f"""
        S2: Maja Lindqvist, Mill ward.
        S1: Thank you. And then?
        S3: Evening, Chair. Councillor Nwosu, Castle ward.
        S1: Thank you. The first item is the report. {LONG}"""
    found = named(asked + said)
    assert (found["S2"], found["S3"]) == ("lindqvist", "grace")
    unasked = named(said)
    assert (unasked["S2"], unasked["S3"]) == (None, None)
    in_turn = named("S1: Maja Lindqvist, Mill ward.\nS2: Grace Nwosu, Castle ward.\nS3: Tom Holm, for the officers.")
    assert in_turn == {"S1": "lindqvist", "S2": "grace", "S3": "holm"}
    calling = (
        f"S1: Introduce yourselves.\nS2: Maja Lindqvist.\nS3: Here, and {LONG}\nS2: Grace Nwosu.\nS4: Well, {LONG}"
    )
    assert named(calling)["S2"] is None


def test_who_is_said_to_be_late_and_says_sorry_for_it() -> None:
    told = f"S1: Councillor Nwosu rang to say that she'd be a few minutes late.\nS2: Thank you. {LONG}\n"
    assert named(f"{told}S3: Thank you, Chair, and sorry I was late. {LONG}")["S3"] == "grace"
    assert named(f"{told}S3: Thank you, Chair. {LONG}")["S3"] is None
    assert named(f"S3: Good evening.\n{told}S3: Sorry to be late. {LONG}")["S3"] is None  # was there before
    two = f"S1: Councillor Lindqvist will be late as well.\n{told}"
    assert named(f"{two}S3: Sorry I'm late. {LONG}")["S3"] is None


def test_apologies_that_were_asked_for_are_told_by_whoever_was_asked() -> None:
    found = named(f"""
        S1: Good evening, and welcome to this meeting of the Parks Committee. Mr Holm, have we any apologies?
        S2: Yes, Chair, we have apologies from Councillor Nwosu, who is away.
        S1: Thank you, Mr Holm. {LONG}""")
    assert found["S2"] == "holm"


def test_a_mayor_or_a_leader_presides_where_nobody_is_called_the_chair() -> None:
    mayor = Person(id="mayor", name="Councillor Ivo Brandt", role="Mayor")
    council = (mayor, *(p for p in PEOPLE if p.id != "okafor"))
    text = f"""
        S1: Good evening, and welcome to this meeting of Wrenbridge Council. Councillor Lindqvist?
        S2: Thank you, Mr Mayor. {LONG}
        S1: Superintendent Hale?
        S3: Through you, Mr Mayor, {LONG}
        S1: Mr Holm?
        S4: Thank you, Mr Mayor. {LONG}"""
    assert named(text, council) == {"S1": "mayor", "S2": "lindqvist", "S3": "hale", "S4": "holm"}
    led = Person(id="leader", name="Councillor Ivo Brandt", role="Leader of the Council")
    cabinet = (led, Person(id="other", name="Councillor Una Frost", role="Leader of the Opposition"), *council[1:])
    assert named(text.replace("Mr Mayor", "Leader"), cabinet)["S1"] == "leader"
    questioned = named(text.replace("Mr Mayor", "Chair"), (mayor, *PEOPLE))
    assert questioned["S1"] == "okafor"


@pytest.mark.parametrize(
    "made", sorted(Path(__file__).with_name("data").glob("committees/*.txt")), ids=lambda p: p.stem
)
def test_made_up_committees_in_several_manners(made: Path) -> None:
    meeting = committee(made)
    found = score(meeting, name(meeting.words, [], meeting.people))
    assert found.precision >= 0.98
    assert found.coverage >= 0.65


def test_an_office_is_its_holders_and_nobody_elses() -> None:
    people = (
        Person(id="pcc", name="Dora Delph", role="Police and Crime Commissioner for Wrenbridge"),
        Person(id="deputy", name="Ed Eames", role="Deputy Police and Crime Commissioner"),
        Person(id="office", name="Guy Gant", role="Chief Executive, Office of the Police and Crime Commissioner"),
        Person(id="dcc", name="Deputy Chief Constable Flo Farr"),
        Person(id="clerk", name="Lou Lamb", role="Parish Clerk and Proper Officer"),
    )

    def meant(said: str) -> set[str]:
        words = [Word(text=t, timing="none") for t in f"I asked {said} about it.".split()]
        return {p for m in Roster(people).mentions(words, 0, len(words)) for p in m.fits}

    assert meant("the Commissioner") == meant("the Police and Crime Commissioner") == meant("the PCC") == {"pcc"}
    assert meant("the Deputy Chief Constable") == meant("the DCC") == {"dcc"}
    assert meant("the clerk") == {"clerk"}
    assert meant("the Chief Executive") == {"office"}
    for other in ("the Chief Constable", "Constable Jones", "the Deputy Commissioner", "the police", "our deputy"):
        assert not meant(other)


@pytest.mark.parametrize(
    "said",
    [
        "I'm the chair tonight in place of Councillor Lindqvist.",
        "I'm the chair tonight instead of Maja Lindqvist.",
        "I'm chair of this committee and I welcome Councillor Lindqvist.",
        "I'm the chair of this panel and tonight we will hear from Councillor Lindqvist.",
        "I am the chair, Councillor Lindqvist.",
        "As the member for Weir Street said, this is wrong.",
        "I am grateful to you as the member for Weir Street.",
        "She was speaking as the Cabinet Member for Community Safety when she wrote to us.",
        "I represented Weir Street until last year.",
        "It's Maja Lindqvist here that we should thank.",
    ],
)
def test_who_says_what_others_are_is_none_of_them(said: str) -> None:
    assert named(f"S1: Good evening. {said} {LONG}\nS2: {LONG}")["S1"] not in ("lindqvist", "weir", "raman")


@pytest.mark.parametrize("behalf", ["on behalf of my colleague", "on her behalf"])
def test_whoever_speaks_for_a_colleague_is_somebody_else(behalf: str) -> None:
    said = f"S1: The next question is from Councillor Lindqvist.\nS2: I shall read it out {{}}. {LONG}"
    assert named(said.format(behalf))["S2"] is None
    assert named(said.format("on behalf of my residents"))["S2"] == "lindqvist"


@pytest.mark.parametrize(
    "said",
    [
        "Councillor Lindqvist has been waiting for an answer for a year.",
        "Councillor Lindqvist has been trying to get this done.",
        "Councillor Lindqvist may want to look at that another day.",
        "Councillor Lindqvist can speak to you outside.",
        "The report was presented by Councillor Lindqvist.",
        "We'll take Councillor Lindqvist at her word.",
        "Can we have Councillor Lindqvist recorded as present?",
        "Councillor Lindqvist will take notes.",
        "I'll take Councillor Lindqvist through the report.",
    ],
)
def test_whom_a_chair_only_speaks_of_is_not_who_speaks_next(said: str) -> None:
    asked = [("S5", "Councillor Ware"), ("S6", "Superintendent Hale"), ("S7", "Councillor Raman")]
    before = "".join(f"S1: {who}?\n{voice}: Thank you, Chair. {LONG}\n" for voice, who in asked)
    assert named(f"{before}S1: {said}\nS2: I have some thoughts on that. {LONG}")["S2"] is None
    assert named(f"{before}S1: Councillor Lindqvist has been waiting.\nS2: I have. {LONG}")["S2"] == "lindqvist"


def test_whoever_is_proposed_for_the_chair_is_not_who_seconds_that() -> None:
    said = "S1: Nominations for the chair?\nS2: I nominate {} to take the chair.\nS3: I'm happy to second that. " + LONG
    assert named(said.format("Councillor Lindqvist"))["S3"] is None
    said = "S1: I'm called away, so I'll ask {} to take the chair.\nS3: Thank you, everybody. " + LONG
    assert named(said.format("Councillor Lindqvist"))["S3"] == "lindqvist"


def test_what_people_are_called_for_short() -> None:
    others = {"leonard": "Councillor Leonard Brandt", "jack": "Jack Frost", "john": "John Moss"}
    people = [*PEOPLE, *(Person(id=id, name=name) for id, name in others.items())]
    said = "S1: Quickly {}.\nS2: Thank you, Chair. " + LONG
    assert named(said.format("Len"), people)["S2"] == "leonard"
    assert named(said.format("Thomas Holm"), people)["S2"] == "holm"
    assert named(said.format("Jack"), people)["S2"] == "jack"  # who is really called so
    people.append(Person(id="alias", name="Councillor Arthur Brandt", aliases=("Len Brandt",)))
    assert named(said.format("Len Brandt"), people)["S2"] == "alias"
    assert named(said.format("Len"), people)["S2"] is None
    people[-1] = Person(id="himself", name="Councillor Alistair Quill", aliases=("Al",))
    assert named(said.format("Al Quill"), people)["S2"] == "himself"


def test_a_voice_is_trusted_as_far_as_voices_were_told_apart_here() -> None:
    """The same long speech far from its name: in a meeting of well-told voices, and in one that mixes people up."""

    far = f"S8: {LONG} {LONG}\nS9: {LONG} {LONG}\n" * 5 + f"S2: {LONG} {LONG} {LONG}\n"
    everybody = ("Superintendent Hale", "Mr Holm", "Councillor Nwosu", "Councillor Ware", "Councillor Raman")
    well = "".join(called(who, who, f"S{i}") for i, who in enumerate(everybody, 3))
    badly = "".join(
        called(who, voice=f"S{i}") + called("Alan Smith", voice=f"S{i}") for i, who in enumerate(everybody, 3)
    )
    assert named(called("Councillor Lindqvist") + well + far)["S2"] == "lindqvist"
    assert named(called("Councillor Lindqvist") + badly + far)["S2"] is None


BUSINESS = f"""
    S1: It's half past seven, so good evening. Any apologies?
    S2: Thank you, Chair. Apologies have been received from Councillor Pryce.
    S1: Declarations of interest? No. Item three is the drains.
    S3: {LONG}
    S1: Is that agreed? Thank you. Moving on. Item four, the minutes of the last meeting.
    S4: {LONG}
    S1: Is there a seconder? All those in favour? Any other business? Then I'll close the meeting."""


def test_whoever_runs_the_business_presides_and_whoever_reads_apologies_is_the_clerk() -> None:
    people = (*PEOPLE, Person(id="clerk", name="Lou Lamb", role="Clerk to the Committee"))
    found = name(dialogue(BUSINESS), [], people)
    assert [n.person for n in found] == ["okafor", None, None, None]
    assert found[1].runner_up
    assert found[1].runner_up[0] == "clerk"
    thanked = BUSINESS.replace("S1: Declarations", "S1: Thank you, Ms Lamb. Declarations")
    assert named(thanked, people)["S2"] == "clerk"


@pytest.mark.parametrize("role", ["Convener, Parks Committee", "Chair (Independent)", "Chairman of the Parish Council"])
def test_the_chair_is_known_however_the_office_is_written(role: str) -> None:
    people = (
        Person(id="okafor", name="Councillor Jo Okafor", role=role),
        Person(id="provost", name="Councillor Effie Grant", role="Provost"),
        *PEOPLE[1:],
    )
    assert named(BUSINESS, people)["S1"] == "okafor"


def test_a_deputy_presides_only_where_the_chair_is_away() -> None:
    deputy = Person(id="deputy", name="Councillor Effie Grant", role="Vice-Chair")
    away = msgspec.structs.replace(PEOPLE[0], present=False)
    assert named(BUSINESS, (PEOPLE[0], deputy, *PEOPLE[1:]))["S1"] == "okafor"
    assert named(BUSINESS, (away, deputy, *PEOPLE[1:]))["S1"] == "deputy"
    assert named(BUSINESS, (deputy, *PEOPLE[1:]))["S1"] is None  # the chair may be somebody who is not on the list
    stands_in = BUSINESS.replace("good evening.", "good evening. I'm Councillor Effie Grant.")
    assert named(stands_in, (PEOPLE[0], deputy, *PEOPLE[1:]))["S1"] == "deputy"


def test_thanks_go_to_whoever_has_just_spoken_and_only_if_they_have() -> None:
    spoke = f"S2: {LONG}\nS1: Thank you, Councillor Lindqvist. {LONG}\n"
    assert named(spoke)["S2"] is None  # once is not enough
    called = f"S1: Councillor Lindqvist?\nS2: Well, {LONG}\nS1: Thank you, Councillor Lindqvist. Any more?\n"
    assert named(called)["S2"] == "lindqvist"
    by_way_of_the_chair = f"""
        S2: {LONG}
        S1: I know that this matters a great deal to you. Superintendent Hale?
        S3: Thank you, Councillor Lindqvist, for the question."""
    assert named(by_way_of_the_chair)["S1"] is None


def test_thanks_to_somebody_else_than_was_called_call_the_next() -> None:
    """ "Thank you. Mr Holm." as recognisers write it."""
    found = named(f"""
        S1: Good evening. Councillor Lindqvist?
        S2: Thank you, Chair. {LONG}
        S1: Thank you, Mr Holm.
        S3: Well, {LONG}
        S1: Thank you, Mr Holm.
        S4: Well, {LONG}""")
    assert (found["S2"], found["S3"], found["S4"]) == ("lindqvist", "holm", None)


def test_whoever_presides_and_is_thanked_as_chair_is_the_chair() -> None:
    found = named(f"""
        S1: Good evening. Councillor Lindqvist?
        S2: Thank you, Chair. {LONG}
        S1: Superintendent Hale?
        S3: Thank you, Chair. {LONG}
        S1: Mr Holm?
        S4: Thank you, Chair. {LONG}""")
    assert found == {"S1": "okafor", "S2": "lindqvist", "S3": "hale", "S4": "holm"}


def test_a_chair_who_is_away_is_not_named_by_presiding() -> None:
    away = tuple(
        p if p.id != "okafor" else Person(id="okafor", name=p.name, role="Chair", present=False) for p in PEOPLE
    )
    text = "".join(
        f"S1: {who}?\nS{i}: Thank you, Chair. {LONG}\n" for i, who in enumerate(["Mr Holm", "Superintendent"], 2)
    )
    assert named(text * 3, away)["S1"] is None


def test_roll_call_answers() -> None:
    found = named("""
        S1: I will call the roll. Councillor Okafor?
        S2: Present.
        S1: Councillor Lindqvist?
        S3: Here.
        S1: Councillor Pryce? (3s) Councillor Nawosu?
        S4: Here, Chair.""")
    assert found["S2"] == "okafor"
    assert found["S3"] == "lindqvist"
    assert found["S4"] in (None, "grace")  # misheard, and called once
    assert found["S1"] is None


def test_apologies_and_absence_count_against() -> None:
    sent = "S1: Apologies for absence have been received from Councillor Lindqvist.\n"
    called = f"S1: Councillor Lindqvist?\nS2: Thank you. {LONG}\n"
    assert named(called)["S2"] == "lindqvist"
    assert named(sent + called)["S2"] is None
    assert named("S1: Apologies for lateness from Councillor Lindqvist.\n" + called)["S2"] == "lindqvist"
    assert named(f"S1: Councillor Pryce?\nS2: Thank you. {LONG}")["S2"] is None


def test_what_was_wrong_or_missed_is_no_refusal() -> None:
    for answer in ("My question's about the alert that was wrong.", "Apologies, Chair, I was on mute."):
        assert named(f"S1: Item five. Councillor Lindqvist?\nS2: Thank you. {answer} {LONG}")["S2"] == "lindqvist"


def test_the_members_own_place_is_theirs() -> None:
    said = "S1: I have had letters from my constituents in {} about it, Chair."
    assert named(said.format("Weir Street"))["S1"] == "weir"
    assert named(said.format("Mill Lane"))["S1"] is None
    assert named("S1: He told me that my constituents in Weir Street would hear of it.")["S1"] is None
    for said in ("I represent Weir Street.", "Weir Street is my ward.", "As the member for Weir Street I object."):
        assert named(f"S1: {said}")["S1"] == "weir"
    two = (Person(id="a", name="Ann Holt", ward="Mill"), Person(id="b", name="Ben Frost", ward="Mill"))
    assert named("S1: Mill is my ward, Chair.", two)["S1"] is None
    assert named("S1: I represent Weir Street Traders.")["S1"] is None


def test_long_speech_away_from_any_evidence_may_be_another_voice() -> None:
    called = f"S1: Councillor Lindqvist?\nS2: Thank you, Chair. {LONG}\n"
    others = f"S3: {LONG} {LONG}\nS4: {LONG} {LONG}\n" * 5
    assert named(called + others)["S2"] == "lindqvist"
    assert named(called + others + f"S2: {LONG} {LONG} {LONG}")["S2"] is None


def test_a_near_name_of_somebody_else_names_nobody() -> None:
    people = (*PEOPLE, Person(id="king", name="Councillor Peter King"))
    for heard in ("Kang", "Keane", "Kingsley"):
        assert named(f"S1: Councillor {heard}?\nS2: Thank you, Chair. {LONG}", people)["S2"] is None
    assert named(f"S1: Councillor King?\nS2: Thank you, Chair. {LONG}", people)["S2"] == "king"


def test_a_first_name_may_be_an_officers_where_the_list_has_councillors_only() -> None:
    called = f"S1: Mr Holm?\nS3: Thank you, Chair. {LONG}\nS1: Maja?\nS2: Thank you, Chair. {LONG}"
    assert named(called)["S2"] == "lindqvist"
    councillors = [p for p in PEOPLE if p.name.startswith("Councillor")]
    assert named(called, councillors)["S2"] is None


def test_a_chair_who_thanks_a_councillor_after_the_name_calls_nobody() -> None:
    calls = "".join(f"S1: {who}?\n{v}: Thank you, Chair. {LONG}\n" for v, who in (("S3", "Mr Holm"), ("S4", "Maja")))
    found = named(f"{calls}S5: {LONG}\nS1: Councillor Nwosu, thank you.\nS2: {LONG}")
    assert (found["S2"], found["S3"]) == (None, "holm")


def test_names_that_sound_the_same_are_not_told_apart_by_their_spelling() -> None:
    people = (*PEOPLE, *(Person(id=n, name=f"Councillor {n}") for n in ("Rhodri Pryce", "Siwan Pryse")))
    assert named(f"S1: Councillor Price?\nS2: Thank you, Chair. {LONG}", people)["S2"] is None
    assert named(f"S1: Councillor Rhodri Pryce?\nS2: Thank you, Chair. {LONG}", people)["S2"] == "Rhodri Pryce"


def test_the_chair_of_something_else_is_not_in_the_chair() -> None:
    text = f"S1: Good evening. {LONG}\nS3: {LONG}\nS1: {LONG}\nS2: I'm the chair of the parent council. {LONG}"
    assert named(text)["S2"] is None


def test_a_garbled_roll_call_names_those_who_can_only_be_meant() -> None:
    people = [Person(id=n, name=f"Ann {n}") for n in ("Okonjo", "Zielinski", "Denby", "Denbigh", "Featherstone")]
    called = ("Okonyo", "Zelinsky", "Denbee", "Fetherston")
    text = "".join(f"S0: {heard}.\nS{i}: Here.\n" for i, heard in enumerate(called, 1))
    assert named(text, people) == {"S0": None, "S1": "Okonjo", "S2": "Zielinski", "S3": None, "S4": "Featherstone"}


def test_conflict_and_split_voices_abstain() -> None:
    two_people_in_one_voice = f"""
        S1: Councillor Lindqvist?
        S2: Thank you, Chair. {LONG}
        S1: Councillor Nwosu?
        S2: Thank you, Chair. {LONG}"""
    assert named(two_people_in_one_voice)["S2"] is None
    one_person_in_two_voices = f"""
        S1: Councillor Lindqvist?
        S2: Thank you, Chair. {LONG}
        S1: Councillor Lindqvist?
        S3: Thank you, Chair. {LONG}"""
    found = named(one_person_in_two_voices)
    assert (found["S2"], found["S3"]) == (None, None)
    first, second = name(dialogue(one_person_in_two_voices), [], PEOPLE)[1:]
    assert first.runner_up
    assert second.runner_up
    assert (first.runner_up[0], second.runner_up[0]) == ("lindqvist", "lindqvist")


def called(who: str, thanked: str = "", voice: str = "S2") -> str:
    return f"S1: {who}?\n{voice}: Thank you, Chair. {LONG}\nS1: Thank you{thanked and ', ' + thanked}. That is noted.\n"


OTHERS = f"S8: {LONG} {LONG}\nS9: {LONG} {LONG}\n" * 8  # long enough for somebody else to take the seat
THRICE = called("Councillor Lindqvist", "Councillor Lindqvist") * 3


@pytest.mark.parametrize(
    "told",
    [
        THRICE + f"S2: I'm Grace Nwosu. {LONG}\n",
        THRICE + f"S1: Yes?\nS2: I'm Grace Nwosu. {LONG}\n",
        THRICE + OTHERS + called("Councillor Nwosu"),
        THRICE + OTHERS + f"S2: {LONG}\nS1: Thank you, Councillor Nwosu.\n",
        (called("Councillor Lindqvist") + called("Councillor Nwosu")) * 2 + THRICE[: len(THRICE) // 3],
        called("Councillor Lindqvist") + f"S2: My name is Bob Cratchley. {LONG}\n",
        called("Councillor Lindqvist") + f"S1: Mr Cratchley?\nS2: Thank you. {LONG}\n",
    ],
)
def test_a_voice_in_which_somebody_else_is_plainly_told_has_no_name_however_much_speaks_for_one(told: str) -> None:
    assert named(told)["S2"] is None


@pytest.mark.parametrize(
    "said",
    [
        "I'm Bob Cratchley.",
        "I’m Bob Cratchley, and I have come about the bins.",
        "I am Bob Cratchley, I live in Mill Lane.",
        "Good evening, everyone. I'm Bob J. Cratchley.",
        "I'm Councillor Bob Cratchley.",
        "I'm Ann van der Berg.",
        "I'm Priya Sharma.",
        "I'm Bob Baker.",
        "Bob Cratchley here, from the residents' association.",
        "It's Bob Cratchley speaking.",
        "Bob Cratchley, resident.",
        "Bob Cratchley, Mill Lane Residents' Association.",
        "Hello. Bob Cratchley, secretary of the tenants' association.",
        "Good evening. Bob Cratchley, I live in Mill Lane.",
        "Bob Cratchley. I've lived here for years.",
    ],
)
def test_a_voice_that_gives_itself_a_name_that_is_not_on_the_list_is_nobody_who_is(said: str) -> None:
    assert named(called("Councillor Lindqvist"))["S2"] == "lindqvist"
    assert named(f"S1: Councillor Lindqvist?\nS2: {said} {LONG}\nS1: Thank you. That is noted.")["S2"] is None


@pytest.mark.parametrize(
    "said",
    [
        # no names
        "I'm Sorry.",
        "I am Happy To Help.",
        "I'm British Asian.",
        "I'm Sri Lankan.",
        "I'm Chair of Governors.",
        "I'm Chief Executive.",
        "I'm West Yorkshire, born and bred.",
        "I'm Weir Street.",
        "I'm bob cratchley.",
        "I'M BOB CRATCHLEY.",
        # names of the list, as they may be heard
        "I'm Maja Linkwest.",
        "I'm Lynn Quist.",
        "I'm Councillor Mya Lynnquist.",
        "I'm Bob Lindquist.",
        "I'm Grace Woosoo.",
        # somebody else's name
        "He said, I'm Bob Cratchley, and left.",
        "I am, Bob Cratchley says, too kind.",
        "I'm Bob Cratchley's neighbour.",
        "I know that Bob Cratchley is here.",
        "Bob Cratchley, you asked me that.",
        "Bob Cratchley, as his association says, is right.",
        "Bob Cratchley here, who wrote to us, is right.",
    ],
)
def test_what_is_no_name_or_may_be_one_of_the_list_makes_nobody_a_stranger(said: str) -> None:
    assert named(f"S1: Councillor Lindqvist?\nS2: {said} {LONG}\nS1: Thank you. That is noted.")["S2"] == "lindqvist"


def test_whoever_reads_out_the_names_of_the_public_is_none_of_them() -> None:
    questions = "".join(
        f"S2: {who}, resident. {LONG}\nS3: Thank you. {LONG}\n" for who in ("Bob Cratchley", "Anita Wainwright")
    )
    text = f"S1: Councillor Lindqvist?\nS2: Thank you, Chair. {LONG}\n{questions}"
    assert named(text)["S2"] == "lindqvist"
    assert named(text.replace("Anita Wainwright", "Bob Cratchley"))["S2"] is None


def test_a_chair_who_names_the_wrong_person_once_changes_nothing() -> None:
    assert named(THRICE)["S2"] == "lindqvist"
    assert named(THRICE + called("Councillor Nwosu"))["S2"] == "lindqvist"


def test_of_two_who_are_as_likely_it_is_always_the_same_that_comes_first() -> None:
    firsts = []
    for n in range(12):
        smiths = [Person(id=f"smith-{n}-{k}", name=f"Councillor {first} Smith") for k, first in enumerate(("Al", "Bo"))]
        called = name(dialogue(f"S1: Councillor Smith?\nS2: {LONG}"), [], smiths)[1]
        assert called.person is None
        assert called.runner_up
        firsts.append(called.runner_up[0] == smiths[0].id)
    assert all(firsts)


PIECES = (
    "Councillor the Cabinet Member for Community Safety Jo Okafor Okafor's Maja maja Nawosu? Priya Raman, Ruth Hale"
    " Borough Commander chair Madam and we Tom Holm’s Holm. Grace grace asked — … O' Mark Smith Street Weir"
)


@given(texts=st.lists(st.sampled_from(PIECES.split()), min_size=1, max_size=9), cased=st.booleans())
def test_no_name_is_passed_over_for_speed(texts: list[str], cased: bool) -> None:
    words = dialogue(f"S1: {' '.join(texts)}")
    quick, thorough = Roster(PEOPLE), Roster(PEOPLE)
    thorough._may_begin = lambda *_: True  # type: ignore[method-assign]
    found = list(quick.mentions(words, 0, len(words), cased=cased))
    assert found == list(thorough.mentions(words, 0, len(words), cased=cased))


def test_a_voice_that_was_split_is_one_person_beyond_doubt_only() -> None:
    text = "S1: Good evening.\n" + "".join(
        f"S1: Councillor Lindqvist?\n{voice}: Thank you, Chair. {LONG}\nS1: Thank you, Councillor Lindqvist. Anybody?\n"
        for voice in ("S2", "S2", "S3", "S3")
    )
    found = named(text)
    assert (found["S2"], found["S3"]) == ("lindqvist", "lindqvist")


def test_two_voices_are_one_persons_only_if_each_is_by_itself_and_at_several_places() -> None:
    def who(scores: dict[str, float], n_cues: int = 3, **cues: int) -> dict[str, str | None]:
        told = {(voice, "lindqvist"): cues.get(voice, n_cues) for voice in scores}
        choices = decide({voice: {"lindqvist": score} for voice, score in scores.items()}, told)
        return {voice: choice.person for voice, choice in choices.items()}

    assert who({"S1": 6, "S2": 6}) == {"S1": "lindqvist", "S2": "lindqvist"}
    assert who({"S1": 12, "S2": 6}) == {"S1": "lindqvist", "S2": "lindqvist"}  # however much more there is for one
    assert who({"S1": 6, "S2": 6, "S3": 6}) == {"S1": "lindqvist", "S2": "lindqvist", "S3": "lindqvist"}
    assert who({"S1": 6, "S2": 6}, n_cues=1) == {"S1": None, "S2": None}
    assert who({"S1": 6, "S2": 6}, S2=1) == {"S1": None, "S2": None}
    assert who({"S1": 6, "S2": 5}, S2=1) == {"S1": None, "S2": None}  # one beyond doubt, and a rival
    assert who({"S1": 5, "S2": 3}) == {"S1": "lindqvist", "S2": None}  # of whom the likelier is likely enough
    assert who({"S1": 4.5, "S2": 3}) == {"S1": None, "S2": None}  # or is not
    assert who({"S1": 6, "S2": 6, "S3": 2}) == {"S1": "lindqvist", "S2": "lindqvist", "S3": None}
    assert who({"S1": 6, "S2": 6, "S3": 12}, S3=1) == {"S1": None, "S2": None, "S3": "lindqvist"}  # that is whose it is


def test_two_parts_of_one_voice_do_not_make_another_persons_voice_theirs() -> None:
    scores = {"S1": {"lindqvist": 6.0}, "S2": {"lindqvist": 6.0}, "S3": {"okafor": 6.0}}
    told = {(voice, person): 3 for voice, people in scores.items() for person in people}
    found = {voice: choice.person for voice, choice in decide(scores, told).items()}
    assert found == {"S1": "lindqvist", "S2": "lindqvist", "S3": "okafor"}


def test_who_is_next_most_likely_is_told_of_every_voice() -> None:
    def chosen(scores: dict[str, dict[str, float]]) -> dict[str, Choice]:
        return decide(scores, dict.fromkeys([(v, p) for v, people in scores.items() for p in people], 1))

    (known,) = chosen({"S1": {"holm": 0.5, "lindqvist": 5.0, "okafor": 1.0}}).values()
    assert (known.person, known.runner_up) == ("lindqvist", ("okafor", 0.02))
    (alone,) = chosen({"S1": {"lindqvist": 5.0, "okafor": -3.0}}).values()
    assert (alone.person, alone.runner_up) == ("lindqvist", None)  # somebody who rounds to nothing is nobody
    rivals = chosen({"S1": {"lindqvist": 4.0, "okafor": -1.0}, "S2": {"lindqvist": 4.0}})
    # whoever it may be if nobody else claimed them, for a person to decide
    assert {v: (c.person, c.runner_up) for v, c in rivals.items()} == {
        "S1": (None, ("lindqvist", 0.98)),
        "S2": (None, ("lindqvist", 0.98)),
    }
    # here nobody else can be meant: the other has gone to somebody
    taken = chosen({"S1": {"lindqvist": 9.0, "okafor": 5.0}, "S2": {"okafor": 12.0}})
    assert {v: (c.person, c.runner_up) for v, c in taken.items()} == {
        "S1": ("lindqvist", None),
        "S2": ("okafor", None),
    }


SCORES = st.dictionaries(
    st.sampled_from(["S1", "S2", "S3"]),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(-6, 6), max_size=3),
    max_size=3,
)


@given(SCORES)
def test_odds_are_those_of_all_the_ways_in_which_voices_and_people_may_go_together(
    scores: dict[str, dict[str, float]],
) -> None:
    def ways(voices: Sequence[str], taken: frozenset[str]) -> Iterator[tuple[float, dict[str, str]]]:
        if not voices:
            yield 1.0, {}
            return
        for odds, who in ways(voices[1:], taken):
            yield odds, who
        for person, log_odds in scores[voices[0]].items():
            if person not in taken:
                for odds, who in ways(voices[1:], taken | {person}):
                    yield odds * math.exp(log_odds), {voices[0]: person} | who

    every = list(ways([*scores], frozenset()))
    total = sum(odds for odds, _ in every)
    for voice, people in marginals(scores).items():
        assert people.keys() == scores[voice].keys()
        for person, found in people.items():
            exact = sum(odds for odds, who in every if who.get(voice) == person) / total
            assert found == pytest.approx(exact)


@pytest.mark.parametrize(("n", "spread"), [(12, 0.0), (60, 0.0), (60, 1.0)])
def test_where_anybody_may_be_anybody_nobody_is_named(n: int, spread: float) -> None:
    rng = random.Random(n)  # too many ways to follow them all
    scores = {f"S{v}": {f"person-{p}": 3.0 + rng.gauss(0, spread) for p in range(n)} for v in range(n)}
    found = marginals(scores)
    assert not any(probability >= LEAST_PROBABILITY for people in found.values() for probability in people.values())
    assert all(sum(people.values()) <= 1.001 for people in found.values())
    assert all(sum(people[f"person-{p}"] for people in found.values()) <= 1.001 for p in range(n))


def test_names_in_captions_are_evidence_and_strangers_keep_what_captions_call_them() -> None:
    words = dialogue("A: Good evening.\nB: Hello there.\nC: Evening all.")
    voices = {"A": "Cllr Maja Lindqvist", "B": "Dr A. Guest\u202e", "C": "Speaker 3"}
    a, b, c = name(words, [], PEOPLE, voices=voices)
    assert (a.person, a.status, a.evidence[0].kind) == ("lindqvist", "inferred", "caption voice")
    assert (b.person, b.status, b.display) == (None, "unknown", "Dr A. Guest")
    assert c.display == "Unknown speaker 3"


def test_every_voice_has_one_name_with_its_evidence() -> None:
    turns = [Turn(speaker="S9", start_ms=2000, end_ms=2200)]  # somebody coughs
    words = dialogue(f"S1: Councillor Lindqvist?\nS2: Thank you, Chair. {LONG}")
    _, second, silent = name(words, turns, PEOPLE)
    assert (silent.label, silent.display) == ("S9", "Unknown speaker 3")
    assert (second.display, second.party, second.status) == ("Councillor Maja Lindqvist", "Independent", "inferred")
    assert second.evidence[0].words == "Councillor Lindqvist?"
    assert second.evidence[0].at_ms == 0
    assert second.probability is not None
    assert LEAST_PROBABILITY <= second.probability < 1


def test_evidence_is_what_was_said_of_this_voice_and_what_speaks_for_its_name_comes_first() -> None:
    text = f"""
        S1: Councillor Lindqvist?
        S2: Thank you, Chair. {LONG}
        S1: Councillor Nwosu?
        S3: Thank you, Chair. {LONG}
        S1: Councillor Nwosu?
        S3: Thank you, Chair. {LONG}
        S1: Mr Holm?
        S4: My name is Bob Cratchley."""
    words = dialogue(text)
    _, second, third, stranger = name(words, [], PEOPLE)
    assert [(e.person, e.at_ms) for e in second.evidence] == [("lindqvist", 0), ("lindqvist", 0), ("okafor", 1_200)]
    assert {e.words for e in third.evidence[:4]} == {"Councillor Nwosu?"}
    assert [e.person for e in third.evidence] == ["grace"] * 4 + ["okafor"] * 2
    weights = [abs(e.weight) for e in third.evidence if e.person == "grace"]
    assert weights == sorted(weights, reverse=True)
    first_call, again = (e.weight for e in third.evidence if e.person == "grace" and e.weight > 1)
    assert again == pytest.approx(first_call / 2, abs=0.01)  # a chair who is wrong is so twice
    assert [(e.person, e.words) for e in stranger.evidence] == [("holm", "Mr Holm?")]
    untimed = [msgspec.structs.replace(w, start_ms=None, end_ms=None, timing="none") for w in words[:2]]
    assert name([*untimed, *words[2:]], [], PEOPLE)[1].evidence[0].at_ms == words[2].start_ms


def test_only_a_persons_word_is_certain_and_more_evidence_is_surer() -> None:
    once, often = (name(dialogue(called("Councillor Lindqvist") * n), [], PEOPLE)[1].probability for n in (1, 6))
    assert once is not None
    assert LEAST_PROBABILITY <= once < MOST_PROBABILITY == often


def test_voices_are_numbered_as_they_are_first_heard() -> None:
    words = dialogue("S7: Good evening.\nS2: Hello.\nS7: Hello.\nS1: Yes.")
    turns = [Turn(speaker="S9", start_ms=1_000, end_ms=1_100), Turn(speaker="S1", start_ms=3_000, end_ms=3_100)]
    turns += [Turn(speaker="S2", start_ms=5_000, end_ms=5_100), Turn(speaker="S4", start_ms=1_000, end_ms=1_100)]
    found = [(n.label, n.display) for n in name(words, turns, PEOPLE)]
    order = ["S7", "S4", "S9", "S2", "S1"]
    assert found == [(label, f"Unknown speaker {n}") for n, label in enumerate(order, 1)]


def test_what_captions_call_a_voice_holds_where_they_name_half_of_its_words_and_four_in_five_of_these_agree() -> None:
    words = dialogue("S1: a b c d e\nS2: a b c d\nS3: a b\n?: a")
    assert captioned(words, ["Jo"] * 4 + ["Al"] + ["Jo"] * 3 + ["Al"] + [None] * 3) == {"S1": "Jo"}
    assert captioned(words, [None] * 7 + ["Al"] * 2 + [None] * 2 + ["Jo"]) == {"S2": "Al"}
    assert captioned(words, [None] * 8 + ["Al"] + [None] * 2 + ["Jo"]) == {}


def test_a_voice_takes_part_for_as_long_as_not_very_much_is_said_by_others() -> None:
    words = dialogue("A: " + "x " * 3 + "\nB: " + "x " * 100 + "\n?: x x\nA: x x\nB: " + "x " * 400 + "\nA: x")
    assert episodes(words) == {"A": [(0, 107, 5), (507, 508, 1)], "B": [(3, 507, 500)]}


def test_what_people_decided_stands_against_all_evidence() -> None:
    text = f"S1: Councillor Lindqvist?\nS2: Thank you, Chair. {LONG}\nS1: Mr Holm?\nS3: Thank you, Chair. {LONG}"
    words = dialogue(text)
    found = name(words, [], PEOPLE, confirmed={"S2": "grace"}, rejected={"S3": frozenset({"holm"})})
    assert [(n.person, n.status) for n in found] == [(None, "unknown"), ("grace", "confirmed"), (None, "unknown")]
    assert found[1].evidence[0].kind == "human"
    elsewhere = {n.label: n.person for n in name(words, [], PEOPLE, confirmed={"S1": "holm"})}
    assert elsewhere == {"S1": "holm", "S2": "lindqvist", "S3": None}
    assert next(n.person for n in name(words, [], PEOPLE, confirmed={"S9": "holm", "S1": "nobody"})) is None


def test_bad_lists_of_people_do_no_harm() -> None:
    text = f"S1: Councillor Lindqvist?\nS2: Thank you, Chair. {LONG}"
    assert name([], [], PEOPLE) == ()
    assert named(text, ())["S2"] is None
    odd = [Person(id=f"p{i}", name=n) for i, n in enumerate(["", " ", "X", "(", "</v>", "Dr", "\u202eevil", "..."])]
    assert named(text, odd) == {"S1": None, "S2": None}
    twins = [Person(id="a", name="Maja Lindqvist"), Person(id="b", name="Maja Lindqvist")]
    assert named(text, twins)["S2"] is None
    crowd = [*(Person(id=f"c{i}", name=f"Councillor A{i} Person{i}") for i in range(400)), *PEOPLE]
    assert named(text, crowd)["S2"] == "lindqvist"


@pytest.mark.parametrize(
    ("given_name", "spoken"),
    [
        ("Councillor Aoife O’Brien-Núñez", "Councillor O'Brien-Nunez?"),
        ("Cllr. Siân ap Rhys", "Councillor ap Rhys?"),
        ("Maja van der Berg", "Ms van der Berg?"),
        ("Dr Łukasz Dąb OBE", "Dr Dab?"),
    ],
)
def test_names_as_they_are_written_and_said(given_name: str, spoken: str) -> None:
    people = (*PEOPLE, Person(id="x", name=given_name))
    assert named(f"S1: {spoken}\nS2: Thank you, Chair. {LONG}", people)["S2"] == "x"


@pytest.mark.parametrize(
    ("heard", "meant", "like"),
    [("rahman", "raman", True), ("lynnquist", "lindqvist", True), ("lindstrom", "lindqvist", False),
     ("colleagues", "okafor", False), ("chair", "hale", False), ("question", "lindqvist", False)],
)  # fmt: skip
def test_mishearings_are_by_sound_and_spelling(heard: str, meant: str, like: bool) -> None:
    assert (likeness(heard, meant) > 0) == like


@given(st.text(max_size=20))
def test_any_text_has_a_sound(text: str) -> None:
    assert isinstance(sound(text), str)


LINES = st.lists(
    st.tuples(
        st.sampled_from(["S1", "S2", "S3", "?"]),
        st.sampled_from(
            ["Councillor Okafor?", "Thank you, Chair.", "Thank you, Jo.", "I'm Priya.", "Mr Holm, can you say why?",
             LONG, "Present.", "over to the Superintendent", "Councillor", "’s", "Cllr Smith’s"]
        ),
    ),
    max_size=12,
)  # fmt: skip


@given(LINES)
def test_names_are_one_to_one_and_never_confirmed(lines: list[tuple[str, str]]) -> None:
    words = dialogue("\n".join(f"{who}: {said}" for who, said in lines)) if lines else []
    names: tuple[SpeakerName, ...] = name(words, [], PEOPLE)
    assert {n.label for n in names} == {w.speaker for w in words} - {None}
    people = [n.person for n in names if n.person]
    assert len(people) == len(set(people))
    assert all(n.status in ("inferred", "unknown") for n in names)
    assert all((n.probability is None) == (n.status == "unknown") for n in names)


@given(LINES)
def test_labels_and_people_whom_nobody_mentions_change_no_name(lines: list[tuple[str, str]]) -> None:
    words = dialogue("\n".join(f"{who}: {said}" for who, said in lines)) if lines else []
    people = [n.person for n in name(words, [], PEOPLE)]
    stranger = Person(id="stranger", name="Zbigniew Wróblewski")
    assert [n.person for n in name(words, [], (*PEOPLE, stranger))] == people
    relabelled = [msgspec.structs.replace(w, speaker=w.speaker and f"{w.speaker}x") for w in words]
    assert [n.person for n in name(relabelled, [], PEOPLE)] == people


def test_four_hours_without_a_full_stop_take_seconds() -> None:
    crowd = [*(Person(id=f"c{i}", name=f"Councillor Ann{i} Person{i}") for i in range(60)), *PEOPLE]
    text = "thank you Councillor said the Mr now Lindqvst please i'm my name is over to Chair"
    tokens = text.split()
    words = [
        Word(text=tokens[i * 7919 % len(tokens)], start_ms=300 * i, end_ms=300 * i + 300, speaker=f"S{i // 5000}")
        for i in range(30_000)
    ]
    began = time.process_time()
    name(words, [], crowd)
    assert time.process_time() - began < 10


def test_names_that_are_words_count_only_as_names() -> None:
    people = (
        Person(id="a", name="A"),
        Person(id="i", name="I"),
        Person(id="x", name="X"),
        Person(id="mark", name="Mark"),
    )
    roster = Roster(people)
    words = dialogue("S1: I'm a resident and I mark a map. X? Councillor A?")
    found = [m.fits.keys() for first, end in ((0, 8), (8, 9), (9, 11)) for m in roster.mentions(words, first, end)]
    assert found == [{"x"}, {"a"}]


def test_ambiguity_stays() -> None:
    (smith,) = Roster(PEOPLE).mentions(dialogue("S1: Councillor Smith?"), 0, 2)
    assert smith.fits.keys() == {"smith-a", "smith-b"}


def test_the_sample_meeting_has_no_wrong_name(sample: Path) -> None:
    """From the reference words and their true voices: what naming alone can do."""
    utterances = read_sentences(sample / "reference" / "reference.json")
    people = read_meeting(sample, "sample").people
    true = list(dict.fromkeys(u.speaker for u in utterances))
    words = [msgspec.structs.replace(w, speaker=f"S{true.index(w.speaker or '')}") for w in words_of(utterances)]
    given_names = {true[int(n.label[1:])]: n.person for n in name(words, [], people)}
    assert all(person in (None, speaker) for speaker, person in given_names.items())
    assert sum(person is not None for person in given_names.values()) >= 7
