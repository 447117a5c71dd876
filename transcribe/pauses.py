"""Where sound pauses, to ten milliseconds, and words that begin and end where it does.

Whisper says badly where a word begins or ends at a pause: the pause is given to the word on either side, and the first
word of a clip begins with the clip. The loudness knows better there, except for breath and noise around speech and for
soft endings, of which the detector of speech knows more. In the flow of speech Whisper turns to a word too early the
longer it seems to take.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transcribe.audio import RATE_HZ
from transcribe.ranges import Ranges, within
from transcribe.vad import Clip

HOP_MS = 10
WINDOW_MS = 20
PAUSE_MS = 120  # a stop inside a word ("October") is shorter
BURST_MS = 40  # louder for less than this is a click
DEEPEST_DB = 28.0  # below the loudest: little of a word is softer than this
FLOOR_DB = 8.0  # above the noise: still noise
LEAST_DB = 14.0  # between noise and speech, or loudness tells nothing
REACH_MS = 150  # a word that begins so little after a pause begins with the sound
USUAL_MS, USUAL_LETTER_MS = 60, 50  # what a word takes, and what each of its letters adds
FIGURE_LETTERS = 4
SLOWEST, LONGEST_MS = 3, 1_500  # times what it usually takes, and in all; longer, and it was drawn out over other sound
LONG = 2  # times what it usually takes is never too long, as of a figure
PART = 0.25  # of what it usually takes is part enough of a word that began too early, in the pause or before it
EARLY_MS = 100  # a word begins so much before the detector hears it, if there is sound
WANE_MS = 60  # and may end so much before the detector ceases to hear it
SOFT_MS = 250  # such an ending is no longer than this

Span = tuple[int, int]


def runs_of_sound(samples: NDArray[np.float32]) -> Ranges:
    """Stretches of up to 30 s of sound between its pauses, in ms; one stretch where noise hides the pauses.

    What counts as a pause is measured against the loudest and the quietest of these samples themselves.
    """
    hop, window = RATE_HZ * HOP_MS // 1000, RATE_HZ * WINDOW_MS // 1000
    whole = [(0, len(samples) * 1000 // RATE_HZ)]
    if len(samples) < 2 * window:
        return whole
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centres = np.arange(hop // 2, len(samples), hop)
    first, last = np.maximum(centres - window // 2, 0), np.minimum(centres + window // 2, len(samples))
    level_db = 10 * np.log10((energy[last] - energy[first]) / (last - first) + 1e-9)
    quiet_db, loud_db = np.percentile(level_db, [5, 95])
    if loud_db - quiet_db < LEAST_DB:
        return whole
    loud = level_db > max(quiet_db + FLOOR_DB, loud_db - DEEPEST_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    runs: Ranges = []
    for a, b in zip((edges[::2] * HOP_MS).tolist(), (edges[1::2] * HOP_MS).tolist(), strict=True):
        if b - a < BURST_MS:
            continue
        if runs and a - runs[-1][1] < PAUSE_MS:
            runs[-1] = (runs[-1][0], min(b, whole[0][1]))
        else:
            runs.append((a, min(b, whole[0][1])))
    return runs or whole


def runs_in(clip: Clip, samples: NDArray[np.float32]) -> Ranges:
    """Where in a clip, of which these are the samples, there is sound that may be words: in ms of the recording."""
    sound = [(clip.start_ms + start_ms, clip.start_ms + end_ms) for start_ms, end_ms in runs_of_sound(samples)]
    found: Ranges = []
    for (start_ms, _), (first_ms, last_ms) in zip(clip.speech, clip.voiced, strict=True):
        runs = within(sound, [(max(start_ms, first_ms - EARLY_MS), last_ms)])
        if runs and last_ms - WANE_MS - SOFT_MS <= runs[-1][1] < last_ms - WANE_MS:
            runs[-1] = (runs[-1][0], last_ms - WANE_MS)
        found += runs
    return found or list(clip.speech)


def usual_ms(text: str) -> int:
    """About how long a word takes; a figure takes as long as its name."""
    return USUAL_MS + USUAL_LETTER_MS * sum(FIGURE_LETTERS if c.isdigit() else c.isalpha() for c in text)


def longest_ms(text: str) -> int:
    """What a word takes at most."""
    return min(SLOWEST * usual_ms(text), max(LONGEST_MS, LONG * usual_ms(text)))


def settled(words: Sequence[tuple[str, int, int]], runs: Sequence[Span]) -> list[Span]:
    """The times of words (text, start_ms, end_ms), each in one run of sound and none before the one before it.

    A word that was drawn out over a pause keeps the last part that may be enough of it; one that lies in a pause
    altogether goes to the nearest sound. The first word of a run begins with it, and the last one ends with it, if it
    can be that long or only a little is missing. Where one word follows the other, the second begins no earlier than if
    both shared their time as words of their lengths usually do.
    """
    if not runs:
        return [(start_ms, end_ms) for _, start_ms, end_ms in words]
    homes: list[Span] = []
    for text, start_ms, end_ms in words:
        home = _home(usual_ms(text), start_ms, end_ms, runs)
        homes.append(max(home, homes[-1]) if homes else home)
    placed: list[Span] = []
    for i, ((text, start_ms, end_ms), home) in enumerate(zip(words, homes, strict=True)):
        first, last = i == 0 or homes[i - 1] != home, i + 1 == len(homes) or homes[i + 1] != home
        a, b = (min(max(at_ms, home[0]), home[1]) for at_ms in (start_ms, end_ms))
        most_ms = longest_ms(text)
        if first and (a - home[0] <= REACH_MS or b - home[0] <= most_ms):
            a = home[0]
        if last and home[1] - a <= most_ms:
            b = home[1]
        if placed:
            a = max(a, placed[-1][0])
        b = min(max(a, b), a + most_ms)
        if not first and placed[-1][1] == a:
            before, before_ms = words[i - 1][0], placed[-1][0]
            fair_ms = before_ms + (b - before_ms) * usual_ms(before) // (usual_ms(before) + usual_ms(text))
            a = max(a, min(fair_ms, before_ms + longest_ms(before)))
            placed[-1] = before_ms, a
        placed.append((a, b))
    return placed


def _home(usual: int, start_ms: int, end_ms: int, runs: Sequence[Span]) -> Span:
    """The run of sound that a word is said in."""
    parts = [(min(end_ms, b) - max(start_ms, a), (a, b)) for a, b in reversed(runs)]
    best_ms, best = max(parts, key=lambda part: part[0])  # the nearest, where none is in any
    return next((run for part_ms, run in parts if part_ms >= min(PART * usual, best_ms)), best)
