"""Sets of stretches of time: half-open ranges in ms, in order and apart."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

Ranges = list[tuple[int, int]]
FOREVER = 2**62


def joined(ranges: Iterable[Sequence[int]]) -> Ranges:
    """The same time as ordered ranges that neither touch nor overlap; empty ones are dropped.

    >>> joined([(5, 9), (0, 3), (3, 4), (7, 7)])
    [(0, 4), (5, 9)]
    """
    out: Ranges = []
    for start, end in sorted((r[0], r[1]) for r in ranges):
        if start >= end:
            continue
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def without(ranges: Iterable[Sequence[int]], gone: Iterable[Sequence[int]]) -> Ranges:
    """What of `ranges` lies outside `gone`.

    >>> without([(0, 10)], [(2, 3), (8, 20)])
    [(0, 2), (3, 8)]
    """
    holes = joined(gone)
    return within(ranges, zip([0, *(end for _, end in holes)], [*(start for start, _ in holes), FOREVER], strict=True))


def within(ranges: Iterable[Sequence[int]], windows: Iterable[Sequence[int]]) -> Ranges:
    """What of `ranges` lies inside `windows`.

    >>> within([(0, 10), (20, 30)], [(5, 25)])
    [(5, 10), (20, 25)]
    """
    ours, theirs = joined(ranges), joined(windows)
    out: Ranges = []
    i = k = 0
    while i < len(ours) and k < len(theirs):
        start, end = max(ours[i][0], theirs[k][0]), min(ours[i][1], theirs[k][1])
        if start < end:
            out.append((start, end))
        if ours[i][1] <= theirs[k][1]:
            i += 1
        else:
            k += 1
    return out


def length(ranges: Iterable[Sequence[int]]) -> int:
    """Milliseconds in all."""
    return sum(end - start for start, end in joined(ranges))


def shares(start_ms: int, end_ms: int, weights: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A stretch of time cut into one piece for each weight.

    >>> list(shares(0, 100, [1, 3]))
    [(0, 25), (25, 100)]
    """
    edges = [0, *accumulate(weights)]
    for a, b in pairwise(edges):
        yield start_ms + (end_ms - start_ms) * a // edges[-1], start_ms + (end_ms - start_ms) * b // edges[-1]
