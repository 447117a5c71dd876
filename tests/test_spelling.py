"""British spelling for British meetings: which words, which meetings, and what stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe import english
from transcribe.records import Meeting, Word, text_of
from transcribe.repair import repairs
from transcribe.spelling import is_british, respelled


def put_right(text: str, *names: str) -> str:
    return text_of(respelled([Word(text=t, timing="none") for t in text.split()], names))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("The color of the center was organized.", "The colour of the centre was organised."),
        ("Color-coded, he traveled. “COLORS!”", "Colour-coded, he travelled. “COLOURS!”"),
        ("(neighbors’ behavior) they practiced", "(neighbours’ behaviour) they practised"),
        ("Analyze our defense with skeptical gray neighbors.", "Analyse our defence with sceptical grey neighbours."),
        ("Thank you, Councilor. Favorite? Organize! Honors…", "Thank you, Councillor. Favourite? Organise! Honours…"),
    ],
)
def test_american_spelling_becomes_british(said: str, written: str) -> None:
    assert put_right(said) == written


def test_words_of_both_countries_stay() -> None:
    both = "A program to check each meter, practice, license, story, tire, curb, draft, judgment, inquiry and disk."
    assert put_right(both) == both
    british = "Organise the neighbours' colour programme in the centre."
    assert put_right(british) == british


@pytest.mark.parametrize(
    "said",
    [
        "Thank you, Councillor Honoré, Colorádo and Colora\u0301do.",
        "Write to info@organize.org, see www.color.com/gray #color color_scheme.",
        "The Labor Party, Pearl Harbor, the Department of Defense and Center Parcs.",
        "He asked Mr. Color and J. Harbor.",
    ],
)
def test_names_titles_and_addresses_stay(said: str) -> None:
    assert put_right(said) == said


def test_names_and_changed_words_stay() -> None:
    assert put_right("Mr Gray in gray of Harbor House by the harbor.", "Harbor House") == (
        "Mr Gray in grey of Harbor House by the harbour."
    )
    assert put_right("Harbor House is shut. Harbor lights shine.", "Harbor House") == (
        "Harbor House is shut. Harbor lights shine."
    )
    corrected = Word(text="color", timing="none", original="collar", change="correction 0badcafe")
    assert respelled([corrected]) == (corrected,)


def test_what_was_written_is_kept_and_listed() -> None:
    (word,) = respelled([Word(text="Honor,", start_ms=5, end_ms=9, confidence=0.7)])
    assert (word.text, word.original, word.change, word.confidence) == ("Honour,", "Honor,", "spelling", 0.7)
    (told,) = repairs([word])
    assert (told.heard, told.written, told.why, told.score) == ("Honor,", "Honour,", "British spelling", None)


@pytest.mark.parametrize(
    ("language", "timezone", "heard", "is_so"),
    [
        ("", "Europe/London", "en", True),
        ("en", "Europe/London", "en", True),
        ("en_gb", "America/New_York", "en", True),
        ("en-US", "Europe/London", "en", False),
        ("", "America/New_York", "en", False),
        ("", "Europe/London", "", True),
        ("", "Europe/London", "cy", False),
        ("cy", "Europe/London", "en", False),
    ],
)
def test_which_meetings_are_british(language: str, timezone: str, heard: str, is_so: bool) -> None:
    assert is_british(Meeting(id="m", folder="m", language=language, timezone=timezone), heard) is is_so


def test_the_table_is_sound() -> None:
    table = english.british()
    assert len(table) > 2000
    for american, british in table.items():
        assert re.fullmatch("[a-z]+", american + british)
        assert british not in table, "a British word is changed again"
        assert english.is_word(american)
        assert english.is_word(british)


@given(st.lists(st.sampled_from([*english.british(), "a", "1,000", "—", "O'Neil"]), max_size=6))
def test_spelling_again_changes_nothing(texts: list[str]) -> None:
    once = put_right(" ".join(texts))
    assert put_right(once) == once
