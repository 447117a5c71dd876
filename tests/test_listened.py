"""Who listened to words: it holds for these words, wherever another transcription puts them, and for no others."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe import listened
from transcribe.correct import Correction
from transcribe.records import Listened, Word

SAID = ["we", "were", "told", "of", "it", "in", "may", "and", "not", "before"]


def spoken(texts: list[str], *, at_ms: int = 10_000) -> tuple[Word, ...]:
    return tuple(
        Word(text=text, start_ms=at_ms + 400 * i, end_ms=at_ms + 400 * i + 350) for i, text in enumerate(texts)
    )


def heard(words: tuple[Word, ...], first: int, end: int, by: str = "Mira") -> Correction:
    start_ms, end_ms = words[first].start_ms or 0, words[end - 1].end_ms or 0
    sha256 = listened.fingerprint(words[first:end])
    return Correction(
        id=by.casefold(), at="2024-05-15T09:00:00Z", by=by, kind="listen", start_ms=start_ms, end_ms=end_ms,
        recording_sha256="ab", words_sha256=sha256,
    )  # fmt: skip


@given(shift_ms=st.integers(-1_900, 1_900), first=st.integers(0, 8), n=st.integers(2, 9))
def test_the_same_words_at_other_times_were_listened_to(shift_ms: int, first: int, n: int) -> None:
    words, end = spoken(SAID), min(first + n, len(SAID))
    moved = spoken(SAID, at_ms=10_000 + shift_ms)
    (still,) = listened.still(moved, [heard(words, first, end)])
    assert listened.who(moved[first:end], [still]) == "Mira"


@given(at=st.integers(0, 9), new=st.sampled_from(["never", "June", "", "x y"]))
def test_other_words_were_not(at: int, new: str) -> None:
    words = spoken(SAID)
    changed = spoken([*SAID[:at], *new.split(), *SAID[at + 1 :]])
    assert listened.still(changed, [heard(words, 0, len(words))]) == ()


def test_commas_and_capitals_are_no_other_words() -> None:
    words, mended = spoken(SAID), spoken(["We", "were", "told,", *SAID[3:-1], "before."])
    assert listened.still(mended, [heard(words, 0, len(words))])


def test_all_of_the_words_must_have_been_listened_to() -> None:
    words = spoken(SAID)
    first, rest = heard(words, 0, 5), heard(words, 5, 10, by="Jo")
    assert listened.who(words, listened.still(words, [first])) == ""
    assert listened.who(words[1:4], listened.still(words, [first])) == "Mira"
    assert listened.who(words, listened.still(words, [first, rest])) == "Mira and Jo"


def test_nobody_listened_to_no_words() -> None:
    everything = Listened(start_ms=0, end_ms=10_000, by="Mira", on="2024-05-15")
    assert listened.who([], [everything]) == ""
    assert listened.who([Word(text="a", timing="none")], [everything]) == ""
