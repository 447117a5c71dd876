"""Statements: nothing lost, doubled or moved, and cut where a reader would cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyse.statements import LONG_PAUSE_MS, MAX_SENTENCES, MAX_WORDS, SHORT_WORDS, cut, ends_sentence, sentences
from transcribe.records import AgendaItem, Stretch, Transcript, Word, text_of


def transcript(words: list[Word], stretches: tuple[Stretch, ...] = ()) -> Transcript:
    return Transcript(
        recording_sha256="0" * 64, language="en", engine="test", words=tuple(words), turns=(), stretches=stretches
    )


def spoken(text: str, speaker: str = "S1", start_ms: int = 0, word_ms: int = 300) -> list[Word]:
    return [
        Word(text=w, start_ms=start_ms + i * word_ms, end_ms=start_ms + (i + 1) * word_ms, speaker=speaker)
        for i, w in enumerate(text.split())
    ]


def texts(words: list[Word], **options: tuple[AgendaItem, ...]) -> list[str]:
    return [s.text for s in cut(transcript(words), **options)]


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    words, at = [], 0
    for _ in range(draw(st.integers(0, 150))):
        text = draw(
            st.sampled_from(["van", "Tell", "us.", "No.", "5", "Cllr.", "why?", "item", "U.K.", "well…", ".", "’"])
        )
        if draw(st.integers(0, 15)) == 0:
            words.append(Word(text=text, timing="none"))
            continue
        at += draw(st.sampled_from([0, 0, 0, 200, 800, LONG_PAUSE_MS]))
        length = draw(st.integers(0, 500))
        words.append(
            Word(text=text, start_ms=at, end_ms=at + length, speaker=draw(st.sampled_from(["A", "A", "B", None])))
        )
        at += length
    bounds = draw(st.lists(st.tuples(st.integers(0, at + 1), st.integers(0, 3000)), max_size=3))
    return transcript(
        words, tuple(Stretch(kind="excluded", start_ms=a, end_ms=a + n, reason="test") for a, n in bounds)
    )


@settings(max_examples=50)
@given(transcripts())
def test_every_timed_word_is_in_exactly_one_statement(made: Transcript) -> None:
    held = [i for s in cut(made) for i in range(s.first_word, s.end_word)]
    assert held == [i for i, w in enumerate(made.words) if w.timing != "none"]


@settings(max_examples=50)
@given(transcripts())
def test_a_statement_is_its_words_of_one_voice_with_nothing_between(made: Transcript) -> None:
    for s in cut(made):
        words = made.words[s.first_word : s.end_word]
        assert s.text == text_of(words)
        assert {w.speaker for w in words} == {s.speaker}
        assert s.start_ms == words[0].start_ms
        assert s.end_ms == max(w.end_ms or 0 for w in words)
        assert len(list(sentences([w.text for w in words]))) <= MAX_SENTENCES
        middles = [((w.start_ms or 0) + (w.end_ms or 0)) // 2 for w in words]
        for stretch in made.stretches:
            for edge in (stretch.start_ms, stretch.end_ms):
                assert all(m < edge for m in middles) or all(m >= edge for m in middles)
        for a, b in pairwise(words):
            assert (b.start_ms or 0) - (a.end_ms or 0) < LONG_PAUSE_MS


@given(st.lists(st.sampled_from(["we", "Mr.", "p.m.", "said.", "Why?", "The", "…", '"so."']), max_size=60))
def test_sentences_cover_their_words(words: list[str]) -> None:
    assert [i for a, b in sentences(words) for i in range(a, b)] == list(range(len(words)))


@pytest.mark.parametrize(
    ("word", "following"),
    [
        ("Cllr.", "Sowande"),
        ("Mr.", "Pell"),
        ("No.", "5"),
        ("£1.5m", "was"),
        ("J.", "Okafor"),
        ("e.g.", "Cooper"),
        ("p.m.", "on"),
        ("U.K.", "forces"),
        ("well…", "perhaps"),
        ("3.5", "per"),
    ],
)
def test_abbreviations_and_figures_end_no_sentence(word: str, following: str) -> None:
    assert not ends_sentence(word, following)


@pytest.mark.parametrize(
    ("word", "following"),
    [
        ("no.", "We"),
        ("day.”", "Then"),
        ("why?", "because"),
        ("7.", "We"),
        ("p.m.", "The"),
        ("£1.5m.", "That"),
        ("did.", "it"),
    ],
)
def test_ends_of_sentences(word: str, following: str) -> None:
    assert ends_sentence(word, following)


def test_short_sentences_go_together_and_long_ones_stand_alone() -> None:
    long = "We held two briefings for ward councillors in March and took every question that was put to us there."
    assert texts(spoken(f"Yes. Thank you, Chair. {long} I will send the figures.")) == [
        f"Yes. Thank you, Chair. {long}",
        "I will send the figures.",
    ]


def test_a_statement_ends_where_the_meaning_turns() -> None:
    assert texts(spoken("The force says that it is accurate every time. But I fear that it is not. Why?")) == [
        "The force says that it is accurate every time.",
        "But I fear that it is not. Why?",
    ]
    assert texts(spoken("How many of the residents were told before Friday? None of them were.")) == [
        "How many of the residents were told before Friday?",
        "None of them were.",
    ]


def test_a_change_of_speaker_cuts_a_sentence() -> None:
    words = spoken("We were told that") + spoken("nobody was asked.", "S2", 1200)
    assert texts(words) == ["We were told that", "nobody was asked."]


def test_words_without_times_are_in_no_statement_and_part_their_neighbours() -> None:
    words = [*spoken("Before it."), Word(text="lost", timing="none"), *spoken("After it.", start_ms=600)]
    assert texts(words) == ["Before it.", "After it."]


def test_an_item_opens_a_new_statement() -> None:
    words = spoken("That is noted. Item five, live facial recognition. As we heard under item four, it was late.")
    assert texts(words) == [
        "That is noted.",
        "Item five, live facial recognition. As we heard under item four, it was late.",
    ]
    titled = (AgendaItem(item=4, title="Tannery Park"),)
    assert texts(spoken("Agreed. We turn to Tannery Park."), agenda=titled) == ["Agreed.", "We turn to Tannery Park."]


def test_speech_without_punctuation_is_cut_at_its_pauses() -> None:
    first = spoken("so " * 40)
    second = spoken("and " * 45, start_ms=40 * 300 + 600)
    assert [len(t.split()) for t in texts(first + second)] == [40, 45]
    endless = cut(transcript(spoken("and " * 500)))
    assert all(SHORT_WORDS <= s.end_word - s.first_word <= MAX_WORDS for s in endless)
