"""A transcript put together, its excluded stretches, and captions that others can read."""

import html
import io

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from transcribe.correct import Correction
from transcribe.problem import Problem
from transcribe.records import Meeting, Person, Recording, Stretch, Transcript, Turn, Turns, Word, Words, check_words
from transcribe.timedtext import DASHES
from transcribe.transcript import assemble, to_webvtt

MEETING = Meeting(
    id="2024-05-14-parks",
    folder="2024-05-14 Parks",
    people=(
        Person(id="okafor", name="Councillor Jo <Okafor> & Co", role="Chair"),
        Person(id="holm", name="Tom Holm", party="CA"),
    ),
)
RECORDING = Recording(meeting=MEETING.id, duration_ms=60_000, sha256="ab")


def words_of(text: str, start_ms: int = 0, speaker: str | None = None) -> list[Word]:
    return [
        Word(text=t, start_ms=start_ms + 300 * i, end_ms=start_ms + 300 * i + 250, speaker=speaker)
        for i, t in enumerate(text.split())
    ]


def words(*found: Word, engine: str = "whisper:base", **rest: object) -> Words:
    return Words(recording_sha256="ab", language="en", engine=engine, words=found, **rest)  # type: ignore[arg-type]


def turns(*found: Turn, engine: str = "pyannote:starter") -> Turns:
    return Turns(recording_sha256="ab", engine=engine, turns=found)


def turn(speaker: str, start_ms: int, end_ms: int) -> Turn:
    return Turn(speaker=speaker, start_ms=start_ms, end_ms=end_ms, exclusive=True)


def test_words_meet_turns_and_voices_meet_people() -> None:
    said = [*words_of("I'll bring in Mr Holm now."), *words_of("Thank you, Chair. The gates stay open.", 2500)]
    made = assemble(words(*said), turns(turn("S1", 0, 1800), turn("S2", 2500, 5000)), MEETING, RECORDING)
    assert [w.speaker for w in made.words] == ["S1"] * 6 + ["S2"] * 7
    assert [(n.label, n.person) for n in made.names] == [("S1", None), ("S2", "holm")]
    assert made.engine == "whisper:base + pyannote:starter"


def test_a_word_that_a_person_adds_is_in_the_voice_of_the_place_where_that_is_one() -> None:
    said = [*words_of("I was not asked then."), *words_of("One at a time please.", 1500)]
    heard = turns(turn("S1", 0, 1500), turn("S2", 1500, 3000))

    def voices(old: str, new: str, end_ms: int) -> dict[str, str | None]:
        c = Correction(
            id="c0ffee00", at="2024-06-01T09:00:00Z", by="Ann Clerk", kind="words", start_ms=0, end_ms=end_ms,
            recording_sha256="ab", old=old, new=new,
        )  # fmt: skip
        made = assemble(words(*said), heard, MEETING, RECORDING, corrections=[c])
        return {w.text: w.speaker for w in made.words}

    one = voices("I was not asked then.", "I was not asked then. Indeed.", 1450)
    assert (one["Indeed."], one["One"]) == ("S1", "S2")
    both = "I was not asked then. One at a time please."
    assert voices(both, both.replace("then.", "then. Indeed."), 2950)["Indeed."] is None, (
        "of two voices it may be either"
    )


def test_records_of_another_recording_are_refused() -> None:
    other = Recording(meeting=MEETING.id, duration_ms=60_000, sha256="cd")
    with pytest.raises(Problem, match="another version"):
        assemble(words(), turns(), MEETING, other)


def test_words_outside_the_recording_are_refused() -> None:
    with pytest.raises(Problem, match="out of order or bounds"):
        assemble(words(*words_of("late", 70_000)), turns(), MEETING, RECORDING)


def test_excluded_time_holds_no_word_no_turn_and_is_said() -> None:
    hidden = [
        Stretch(kind="excluded", start_ms=a, end_ms=b, reason=why)
        for a, b, why in ((1000, 2000, "exempt business"), (50_000, 90_000, "exempt"))
    ]
    said = words_of("one two three four five six seven eight nine ten")
    unplaced = Word(text="secret", timing="none")
    found = [*said[:5], unplaced, *said[5:], Word(text="end", timing="none")]
    gap = Stretch(kind="untranscribed", start_ms=3000, end_ms=4000, reason="noise")
    made = assemble(words(*found, stretches=(gap,)), turns(turn("S1", 0, 3000)), MEETING, RECORDING, hidden=hidden)
    assert [w.text for w in made.words] == ["one", "two", "three", "eight", "nine", "ten", "end"]
    assert [(t.start_ms, t.end_ms) for t in made.turns] == [(0, 1000), (2000, 3000)]
    assert [(s.kind, s.start_ms, s.end_ms) for s in made.stretches] == [
        ("excluded", 1000, 2000),
        ("untranscribed", 3000, 4000),
        ("excluded", 50_000, 60_000),
    ]


