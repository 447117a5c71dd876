"""Who spoke, as people say it: a stretch alone, a whole voice wherever it is heard again, and never blindly."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_correct import correction, said
from transcribe.correct import Correction
from transcribe.cues import Cue
from transcribe.records import Meeting, Person, Recording, Transcript, Turn, Turns, Word, Words
from transcribe.said_by import PAUSE_MS, Standing, decided, hints, people_called, spoken_by, standing, time_of
from transcribe.transcript import assemble

OKAFOR = Person(id="jo-okafor", name="Councillor Jo Okafor", role="Chair")
HOLM = Person(id="tom-holm", name="Councillor Tom Holm")
PEOPLE = (OKAFOR, HOLM)


@pytest.mark.parametrize(
    ("called", "who"),
    [
        ("TOM-HOLM", ["tom-holm"]),
        (" Councillor Tom Holm ", ["tom-holm"]),
        ("the boss", ["jo-okafor"]),
        ("THE BOSS", ["jo-okafor"]),
        ("holm", ["tom-holm", "holm"]),
        ("Ms Jó Okafor", ["jo-okafor"]),
        ("Jo Holm", []),
        ("Councillor", []),
        ("", []),
    ],
)
def test_people_are_called_by_id_name_or_alias_and_else_by_parts_of_names(called: str, who: list[str]) -> None:
    boss = Person(id="jo-okafor", name="Councillor Jo Okafor", aliases=("The Boss", "Okay"))
    people = [boss, HOLM, Person(id="holm", name="Tom-Holm"), Person(id="ann", name="Ann Holme")]
    if called == "holm":  # the very id comes before whoever has it as a part of a name
        assert [p.id for p in people_called(people, called)] == ["holm"]
        people[2] = Person(id="holm-b", name="Bo Holm")
        who = ["tom-holm", "holm-b"]
    assert [p.id for p in people_called(people, called)] == who


# -- stretches ------------------------------------------------------------------------------------


def test_a_stretch_given_to_a_person_leaves_the_voice_alone_elsewhere() -> None:
    words = said("one two three four")
    turns = (Turn(speaker="S1", start_ms=0, end_ms=1_200, exclusive=True), Turn(speaker="S2", start_ms=0, end_ms=1_200))
    given_words, given_turns, names = spoken_by(
        words, turns, [correction("speaker", 300, 900, new="jo-okafor")], [OKAFOR]
    )
    assert [w.speaker for w in given_words] == ["S1", "@jo-okafor", "@jo-okafor", "S1"]
    assert [(t.speaker, t.start_ms, t.end_ms) for t in given_turns] == [
        ("S1", 0, 300),
        ("@jo-okafor", 300, 900),
        ("S1", 900, 1_200),
        ("S2", 0, 1_200),
    ]
    (name,) = names
    assert (name.status, name.person, name.role, name.probability) == ("confirmed", "jo-okafor", "Chair", None)
    assert name.evidence[0].kind == "human"
    nobody, _, none = spoken_by(words, turns, [correction("speaker", 300, 900)], [OKAFOR])
    assert [w.speaker for w in nobody] == ["S1", None, None, "S1"]
    assert none == ()


def test_turns_are_parted_where_a_stretch_begins_or_ends_inside_them_and_nowhere_else() -> None:
    words = said("one two three four")
    turns = (Turn(speaker="S1", start_ms=0, end_ms=600), Turn(speaker="S1", start_ms=600, end_ms=1_200))
    _, whole, _ = spoken_by(words, turns, [correction("speaker", 0, 2_000, new="jo-okafor")], [OKAFOR])
    assert [(t.speaker, t.start_ms, t.end_ms) for t in whole] == [("@jo-okafor", 0, 600), ("@jo-okafor", 600, 1_200)]
    _, some, _ = spoken_by(words, turns, [correction("speaker", 300, 900, new="")], [OKAFOR])
    assert [(t.speaker, t.start_ms, t.end_ms) for t in some] == [("S1", 0, 300), ("S1", 900, 1_200)]


def test_everybody_who_gave_a_stretch_to_a_person_is_told() -> None:
    given = [correction("speaker", a, a + 600, id=str(a), new="x", by=by) for a, by in ((0, "Mira"), (600, "Noor"))]
    (name,) = spoken_by(said("one two three four"), (), given, [Person(id="x", name=" ")])[2]
    assert [(e.at_ms, e.words) for e in name.evidence] == [(0, "confirmed by Mira"), (600, "confirmed by Noor")]
    assert name.display == "x"


def test_the_later_word_on_who_spoke_wins_and_a_stranger_is_nobody() -> None:
    first = correction("speaker", 0, 600, id="00000001", new="jo-okafor")
    later = correction("speaker", 300, 600, id="00000002", new="somebody-gone")
    words, _, names = spoken_by(said("one two"), (), [first, later], [OKAFOR])
    assert [w.speaker for w in words] == ["@jo-okafor", None]
    assert len(names) == 1


# -- whole voices ---------------------------------------------------------------------------------

Heard = Sequence[tuple[str | None, int]]  # a voice, and how many words it says in a row


def heard(turns: Heard) -> tuple[Word, ...]:
    """One word every 300 ms."""
    labels = [voice for voice, n in turns for _ in range(n)]
    return tuple(
        Word(text=f"w{i}", start_ms=300 * i, end_ms=300 * i + 250, speaker=voice) for i, voice in enumerate(labels)
    )


def about(
    words: Sequence[Word], label: str, person: str = "jo-okafor", kind: str = "confirm", id: str = ""
) -> Correction:
    """What a person says of a voice."""
    return correction(
        kind, 0, words[-1].end_ms or 0, id=id or kind, new=person, stretches=time_of(words, label)
    )  # fmt: skip


def found(words: Sequence[Word], *corrections: Correction) -> list[tuple[str | None, str]]:
    return [(s.label, s.doubt) for s in standing(words, corrections, PEOPLE)]


FIRST: Heard = [("S1", 40), ("S2", 60), ("S1", 10), ("S3", 30), ("S2", 20), ("S1", 30)]


@pytest.mark.parametrize("label", ["S1", "S2", "S3"])
def test_a_voice_holds_all_its_words_and_no_others(label: str) -> None:
    words = heard(FIRST)
    stretches = time_of(words, label)
    inside = {w.speaker for w in words for a, b in stretches if a <= (w.start_ms or 0) + 125 < b}
    assert inside == {label}
    assert found(words, about(words, label)) == [(label, "")]


@given(
    st.lists(
        st.tuples(st.sampled_from(["S1", "S2", "S3", None]), st.integers(0, 4_000), st.integers(1, 900)), min_size=1
    )
)
def test_time_of_a_voice_is_its_words_and_some_of_the_silence_around_them(said: list[tuple[str, int, int]]) -> None:
    words, at_ms = [], 0
    for voice, pause_ms, long_ms in said:
        at_ms += pause_ms
        words.append(Word(text="x", start_ms=at_ms, end_ms=at_ms + long_ms, speaker=voice))
        at_ms += long_ms
    mine = [w for w in words if w.speaker == "S1"]
    stretches = time_of(words, "S1")
    assert all(a < b for a, b in stretches)
    assert all(b <= c for (_, b), (c, _) in pairwise(stretches))
    for w in words:
        held = any(a <= (w.start_ms or 0) and (w.end_ms or 0) <= b for a, b in stretches)
        touched = any(a < (w.end_ms or 0) and (w.start_ms or 0) < b for a, b in stretches)
        assert (held, touched) == (w.speaker == "S1",) * 2
    for a, b in stretches:
        inside = [w for w in mine if a <= (w.start_ms or 0) < b]
        assert (inside[0].start_ms or 0) - a <= PAUSE_MS
        assert b - (inside[-1].end_ms or 0) <= PAUSE_MS
    for before, after in pairwise(words):
        silence_ms = (after.start_ms or 0) - (before.end_ms or 0)
        if {before.speaker, after.speaker} == {"S1", "S2"} and silence_ms >= 2:  # half of it, up to a second
            reach_ms = min(PAUSE_MS, silence_ms // 2)
            edges = {edge for stretch in stretches for edge in stretch}
            last = before.speaker == "S1"
            assert ((before.end_ms or 0) + reach_ms if last else (after.start_ms or 0) - reach_ms) in edges


def test_a_voice_is_found_under_another_label_with_other_cuts() -> None:
    before = about(heard(FIRST), "S1")
    again = heard([("S3", 42), ("S1", 57), ("S3", 11), ("S2", 31), ("S1", 21), (None, 4), ("S3", 24)])
    assert found(again, before) == [("S3", "")]


def test_where_it_is_not_plain_which_voice_is_meant_somebody_has_to_look() -> None:
    before = about(heard(FIRST), "S1")
    split = heard([("S1", 40), ("S2", 60), ("S4", 10), ("S3", 30), ("S2", 20), ("S4", 26), ("S5", 4)])
    assert found(split, before) == [(None, "what that voice said lies in several voices now")]
    mixed = heard([("S1", 100), ("S1", 10), ("S3", 50), ("S1", 30)])
    assert found(mixed, before) == [(None, "S1 now has words of others, too")]
    assert found(heard([(None, 190)]), before) == [(None, "no voice speaks there any more")]
    (gone,) = standing(heard(FIRST), [before], [HOLM])
    assert gone.doubt == "jo-okafor is no longer among the people of this meeting"


def test_another_voice_with_much_of_it_is_told() -> None:
    before = about(heard(FIRST), "S1")
    again = heard([("S1", 40), ("S2", 60), ("S4", 10), ("S3", 30), ("S2", 20), ("S4", 20), ("S1", 10)])
    (stand,) = standing(again, [before], PEOPLE)
    assert stand == Standing(correction=before, label="S1", voices=(("S1", 50 / 80), ("S4", 30 / 80)))


def test_a_voice_with_little_of_it_is_not_told() -> None:
    before = about(heard(FIRST), "S1")
    again = heard([("S1", 40), ("S2", 60), ("S4", 10), ("S3", 30), ("S2", 20), ("S1", 30)])
    (stand,) = standing(again, [before], PEOPLE)
    assert stand == Standing(correction=before, label="S1", voices=(("S1", 70 / 80),))


def test_what_was_said_later_of_a_small_part_of_a_voice_leaves_the_voice_as_it_is() -> None:
    words = heard([("S1", 60), ("S2", 20), ("S1", 40)])
    whole = about(words, "S1", id="1")
    then = heard([("S1", 60), ("S2", 20), ("S3", 10), ("S1", 30)])
    part = about(then, "S3", "tom-holm", id="2")
    stands = standing(then, [whole, part], PEOPLE)
    assert decided(stands, PEOPLE) == ({"S1": "jo-okafor", "S3": "tom-holm"}, {})


def test_only_what_was_said_of_whole_voices_stands_and_a_doubt_decides_nothing() -> None:
    words = heard(FIRST)
    assert standing(words, [correction("speaker", 0, 9_000, new="jo-okafor")], PEOPLE) == ()
    mixed = heard([("S1", 140), ("S3", 50)])
    for kind in ("confirm", "reject"):
        (doubt,) = standing(mixed, [about(words, "S1", kind=kind)], PEOPLE)
        assert (doubt.label, bool(doubt.doubt)) == (None, True)
        assert decided([doubt], PEOPLE) == ({}, {})


def test_what_nobody_had_listened_to_then_tells_nothing_against_it() -> None:
    before = about(heard([("S1", 40), ("S2", 20)]), "S1")
    assert found(heard([("S2", 40), ("S1", 20), ("S2", 500)]), before) == [("S2", "")]


def test_the_last_word_counts() -> None:
    words = heard(FIRST)

    def said_of(*corrections: Correction) -> tuple[Mapping[str, str], Mapping[str, frozenset[str]]]:
        return decided(standing(words, corrections, PEOPLE), PEOPLE)

    jo, tom = about(words, "S1", id="1"), about(words, "S1", "tom-holm", id="2")
    not_jo, not_tom = about(words, "S1", kind="reject", id="3"), about(words, "S1", "tom-holm", "reject", id="4")
    nobody = about(words, "S1", "", id="5")
    assert said_of(jo, tom) == ({"S1": "tom-holm"}, {})
    assert said_of(jo, not_jo) == ({}, {"S1": frozenset({"jo-okafor"})})
    assert said_of(not_jo, jo) == ({"S1": "jo-okafor"}, {})
    assert said_of(jo, not_tom) == ({"S1": "jo-okafor"}, {"S1": frozenset({"tom-holm"})})
    assert said_of(not_jo, not_tom) == ({}, {"S1": frozenset({"jo-okafor", "tom-holm"})})
    assert said_of(jo, nobody) == ({}, {"S1": frozenset({"jo-okafor", "tom-holm"})})
    assert said_of(nobody, jo) == ({"S1": "jo-okafor"}, {})
    assert said_of(jo, correction("undo", 0, 1, id="6", undoes="1")) == ({}, {})
    assert said_of(jo, about(words, "S2", "tom-holm", id="7")) == ({"S1": "jo-okafor", "S2": "tom-holm"}, {})


VOICES = st.sampled_from(["A", "B", "C", "D"])


@given(
    st.lists(st.tuples(VOICES, st.integers(8, 40)), min_size=1, max_size=25),
    st.permutations(["S1", "S2", "S3", "S4"]),
    st.data(),
)
def test_another_diarisation_never_gives_a_confirmed_name_to_a_voice_of_others(
    turns: list[tuple[str, int]], labels: list[str], data: st.DataObject
) -> None:
    """Voices get other labels; turns begin and end elsewhere, fall in two, or go to other voices."""
    words = heard(turns)
    true = [w.speaker or "" for w in words]
    renamed = dict(zip("ABCD", labels, strict=True))
    shifts = [data.draw(st.integers(-2, 2)) for _ in turns]
    astray = {k: data.draw(VOICES) for k in range(len(turns)) if data.draw(st.integers(0, 9)) < 2}
    again, end = [renamed[voice] for voice in true], 0
    for k, (_, n) in enumerate(turns):
        start, end = end, end + n
        for i in range(max(0, start + shifts[k]), min(len(again), end - max(0, shifts[k - 1]))):
            again[i] = renamed[astray.get(k, turns[k][0])]
    heard_again = [
        Word(text=w.text, start_ms=w.start_ms, end_ms=w.end_ms, speaker=v) for w, v in zip(words, again, strict=True)
    ]
    corrections = [about(words, voice, f"p-{voice.lower()}", id=voice) for voice in sorted({*true})]
    people = [Person(id=f"p-{v}", name=v) for v in "abcd"]
    stands = standing(heard_again, corrections, people)
    confirmed, _ = decided(stands, people)
    for label, person in confirmed.items():
        of = Counter(t for t, v in zip(true, again, strict=True) if v == label)
        assert of[person.removeprefix("p-").upper()] >= 0.75 * of.total()
    assert all((s.label is None) == bool(s.doubt) for s in stands)
    if not astray:
        assert confirmed == {renamed[v]: f"p-{v.lower()}" for v in {*true}}


# -- what they tell of the rest -------------------------------------------------------------------


def test_one_stretch_is_an_exception_and_most_of_a_voice_tells_who_it_is() -> None:
    words = said("one two three four five six seven eight nine ten")

    def hinted(*corrections: Correction) -> list[Cue]:
        return [*hints(words, spoken_by(words, (), corrections, PEOPLE)[0])]

    apart = [
        correction("speaker", a, b, id=str(a), new="tom-holm") for a, b in ((0, 300), (600, 2_100), (2_400, 2_700))
    ]
    (longest,) = hinted(*apart)  # is what is shown of it
    assert (longest.share, longest.first, longest.end) == (0.7, 2, 7)
    (hint,) = hinted(correction("speaker", 0, 1_800, new="tom-holm"))
    assert (hint.voice, dict(hint.fits), hint.share, hint.first, hint.end) == ("S1", {"tom-holm": 1.0}, 0.6, 0, 6)
    assert hinted(correction("speaker", 0, 1_500, new="tom-holm")) == []
    both = [correction("speaker", 0, 1_500, new="tom-holm"), correction("speaker", 1_500, 3_000, new="jo-okafor")]
    assert hinted(*both) == []


MEETING = Meeting(id="m", folder="m", people=PEOPLE)


def transcript(words: Sequence[Word], *corrections: Correction) -> Transcript:
    turns = [
        Turn(speaker=w.speaker, start_ms=w.start_ms or 0, end_ms=w.end_ms or 0, exclusive=True)
        for w in words
        if w.speaker
    ]
    end_ms = words[-1].end_ms or 0
    return assemble(
        Words(recording_sha256="ab", language="en", engine="whisper:base", words=tuple(words)),
        Turns(recording_sha256="ab", engine="pyannote:starter", turns=tuple(turns)),
        MEETING,
        Recording(meeting="m", duration_ms=end_ms, sha256="ab"),
        corrections=corrections,
    )


def names(made: Transcript) -> dict[str, tuple[str | None, str]]:
    return {n.label: (n.person, n.status) for n in made.names}


CHAIR = "I'll bring in Councillor Holm now."
REPLY = "Thank you, Chair. The gates stay open, and so they did last summer as I said at the time."


def test_a_confirmation_stands_against_evidence_and_says_who_made_it() -> None:
    words = [*said(CHAIR), *said(REPLY, 2_400, "S2")]
    assert names(transcript(words))["S2"] == ("tom-holm", "inferred")
    made = transcript(words, about(words, "S2", "jo-okafor"))
    assert names(made)["S2"] == ("jo-okafor", "confirmed")
    assert [e.words for e in made.names[1].evidence if e.kind == "human"] == ["confirmed by Mira"]
    assert made.names[1].evidence[0].kind == "human"
    assert all(e.kind != "human" for e in made.names[0].evidence)
    assert names(transcript(words, about(words, "S2", "tom-holm", "reject")))["S2"] == (None, "unknown")
    assert names(transcript(words, about(words, "S2", "")))["S2"] == (None, "unknown")


def test_a_stretch_beats_the_name_of_its_voice_and_takes_its_evidence_with_it() -> None:
    words = [*said("I'm Councillor Jo Okafor."), *said("Good evening to everybody in the gallery tonight.", 2_400)]
    introduction = correction("speaker", 0, 1_300, new="jo-okafor")
    assert names(transcript(words))["S1"] == ("jo-okafor", "inferred")
    made = transcript(words, introduction)
    assert names(made) == {"S1": (None, "unknown"), "@jo-okafor": ("jo-okafor", "confirmed")}
    confirmed = transcript(words, about(words, "S1", "tom-holm"), introduction)
    assert names(confirmed) == {"S1": ("tom-holm", "confirmed"), "@jo-okafor": ("jo-okafor", "confirmed")}
    assert [w.speaker for w in confirmed.words] == ["@jo-okafor"] * 4 + ["S1"] * 8


def test_most_of_a_voice_given_to_somebody_names_the_rest() -> None:
    words = said("We asked for it in March and nobody answered us at all, which is a pity.")
    assert names(transcript(words))["S1"] == (None, "unknown")
    made = transcript(words, correction("speaker", 0, 12 * 300, new="tom-holm"))
    assert names(made)["S1"] == ("tom-holm", "inferred")
    assert [e.kind for e in made.names[0].evidence] == ["human"]
