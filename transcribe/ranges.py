"""Sets of stretches of time: half-open ranges in ms, in order and apart."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

Ranges = list[tuple[int, int]]


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
    left = joined(ranges)
    for start, end in joined(gone):
        left = [piece for a, b in left for piece in ((a, min(b, start)), (max(a, end), b)) if piece[0] < piece[1]]
    return left


def within(ranges: Iterable[Sequence[int]], windows: Iterable[Sequence[int]]) -> Ranges:
    """What of `ranges` lies inside `windows`.

    >>> within([(0, 10), (20, 30)], [(5, 25)])
    [(5, 10), (20, 25)]
    """
    windows = joined(windows)
    return [
        (max(a, start), min(b, end)) for a, b in joined(ranges) for start, end in windows if max(a, start) < min(b, end)
    ]


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
