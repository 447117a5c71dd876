"""Corrections without the words that were hidden after they were made.

A line stays, with who made it and when; its words go. Of a place that is partly hidden, what a person wrote before and
after all that is hidden stays, as corrections of what is left of the place: the same that was done to its words.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec.structs import replace

from transcribe.correct import Correction, changed, in_force, reworded
from transcribe.moments import Times, middle, middles
from transcribe.ranges import Ranges
from transcribe.records import Word

N_NEAR = 12  # among so many words on either side are the few that a correction keeps from around its place


def purged(
    corrections: Sequence[Correction], erased: Ranges, words: Sequence[Sequence[Word]], *, at: str
) -> list[tuple[Correction, ...]]:
    """For each correction what is left of it, so that none holds a word of the `erased` time. `words` are the
    meeting's words outside it as they may have stood before anybody corrected them, such as heard, and repaired. `at`
    is now, in UTC."""
    timed = [w for w in (words[0] if words else ()) if w.start_ms is not None]
    at_ms = middles(timed)
    return [tuple(_purged(c, corrections, erased, words, timed, at_ms, at)) for c in corrections]


def _purged(
    c: Correction,
    corrections: Sequence[Correction],
    erased: Ranges,
    words: Sequence[Sequence[Word]],
    timed: Sequence[Word],
    at_ms: Times,
    at: str,
) -> Iterator[Correction]:
    if c.kind != "words":
        yield c
        return
    hides = [r for r in erased if c.touches(*r)]
    pieces = [c] if not hides else _left(c, in_force(corrections), hides, erased, words, at)
    for piece in pieces or [replace(c, old="", new="", heard=(), before="", after="", purged=at)]:
        earlier, later = np.flatnonzero(at_ms < piece.start_ms), np.flatnonzero(at_ms >= piece.end_ms)
        from_ms = timed[earlier[-N_NEAR]].start_ms or 0 if len(earlier) >= N_NEAR else 0
        to_ms = timed[later[N_NEAR - 1]].end_ms or 0 if len(later) >= N_NEAR else None
        before = any(a < piece.start_ms and b > from_ms for a, b in erased)
        after = any(b > piece.end_ms and (to_ms is None or a < to_ms) for a, b in erased)
        if (before and piece.before) or (after and piece.after):
            piece = replace(piece, before="" if before else piece.before, after="" if after else piece.after, purged=at)
        yield piece


def _left(
    c: Correction,
    made: Sequence[Correction],
    hides: Ranges,
    erased: Ranges,
    words: Sequence[Sequence[Word]],
    at: str,
) -> list[Correction]:
    """What a correction did before and after all that is hidden of its place, where its words are still those that the
    person saw."""
    if c not in made:
        return []
    old, new = c.old.split(), c.new.split()
    for heard in words:
        laid = reworded(heard, made[: made.index(c)], erased)
        there = [w for w in laid if c.start_ms <= middle(w) < c.end_ms]
        head = [w for w in there if (w.end_ms or 0) <= hides[0][0]]
        tail = [w for w in there if (w.start_ms or 0) >= hides[-1][1]]
        n_head = len(head) if [w.text for w in head] == old[: len(head)] else 0
        n_tail = len(tail) if [w.text for w in tail] == old[len(old) - len(tail) :] else 0
        pieces = []
        i, j = _whole_before(n_head, old, new)
        if n_head and old[:i] != new[:j]:
            end_ms = (head[i].start_ms or 0) if i < n_head else hides[0][0]
            pieces.append(_piece(c, c.start_ms, end_ms, slice(0, i), slice(0, j), at))
        i, j = _whole_after(len(old) - n_tail, old, new)
        if n_tail and old[i:] != new[j:]:
            first = i - (len(old) - n_tail)
            start_ms = (tail[first].start_ms or 0) if 0 < first < n_tail else hides[-1][1]
            pieces.append(_piece(c, start_ms, c.end_ms, slice(i, None), slice(j, None), at))
        if pieces := [p for p in pieces if p is not None]:
            return pieces
    return []


def _piece(c: Correction, start_ms: int, end_ms: int, old: slice, new: slice, at: str) -> Correction | None:
    if start_ms >= end_ms:
        return None
    return replace(
        c,
        start_ms=start_ms,
        end_ms=end_ms,
        old=" ".join(c.old.split()[old]),
        new=" ".join(c.new.split()[new]),
        heard=c.heard[old],
        before=c.before if old.start == 0 else "",
        after=c.after if old.stop is None else "",
        purged=at,
    )


def _whole_before(n: int, old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Where the first `n` words of `old` end, there and in `new`; before what changed across that place."""
    shift = 0
    for i1, i2, _, j2 in changed(old, new):
        if i2 > n:
            return (i1 if i1 < n else n), (i1 if i1 < n else n) + shift
        shift = j2 - i2
    return n, n + shift


def _whole_after(n: int, old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Where what follows the first `n` words of `old` begins, there and in `new`; after what changed across that
    place. What was put in right there is not of it: it took its time from the word before."""
    i, j = n, n + len(new) - len(old)
    for i1, i2, j1, j2 in reversed(list(changed(old, new))):
        if i1 - (i1 == i2) >= n:
            j = n + j1 - i1
        elif i2 > n or i1 == i2 == n:
            return i2, j2
        else:
            break
    return i, j
