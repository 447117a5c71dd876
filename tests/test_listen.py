"""Reasons to listen before quoting: each where it holds, and nowhere else."""

import pytest
from msgspec.structs import replace

from analyse.listen import of_words
from transcribe.correct import UNSETTLED
from transcribe.records import Listened, SpeakerName, Stretch, Transcript, Word

JO = SpeakerName(label="S1", display="Councillor Jo Okafor", person="jo-okafor", status="confirmed")
WORDS = tuple(
    Word(
        text=text, start_ms=10_000 + 400 * i, end_ms=10_300 + 400 * i, speaker="S1", confidence=0.9, speaker_margin=9.0
    )
    for i, text in enumerate("we were told nothing at all before the vans came".split())  # noqa: SIM905
)
END_MS = 10_000 + 400 * 9 + 300
TOLD = Transcript(recording_sha256="a", language="en", engine="whisper:base", words=WORDS, turns=(), names=(JO,))


def reasons(
    words: tuple[Word, ...] = WORDS, name: SpeakerName | None = JO, transcript: Transcript = TOLD
) -> tuple[str, ...]:
    return of_words(words, transcript, name)


def with_first(n: int = 1, **changes: object) -> tuple[Word, ...]:
    return (*(replace(w, **changes) for w in WORDS[:n]), *WORDS[n:])


def test_nothing_speaks_against_sure_words_of_a_confirmed_speaker() -> None:
    assert reasons() == ()
    assert reasons(with_first(change="spelling", original="tolled")) == ()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (with_first(2, confidence=0.3), "words unsure"),
        (with_first(3, speaker_margin=0.5), "voice unsure"),
        (with_first(2, overlap=True), "people talk at once"),
        (with_first(timing="cue"), "the times of corrected words are estimated"),
        (with_first(change="repair 0.87 unsure", original="Okafur"), "a name was put right by software"),
        (with_first(change="correction c0ffee00", original="they"), "words were changed by a person"),
        (with_first(change=f"{UNSETTLED}correction c0ffee00"), "a correction and a new transcript differ"),
    ],
)
def test_what_is_doubtful_about_the_words(words: tuple[Word, ...], reason: str) -> None:
    assert reasons(words) == (reason,)


def test_a_few_doubtful_words_among_many_are_no_reason() -> None:
    assert reasons(with_first(confidence=0.3)) == ()
    assert of_words(with_first(confidence=0.3), TOLD, JO, WORDS[1:3]) == ()
    assert of_words(with_first(confidence=0.3), TOLD, JO, with_first(confidence=0.3)[:1]) == (
        "a telling word is unsure",
    )


def test_captions_have_no_times_of_words() -> None:
    captions = replace(TOLD, engine="captions:vtt")
    assert reasons(with_first(10, timing="cue"), transcript=captions) == ("times from captions only",)


@pytest.mark.parametrize(
    ("probability", "reason"),
    [(0.91, "name inferred, and only barely"), (0.949, "name inferred, and only barely")]
    + [(p, "name inferred, not confirmed") for p in (0.95, 0.99, None)],
)
def test_a_name_near_the_threshold_is_said_to_be_that(probability: float | None, reason: str) -> None:
    assert reasons(name=replace(JO, status="inferred", probability=probability)) == (reason,)


def test_an_unknown_speaker() -> None:
    assert reasons(name=None) == ("speaker unknown",)
    assert reasons(name=SpeakerName(label="S2", display="unknown speaker 2")) == ("speaker unknown",)


@pytest.mark.parametrize(
    ("kind", "start_ms", "end_ms", "reason"),
    [
        ("untranscribed", 11_000, 11_500, "some words may be missing"),
        ("partial", 9_000, 10_001, "some words may be missing"),
        ("untranscribed", 5_000, 9_500, "what was said right next to it is not transcribed"),
        ("partial", END_MS + 999, END_MS + 5_000, "what was said right next to it is not transcribed"),
        ("masked", END_MS, END_MS + 5_000, "what was said right next to it is left out"),
        ("excluded", 5_000, 10_000, "what was said right next to it is left out"),
        ("withheld", 5_000, 9_900, "what was said right next to it is left out"),
        ("untranscribed", 5_000, 9_000, None),
        ("masked", END_MS + 1_000, END_MS + 5_000, None),
    ],
)
def test_a_gap_in_the_words_or_right_beside_them(kind: str, start_ms: int, end_ms: int, reason: str | None) -> None:
    stretch = Stretch(kind=kind, start_ms=start_ms, end_ms=end_ms, reason="noise")  # type: ignore[arg-type]
    assert reasons(transcript=replace(TOLD, stretches=(stretch,))) == ((reason,) if reason else ())


def test_who_listened_settled_the_words_and_not_who_says_them_nor_when() -> None:
    heard = replace(TOLD, listened=(Listened(start_ms=10_000, end_ms=END_MS, by="Mira Sol", on="2024-06-03"),))
    doubtful = with_first(3, confidence=0.3, change="repair 0.87 unsure", overlap=True, timing="cue")
    assert reasons(doubtful, None, heard) == (
        "people talk at once",
        "the times of corrected words are estimated",
        "speaker unknown",
    )
    part = replace(TOLD, listened=(Listened(start_ms=10_000, end_ms=12_000, by="Mira Sol", on="2024-06-03"),))
    assert "words unsure" in reasons(doubtful, None, part)
