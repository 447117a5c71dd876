"""Every second of a recording is accounted for, once."""

from hypothesis import given
from hypothesis import strategies as st

from transcribe.coverage import WORDLESS, measure
from transcribe.records import Stretch, Word

LONG_MS = 60
RANGES = st.tuples(st.integers(0, LONG_MS), st.integers(0, LONG_MS)).map(lambda r: (min(r), max(r)))
KINDS = st.sampled_from(("untranscribed", "excluded", "masked", "partial"))


def word(start_ms: int, end_ms: int, speaker: str | None) -> Word:
    return Word(text="aye", start_ms=start_ms, end_ms=end_ms, speaker=speaker)


WORDS = st.lists(st.builds(lambda r, s: word(r[0], r[1], s), RANGES, st.sampled_from(("S1", None))), max_size=6)
STRETCHES = st.lists(
    st.builds(lambda r, kind: Stretch(kind=kind, start_ms=r[0], end_ms=r[1], reason=kind), RANGES, KINDS), max_size=5
)


@given(words=WORDS, stretches=STRETCHES, speech=st.none() | st.lists(RANGES, max_size=5))
def test_the_parts_are_the_whole(
    words: list[Word], stretches: list[Stretch], speech: list[tuple[int, int]] | None
) -> None:
    c = measure(words, stretches, speech=speech, duration_ms=LONG_MS)  # which checks its own sum

    def milliseconds(*kinds: str) -> set[int]:
        return {ms for s in stretches if s.kind in kinds for ms in range(s.start_ms, s.end_ms)}

    hidden, lost = milliseconds("excluded", "masked"), milliseconds("untranscribed", "partial")
    assert c.excluded_ms == len(hidden)
    assert sum(ms for reason, ms in c.untranscribed.items() if reason != WORDLESS) == len(lost - hidden)
    said = {
        ms for w in words for ms in range(w.start_ms or 0, max(w.end_ms or 0, (w.start_ms or 0) + 1)) if ms < LONG_MS
    }
    heard = {ms for start, end in speech or () for ms in range(start, end)}
    assert c.transcribed_ms >= len(said - hidden - lost)
    assert c.no_speech_ms == len(set(range(LONG_MS)) - hidden - lost - said - heard)


def test_speech_without_a_word_is_never_taken_for_silence_or_for_text() -> None:
    speech = [(0, 10_000), (20_000, 20_400), (30_000, 40_000)]
    words = [word(100, 400, "S1"), word(9_000, 9_300, None), word(31_000, 31_500, "S1"), word(35_000, 35_500, "S1")]
    lost = Stretch(kind="untranscribed", start_ms=36_000, end_ms=40_000, reason="too unsure of the words")
    c = measure(words, [lost], speech=speech, duration_ms=60_000)
    assert c.untranscribed == {"too unsure of the words": 4_000, WORDLESS: 400}
    assert (c.transcribed_ms, c.no_speech_ms, c.unattributed_ms) == (16_000, 39_600, 300)


def test_captions_alone_say_nothing_of_speech_without_words() -> None:
    c = measure([word(1_000, 2_000, "Priya")], [], speech=None, duration_ms=5_000)
    assert (c.transcribed_ms, c.no_speech_ms, c.listened) == (1_000, 4_000, False)
