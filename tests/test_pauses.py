"""Pauses in sound, and words that end where they begin: no word over silence, none before the one before it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transcribe.pauses import EARLY_MS, WANE_MS, longest_ms, runs_in, runs_of_sound, settled
from transcribe.vad import Clip

RNG = np.random.default_rng(0)


def sound(*parts: tuple[float, float]) -> NDArray[np.float32]:
    """Noise of so many seconds and such a level, one after the other."""
    return np.concatenate([RNG.normal(0, level, round(s * 16_000)) for s, level in parts]).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.005])
def test_sound_begins_and_ends_within_a_hundredth_of_a_second(noise: float) -> None:
    runs = runs_of_sound(sound((0.5, noise), (1.0, 0.1), (0.3, noise), (0.7, 0.05), (0.5, noise)))
    assert len(runs) == 2
    for found, true in zip([ms for run in runs for ms in run], [500, 1_500, 1_800, 2_500], strict=True):
        assert abs(found - true) <= 20


def test_a_stop_inside_a_word_is_no_pause_and_a_click_no_sound() -> None:
    assert len(runs_of_sound(sound((0.5, 0), (0.3, 0.1), (0.08, 0), (0.3, 0.1), (0.5, 0)))) == 1
    assert len(runs_of_sound(sound((0.5, 0), (1.0, 0.1), (0.5, 0), (0.01, 0.1), (0.5, 0)))) == 1


def test_where_noise_hides_the_pauses_there_are_none() -> None:
    assert runs_of_sound(sound((0.5, 0.08), (1.0, 0.1), (0.5, 0.08))) == [(0, 2_000)]
    assert runs_of_sound(np.zeros(16_000, np.float32)) == [(0, 1_000)]
    assert runs_of_sound(np.zeros(0, np.float32)) == [(0, 0)]


def test_a_pause_belongs_to_no_word() -> None:
    runs = [(300, 1_500), (2_500, 3_000)]
    words = [("Good", 0, 560), ("evening.", 600, 2_480), ("Thank", 2_480, 2_700), ("you.", 2_720, 2_850)]
    assert settled(words, runs) == [(300, 560), (600, 1_500), (2_500, 2_700), (2_720, 3_000)]
    late = [("Good", 300, 560), ("evening.", 600, 1_400), ("Thank", 1_450, 2_700)]  # given to the word after it
    assert settled(late, runs) == [(300, 560), (600, 1_500), (2_500, 3_000)]
    assert settled([("street", 900, 2_520)], runs) == [(900, 1_500)]  # a moment of what comes next


def test_a_word_that_seems_long_began_later() -> None:
    """Never earlier, and only where it follows the word before it."""
    sound = [(0, 3_000)]
    assert settled([("feedback", 0, 300), ("from", 300, 760), ("us", 760, 900)], sound)[1] == (485, 760)
    assert settled([("to", 0, 400), ("us", 400, 500)], sound)[1][0] == 400
    assert settled([("feedback,", 0, 250), ("from", 300, 760), ("us", 760, 900)], sound)[1] == (300, 760)


def test_words_begin_and_end_about_where_somebody_is_heard_to_speak() -> None:
    """Noise before and after is no part of them, and a soft ending is."""

    def runs(*parts: tuple[float, float]) -> list[tuple[int, int]]:
        return runs_in(Clip(start_ms=7_000, end_ms=10_000, speech=((7_800, 9_200),)), sound((1.0, 0), *parts))

    assert runs((1.0, 0.1), (1.0, 0)) == [(7_990, 9_000)]
    noisy = Clip(start_ms=7_000, end_ms=10_000, speech=((7_800, 9_200),))
    assert runs_in(noisy, sound((0.5, 0), (2.0, 0.1), (0.5, 0))) == [(8_000 - EARLY_MS, 9_000)]
    assert runs((0.8, 0.1), (0.2, 0.001), (1.0, 0)) == [(7_990, 9_000 - WANE_MS)]
    assert runs((0.5, 0.1), (0.5, 0.001), (1.0, 0)) == [(7_990, 8_510)]


def test_silence_around_speech_is_not_there_where_it_was_cut() -> None:
    clip = Clip(start_ms=1_000, end_ms=9_400, speech=((1_000, 2_000), (2_000, 4_000), (5_000, 9_000)))
    assert clip.voiced == [(1_000, 2_000), (2_000, 3_800), (5_200, 8_800)]


TIMES = st.integers(0, 9_000)


@settings(max_examples=300)
@given(
    words=st.lists(st.tuples(st.sampled_from(["a", "Aye.", "recognition", "—"]), TIMES, st.integers(0, 4_000))),
    gaps=st.lists(st.tuples(st.integers(1, 2_000), st.integers(1, 3_000)), min_size=1, max_size=6),
)
def test_words_stay_in_order_and_in_one_run_each(
    words: list[tuple[str, int, int]], gaps: list[tuple[int, int]]
) -> None:
    edges = list(itertools.accumulate(ms for gap in gaps for ms in gap))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    words = sorted(words, key=lambda w: w[1])
    placed = settled([(text, start, start + length) for text, start, length in words], runs)
    assert len(placed) == len(words)
    for (text, *_), (start, end) in zip(words, placed, strict=True):
        assert any(a <= start <= end <= b for a, b in runs)
        assert end - start <= longest_ms(text)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(placed))
