"""Sets of time behave as sets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcribe.ranges import Ranges, joined, length, within, without

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


def milliseconds(ranges: list[tuple[int, int]]) -> set[int]:
    return {ms for start, end in ranges for ms in range(start, end)}


def apart(ranges: Ranges) -> bool:
    return all(a < b for a, b in ranges) and all(x[1] < y[0] for x, y in itertools.pairwise(ranges))


@given(a=RANGES, b=RANGES)
def test_they_are_sets(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    assert milliseconds(joined(a)) == milliseconds(a)
    assert milliseconds(without(a, b)) == milliseconds(a) - milliseconds(b)
    assert milliseconds(within(a, b)) == milliseconds(a) & milliseconds(b)
    assert length(a) == len(milliseconds(a))
    assert apart(joined(a))
    assert apart(without(a, b))
