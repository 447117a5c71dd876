"""Words that a person listened to: who, and whether they are still the same words.

What somebody heard is bound to the words, not to the place: it holds for as long as these very words stand there,
give or take what another transcription does to their times, and for nothing else.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

from transcribe.correct import REACH_MS, Correction, in_force
from transcribe.moments import inside, middle, middles
from transcribe.records import Listened, Word, text_of


def said(text: str) -> str:
    """Words without case, punctuation and spacing, so that a mended comma makes no other words of them.

    >>> said("“Well, NO.”")
    'well no'
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def fingerprint(words: Iterable[Word]) -> str:
    """SHA-256 of words as they are said."""
    return hashlib.sha256(said(text_of(words)).encode()).hexdigest()


def still(words: Sequence[Word], corrections: Iterable[Correction]) -> tuple[Listened, ...]:
    """What people listened to and still stands as they heard it, in the order in which they did."""
    made = [c for c in in_force(corrections) if c.kind == "listen"]
    at_ms = middles(words)
    found = (
        (c, _place([words[i] for i in inside(at_ms, c.start_ms - REACH_MS, c.end_ms + REACH_MS)], c)) for c in made
    )
    return tuple(
        Listened(start_ms=place[0], end_ms=place[1], by=c.by, on=c.at[:10]) for c, place in found if place is not None
    )


def _place(near: Sequence[Word], c: Correction) -> tuple[int, int] | None:
    """Where the words that were listened to stand now: in their place, or as `near` it as new times may put them."""
    if fingerprint(w for w in near if c.start_ms <= middle(w) < c.end_ms) == c.words_sha256:
        return c.start_ms, c.end_ms
    firsts = [i for i, w in enumerate(near) if abs((w.start_ms or 0) - c.start_ms) <= REACH_MS]
    ends = [i + 1 for i, w in enumerate(near) if abs((w.end_ms or 0) - c.end_ms) <= REACH_MS]
    for first in firsts:
        for end in ends:
            if first < end and fingerprint(near[first:end]) == c.words_sha256:
                return near[first].start_ms or 0, max(w.end_ms or 0 for w in near[first:end])
    return None


def who(words: Iterable[Word], listened: Sequence[Listened]) -> str:
    """The people who listened to all of these words, between them; empty where nobody did, or not to all of them."""
    timed = [middle(w) for w in words if w.start_ms is not None]
    if not timed:
        return ""
    near = [part for part in listened if part.start_ms <= timed[-1] and timed[0] < part.end_ms]
    if not all(any(part.start_ms <= at_ms < part.end_ms for part in near) for at_ms in timed):
        return ""
    return " and ".join(dict.fromkeys(part.by for part in near))
