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


@settings(max_examples=40, deadline=None)
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


@settings(max_examples=25, deadline=None)
@given(anything, st.randoms(use_true_random=False))
def test_order_only_renames(given: tuple[int, int, int, float], shuffler: "np.random.Generator") -> None:
    n, n_voices, seed, spread = given
    x = blobs([n // n_voices + 1] * n_voices, spread=spread, seed=seed)[0][:n]
    order = list(range(n))
    shuffler.shuffle(order)
    assert same_groups(voices.tell_apart(x)[order], voices.tell_apart(x[order]))


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


def test_length_does_not_matter() -> None:
    x, _ = blobs([20, 30, 8], spread=0.5, seed=1)
    lengths = np.random.default_rng(0).uniform(0.1, 50, size=(len(x), 1))
    assert np.array_equal(voices.tell_apart(x), voices.tell_apart(x * lengths))


def test_a_number_asked_for_is_given() -> None:
    x, truth = blobs([20, 30, 8], spread=0.5, seed=1)
    assert same_groups(voices.tell_apart(x, at_least=3, at_most=3), truth)
    assert len(set(voices.tell_apart(x, at_least=5, at_most=5).tolist())) == 5
    assert not voices.tell_apart(x, at_most=1).any()
