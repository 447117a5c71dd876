"""Which vectors are one voice: what must hold whatever the vectors are, and what is right where that is plain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe import voices


def blobs(sizes: list[int], *, spread: float, seed: int, dimension: int = 192) -> tuple[voices.Vectors, voices.Labels]:
    """Vectors around one random direction per voice, shuffled; the larger `spread`, the less alike one voice is."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    means = random.normal(size=(len(sizes), dimension))
    x = means[truth] + spread * random.normal(size=(len(truth), dimension))
    order = random.permutation(len(truth))
    return x[order], truth[order]


def same_groups(a: voices.Labels, b: voices.Labels) -> bool:
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


anything = st.tuples(st.integers(0, 130), st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(0.05, 3))


@settings(max_examples=40)
@given(anything, st.integers(1, 8), st.integers(0, 30))
def test_any_vectors_get_voices_within_bounds(given: tuple[int, int, int, float], at_least: int, more: int) -> None:
    n, n_voices, seed, spread = given
    x = blobs([n // n_voices + 1] * n_voices, spread=spread, seed=seed)[0][:n]
    labels = voices.tell_apart(x, at_least=at_least, at_most=at_least + more)
    assert labels.shape == (n,)
    found = sorted(set(labels.tolist()))
    assert found == list(range(len(found)))
    assert len(found) <= min(n, at_least + more)
    assert len(found) >= min(n, at_least)
    firsts = [labels.tolist().index(k) for k in found]
    assert firsts == sorted(firsts)


@settings(max_examples=25)
@given(anything, st.randoms(use_true_random=False))
def test_order_only_renames(given: tuple[int, int, int, float], shuffler: "np.random.Generator") -> None:
    n, n_voices, seed, spread = given
    x = blobs([n // n_voices + 1] * n_voices, spread=spread, seed=seed)[0][:n]
    order = list(range(n))
    shuffler.shuffle(order)
    assert same_groups(voices.tell_apart(x)[order], voices.tell_apart(x[order]))


@pytest.mark.parametrize("n_each", [30, 100, 500])
def test_a_longer_recording_does_not_hold_more_voices(n_each: int) -> None:
    x, truth = blobs([n_each] * 5, spread=0.65, seed=0)  # cosine .7 within a voice: noise, or a telephone
    assert same_groups(voices.tell_apart(x), truth)


@pytest.mark.parametrize(
    "sizes",
    [[12], [150], [6, 6], [5, 20, 9], [40, 30, 20, 10, 8, 7, 6, 5], [400, 6], [300, 25, 12, 8], [30] * 12],
    ids=lambda sizes: "+".join(map(str, sizes)),
)
@pytest.mark.parametrize("seed", range(3))
def test_plainly_different_voices_are_found_exactly(sizes: list[int], seed: int) -> None:
    x, truth = blobs(sizes, spread=0.5, seed=seed)  # cosine .8 within a voice, 0 between: like clean speech
    assert same_groups(voices.tell_apart(x), truth)


def test_a_few_odd_vectors_are_no_voice() -> None:
    x, truth = blobs([40, 40, 1, 1], spread=0.5, seed=4)
    labels = voices.tell_apart(x)
    assert len(set(labels.tolist())) == 2
    assert same_groups(labels[truth < 2], truth[truth < 2])


def test_a_voice_needs_speech_that_windows_agree_on() -> None:
    """A few windows in which two people were taken for one are no third person; one who speaks for a while is."""
    x, truth = blobs([40, 40, 4], spread=0.5, seed=4)
    heard = [np.arange(30 * i, 30 * (i + 1)) for i in range(len(x))]
    assert same_groups(voices.tell_apart(x, None, heard), truth)
    odd, others = np.flatnonzero(truth == 2), np.flatnonzero(truth != 2)
    for i, a, b in zip(odd, others, others[4:], strict=False):
        heard[i] = heard[a] = heard[b] = np.arange(30 * i, 30 * (i + 1))
    labels = voices.tell_apart(x, None, heard)
    assert len(set(labels.tolist())) == 2
    assert same_groups(labels[others], truth[others])


def test_little_speech_in_many_windows_is_little_speech() -> None:
    x, truth = blobs([40, 40, 4], spread=0.5, seed=4)
    heard = [np.arange(30 * i, 30 * (i + 1)) for i in range(len(x))]
    for i in np.flatnonzero(truth == 2):
        heard[i] = np.arange(20) + 30 * len(x)
    assert len(set(voices.tell_apart(x, None, heard).tolist())) == 2


def test_length_does_not_matter() -> None:
    x, _ = blobs([20, 30, 8], spread=0.5, seed=1)
    lengths = np.random.default_rng(0).uniform(0.1, 50, size=(len(x), 1))
    assert np.array_equal(voices.tell_apart(x), voices.tell_apart(x * lengths))


@pytest.mark.parametrize("n", [30, 60, 200])
@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
def test_one_voice_is_one_however_noisy(n: int, spread: float) -> None:
    x, _ = blobs([n], spread=spread if n >= voices.FEW else min(spread, 0.6), seed=n)
    assert not voices.tell_apart(x).any()


@pytest.mark.parametrize("alike", [0.0, 0.4, 0.6])
@pytest.mark.parametrize("spread", [0.4, 0.8, 1.0])
def test_a_telephone_or_noise_changes_no_number(alike: float, spread: float) -> None:
    """What a room or a telephone adds to all vectors alike, and what noise takes from each."""
    x, truth = blobs([30, 25, 20, 12, 8], spread=spread, seed=3)
    common = np.random.default_rng(9).normal(size=(1, x.shape[1]))
    assert same_groups(voices.tell_apart(np.sqrt(alike) * common + np.sqrt(1 - alike) * x), truth)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_where_all_are_much_alike_speakers_of_one_window_show_it(seed: int) -> None:
    """On a telephone two people can be as alike as one voice is elsewhere."""
    x, truth = blobs([24, 20, 16, 12, 8], spread=0.5, seed=seed)
    common = np.random.default_rng(9 + seed).normal(size=(1, x.shape[1]))
    x = np.sqrt(0.76) * common + np.sqrt(0.24) * x
    windows = voices.FAR * np.arange(len(x))
    assert len(set(voices.tell_apart(x, windows).tolist())) < 5
    second = np.flatnonzero((truth[1:] != truth[:-1]) & (np.arange(len(x) - 1) % 2 == 0)) + 1
    windows[second] = windows[second - 1]
    assert same_groups(voices.tell_apart(x, windows), truth)


@pytest.mark.parametrize("spread", [0.3, 0.6, 0.9])
def test_one_voice_taken_for_two_in_every_window_is_one(spread: float) -> None:
    x, _ = blobs([120], spread=spread, seed=2)
    assert not voices.tell_apart(x, voices.FAR * (np.arange(len(x)) // 2)).any()


def test_vectors_of_the_same_sound_do_not_raise_the_bar() -> None:
    """Windows that overlap give nearly the same vector again; that shows nothing about how alike a voice is."""
    x, truth = blobs([20, 20], spread=0.9, seed=2)
    order = np.argsort(truth, kind="stable")
    x, truth = np.repeat(x[order], 4, axis=0), np.repeat(truth[order], 4)
    x += 0.1 * np.random.default_rng(0).normal(size=x.shape)
    windows = np.arange(len(x))
    assert same_groups(voices.tell_apart(x, windows), truth)
    assert len(set(voices.tell_apart(x).tolist())) > 2  # as it would be, were they taken for new sound


def test_a_long_recording_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "MOST", 120)
    x, truth = blobs([500, 300, 60, 40], spread=0.5, seed=5)
    assert same_groups(voices.tell_apart(x), truth)


def test_a_number_asked_for_is_given() -> None:
    x, truth = blobs([20, 30, 8], spread=0.5, seed=1)
    assert same_groups(voices.tell_apart(x, at_least=3, at_most=3), truth)
    assert len(set(voices.tell_apart(x, at_least=5, at_most=5).tolist())) == 5
    assert not voices.tell_apart(x, at_most=1).any()