def test_voices_of_captions_are_labels_alone_and_evidence_beside_a_diariser() -> None:
    said = words_of("The gates stay open in the summer.", speaker="Tom Holm")
    captions = turns(turn("Tom Holm", 0, 2100), engine="captions")
    alone = assemble(words(*said, engine="captions"), captions, MEETING, RECORDING)
    assert {w.speaker for w in alone.words} == {"Tom Holm"}
    assert alone.names[0].person == "holm"
    beside = assemble(words(*said, engine="captions"), turns(turn("S1", 0, 2100)), MEETING, RECORDING)
    assert {w.speaker for w in beside.words} == {"S1"}
    assert (beside.names[0].label, beside.names[0].person) == ("S1", "holm")
    assert beside.names[0].evidence[0].kind == "caption voice"


def test_whom_captions_do_not_name_is_not_whoever_spoke_just_before() -> None:
    named = words_of("The gates stay open.", speaker="Tom Holm")
    unnamed = words_of("Shame on you.", 1_200)
    voices = turns(turn("Tom Holm", 0, 1_200), engine="captions srt")
    made = assemble(words(*named, *unnamed, engine="captions srt"), voices, MEETING, RECORDING)
    assert [w.speaker for w in made.words] == ["Tom Holm"] * 4 + [None] * 3
    heard = assemble(words(*words_of("The gates stay open.")), voices, MEETING, RECORDING)
    assert {w.speaker for w in heard.words} == {"Tom Holm"}  # an engine's words have the voices of captions


def read_back(text: str) -> list[tuple[str | None, str]]:
    captions = webvtt.from_buffer(io.StringIO(text))
    return [(c.voice and html.unescape(c.voice), said_of(html.unescape(c.text.replace("\n", " ")))) for c in captions]


def said_of(line: str) -> str:
    """A caption's words without the dash that stands before one that was said."""
    return line[2:] if line[:2] == "- " and line[2:3] in DASHES else line


def test_captions_name_their_voices_and_round_trip() -> None:
    said = [
        *words_of("I'm Councillor Jo Okafor. This --> is <b>bold</b> & brave."),
        *words_of("Who are you?", 4000),
        *words_of("Nobody knows.", 9000),
    ]
    meeting = Meeting(id="m", folder="m", people=(Person(id="okafor", name="Councillor Jo Okafor"),))
    made = assemble(words(*said), turns(turn("S1", 0, 3500), turn("S2", 4000, 5000)), meeting, RECORDING)
    captions = to_webvtt(made)
    assert read_back(captions) == [
        ("Councillor Jo Okafor", "I'm Councillor Jo Okafor. This --> is <b>bold</b> & brave."),
        ("Unknown speaker 2", "Who are you?"),
        (None, "Nobody knows."),
    ]
    assert "00:00:04.000 --> 00:00:04.850\n<v Unknown speaker 2>Who are you?" in captions
    assert "\n\nNOTE Named by software, not checked: Councillor Jo Okafor.\n\n" in captions


def test_a_hostile_name_stays_inside_its_tag() -> None:
    said = words_of("Good evening.", speaker="x")
    voices = turns(turn("<i>\n00:00:00.000 --> 1\n&", 0, 900), engine="captions")
    made = assemble(words(*said, engine="captions"), voices, MEETING, RECORDING)
    assert len(read_back(to_webvtt(made))) == 1


TOKENS = st.sampled_from(["-", "-0", "–", "—well", "--"]) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=12
).filter(lambda t: t == "".join(t.split()))


@given(
    st.lists(st.tuples(TOKENS, st.integers(0, 3000), st.sampled_from(["S1", "S2", None]), st.booleans()), max_size=30)
)
def test_captions_hold_every_word_once_in_order(items: list[tuple[str, int, str | None, bool]]) -> None:
    found, at_ms = [], 0
    for text, step_ms, speaker, timed in items:
        at_ms += step_ms
        if timed:
            found.append(Word(text=text, start_ms=at_ms, end_ms=at_ms + 200, speaker=speaker))
        else:
            found.append(Word(text=text, timing="none"))
    check_words(found, at_ms + 200)
    made = Transcript(recording_sha256="ab", language="en", engine="x", words=tuple(found), turns=())
    back = read_back(to_webvtt(made))
    if any(timed for *_, timed in items):
        assert " ".join(text for _, text in back).split() == [w.text for w in found]
    else:
        assert back == []
