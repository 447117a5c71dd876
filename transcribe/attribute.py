"""Words x turns: which voice said which word.

A word is not simply given to the turn that overlaps it most: word times and turn edges are both a little
wrong, and most wrong where voices meet. Each word is scored against every voice, and the best *sequence* of
voices is sought (Viterbi), in which a change of voice is cheap at a pause or the end of a sentence and dear
inside a clause. A single word is not cut out of another's speech, unless a pause sets it apart: who answers "Aye."
waits for the question, while a splinter of a turn falls anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from transcribe.records import Turn, Word

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PAD_MS = 60  # about the error of a recogniser's word times
REACH_MS = 1500  # a word further than this from every turn has no voice
FADE_MS = 400.0  # outside its turns, a voice's score falls by one per this many milliseconds
OUTSIDE = 0.05  # what a voice scores right at the edge of its turn, against 1 inside it
SECOND_VOICE = 0.3  # where voices overlap, what those score that do not lead
NEWCOMER_MS = 500  # a voice that comes in on another leads for this long: the words that begin then are its own
ISLAND_PAUSE_MS = 300  # a single word with a voice of its own has a pause of this length before or after it
ISLAND_ROUNDS = 5
MARGIN_CAP = 20.0  # "no other voice is within reach"; infinity has no place in JSON

SWITCH_IN_CLAUSE, SWITCH_AT_COMMA, SWITCH_AT_SENTENCE, SWITCH_LEAST = 12.0, 4.5, 0.7, 0.2
PAUSE_MS = 350.0  # a pause this long makes a change of voice e times cheaper

_IMPOSSIBLE = -1e6


def attribute(words: Sequence[Word], turns: Sequence[Turn], *, reach_ms: int = REACH_MS) -> tuple[Word, ...]:
    """The same words, in the same order, with `speaker`, `speaker_margin` and `overlap` filled in.

    Exclusive turns give the labels; turns that may overlap say who came in where voices meet, set `overlap`, and give
    the labels alone where there are no exclusive ones. A word that carries a speaker already (a voice that captions
    name) keeps it and steadies its neighbours. Words without times, and words further than `reach_ms` from
    every turn, stay without a speaker.

    `speaker_margin` is the log-score of the best assignment of the whole meeting less that of the best one that
    gives this word another voice: 0 is a tie, and it is capped at 20, which also stands for "no other voice in reach".
    """
    timed = [i for i, w in enumerate(words) if w.start_ms is not None]
    if not timed or not turns:
        return tuple(words)
    starts = np.array([words[i].start_ms for i in timed], dtype=np.int64)
    ends = np.array([words[i].end_ms for i in timed], dtype=np.int64)
    out = list(words)
    if any(words[i].speaker is None for i in timed):
        found = _voices([words[i] for i in timed], starts, ends, turns, reach_ms)
        for i, (voice, margin) in zip(timed, found, strict=True):
            if voice is not None:
                out[i] = msgspec.structs.replace(out[i], speaker=voice, speaker_margin=margin)
    for row in np.flatnonzero(_overlapped(starts, ends, [t for t in turns if not t.exclusive])).tolist():
        out[timed[row]] = msgspec.structs.replace(out[timed[row]], overlap=True)
    return tuple(out)


def _voices(
    words: Sequence[Word], starts: Times, ends: Times, turns: Sequence[Turn], reach_ms: int
) -> Iterator[tuple[str | None, float]]:
    """The voice of each word, all of which have times, with its margin; none where a word has one already, or where
    none is within reach."""
    kept = {w.speaker for w in words if w.speaker is not None}
    labels = sorted({t.speaker for t in turns} | kept)
    at = {label: k for k, label in enumerate(labels)}
    scores = _scores(starts, ends, turns, labels, reach_ms)
    free = np.array([w.speaker is None for w in words])
    for row in np.flatnonzero(~free).tolist():
        scores[row] = _IMPOSSIBLE
        scores[row, at[words[row].speaker or ""]] = 0.0
    costs = _switch_costs(words, starts, ends)
    path, margins, reachable = _path_without_islands(scores, costs, starts, ends, free)
    for k, margin, given in zip(path.tolist(), margins.tolist(), (free & reachable).tolist(), strict=True):
        yield (labels[k] if given else None), round(margin, 2)


def _scores(starts: Times, ends: Times, turns: Sequence[Turn], labels: Sequence[str], reach_ms: int) -> Floats:
    """Log-scores (words x labels); _IMPOSSIBLE where a voice is out of reach of a word."""
    every, leading = _by_speaker(turns), _by_speaker(_leading(turns))
    padded_starts, padded_ends = starts - PAD_MS, ends + PAD_MS
    length = (padded_ends - padded_starts).astype(np.float64)
    scores = np.full((len(starts), len(labels)), _IMPOSSIBLE)
    for k, label in enumerate(labels):
        if label not in every:
            continue
        share = SECOND_VOICE * _covered(every[label], padded_starts, padded_ends)
        if label in leading:
            share += (1 - SECOND_VOICE) * _covered(leading[label], padded_starts, padded_ends)
        gap = _gap(every[label], starts, ends)
        score = np.log(share / length + OUTSIDE * np.exp(-np.minimum(gap, reach_ms) / FADE_MS))
        scores[:, k] = np.where(gap <= reach_ms, score, _IMPOSSIBLE)
    return scores


def _leading(turns: Sequence[Turn]) -> Iterator[Turn]:
    """For each moment with speech one voice: who has just come in, else who has the exclusive turn, else who has
    spoken longest."""
    crossing = sorted((t for t in turns if not t.exclusive), key=lambda t: (t.start_ms, t.end_ms, t.speaker))
    entries = [msgspec.structs.replace(t, end_ms=min(t.end_ms, t.start_ms + NEWCOMER_MS)) for t in crossing]
    layers = [*reversed(crossing), *(t for t in turns if t.exclusive), *entries]  # each covers those before it
    edges = np.unique(np.array([(t.start_ms, t.end_ms) for t in layers], dtype=np.int64))
    leader: npt.NDArray[np.object_] = np.full(len(edges), None)
    for turn in layers:
        first, end = np.searchsorted(edges, (turn.start_ms, turn.end_ms))
        leader[first:end] = turn.speaker
    for k in np.flatnonzero(leader):
        yield Turn(speaker=leader[k], start_ms=int(edges[k]), end_ms=int(edges[k + 1]))


def _by_speaker(turns: Iterable[Turn]) -> Mapping[str, Times]:
    """Each voice's turns as joined, ordered ranges (n x 2)."""
    ranges: dict[str, list[list[int]]] = {}
    for turn in sorted(turns, key=lambda t: t.start_ms):
        mine = ranges.setdefault(turn.speaker, [])
        if mine and turn.start_ms <= mine[-1][1]:
            mine[-1][1] = max(mine[-1][1], turn.end_ms)
        else:
            mine.append([turn.start_ms, turn.end_ms])
    return {speaker: np.array(mine, dtype=np.int64) for speaker, mine in ranges.items()}


def _covered(ranges: Times, starts: Times, ends: Times) -> Floats:
    """How many milliseconds of each [start, end) lie in `ranges`, which are ordered and apart."""
    before = np.concatenate([[0], np.cumsum(ranges[:, 1] - ranges[:, 0])])

    def until(t: Times) -> Any:
        k = np.searchsorted(ranges[:, 0], t, side="right") - 1
        inside = np.clip(t - ranges[k, 0], 0, ranges[k, 1] - ranges[k, 0])
        return np.where(k >= 0, before[np.maximum(k, 0)] + inside, 0)

    return np.asarray(until(ends) - until(starts), dtype=np.float64)


def _gap(ranges: Times, starts: Times, ends: Times) -> Floats:
    """Milliseconds from each [start, end) to the nearest edge of a range; 0 where they touch."""
    k = np.searchsorted(ranges[:, 0], ends, side="right")  # the first range that begins after the word
    far = np.int64(2**40)
    following = np.where(k < len(ranges), ranges[np.minimum(k, len(ranges) - 1), 0] - ends, far)
    preceding = np.where(k > 0, starts - ranges[np.maximum(k - 1, 0), 1], far)
    return np.asarray(np.maximum(np.minimum(following, preceding), 0), dtype=np.float64)


def _switch_costs(words: Sequence[Word], starts: Times, ends: Times) -> Floats:
    """What a change of voice costs before each word (the first costs nothing)."""
    costs = np.zeros(len(words))
    for i in range(1, len(words)):
        last = words[i - 1].text.rstrip("\"'”’)]")[-1:]
        if last in ".?!…":
            costs[i] = SWITCH_AT_SENTENCE
        else:
            costs[i] = SWITCH_AT_COMMA if last in ",;:—–-" else SWITCH_IN_CLAUSE
    pauses = np.maximum(starts[1:] - ends[:-1], 0)
    costs[1:] = np.maximum(costs[1:] * np.exp(-pauses / PAUSE_MS), SWITCH_LEAST)
    return costs


def _path_without_islands(
    scores: Floats, costs: Floats, starts: Times, ends: Times, free: Flags
) -> tuple[npt.NDArray[np.intp], Floats, Flags]:
    """The best path on which no single word stands alone inside another's unbroken speech; margins; who has a voice.

    A word that would is denied that voice, and the path is sought again; only words that are `free` are. What still
    stands alone after a few rounds has no voice, as have words out of every voice's reach: the path passes through
    them without a say.
    """
    joined = starts[1:] - ends[:-1] < ISLAND_PAUSE_MS
    candidates = free[1:-1] & joined[:-1] & joined[1:]
    scores = scores.copy()
    for _ in range(ISLAND_ROUNDS):
        reachable = scores.max(axis=1) > _IMPOSSIBLE
        path, margins = _best_path(np.where(reachable[:, None], scores, 0.0), costs)
        alone = (path[:-2] == path[2:]) & (path[1:-1] != path[:-2]) & candidates
        islands = 1 + np.flatnonzero(alone & reachable[:-2] & reachable[1:-1] & reachable[2:])
        if not len(islands):
            break
        scores[islands, path[islands]] = _IMPOSSIBLE
    reachable[islands] = False
    return path, margins, reachable


def _best_path(scores: Floats, costs: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """The best voice per word, and by how much the best path beats the best path with another voice there.

    A change costs the same between any two voices, so each step looks only at "stay" and "come from the best".
    Forward and backward maxima together give, for each word and voice, the best path that passes there.
    """
    n, n_labels = scores.shape
    forward, onward = np.empty_like(scores), np.empty_like(scores)
    forward[0] = scores[0]
    most = np.maximum.reduce  # of a dozen numbers: quicker than their method
    for i in range(1, n):
        previous = forward[i - 1]
        np.maximum(previous, most(previous) - costs[i], out=forward[i])
        forward[i] += scores[i]
    onward[n - 1] = 0.0
    for i in range(n - 2, -1, -1):
        following = onward[i + 1] + scores[i + 1]
        np.maximum(following, most(following) - costs[i + 1], out=onward[i])

    path = forward.argmax(axis=1)
    needed = forward.max(axis=1)[:-1] - costs[1:]  # for staying with the voice that comes next
    for i in range(n - 1, 0, -1):
        if forward[i - 1, path[i]] >= needed[i - 1]:
            path[i - 1] = path[i]

    through = forward + onward
    chosen = through[np.arange(n), path].copy()
    if n_labels == 1:
        return path, np.full(n, MARGIN_CAP)
    through[np.arange(n), path] = -np.inf
    return path, np.clip(chosen - through.max(axis=1), 0.0, MARGIN_CAP)


def _overlapped(starts: Times, ends: Times, turns: Sequence[Turn]) -> Flags:
    """Whether two voices or more speak during at least a quarter of each word."""
    edges: list[tuple[int, int]] = []
    for ranges in _by_speaker(turns).values():
        edges += [(int(a), 1) for a, _ in ranges] + [(int(b), -1) for _, b in ranges]
    n_voices, begun, both = 0, 0, []
    for at_ms, step in sorted(edges):
        if n_voices == 2 and step == -1 and at_ms > begun:
            both.append((begun, at_ms))
        n_voices += step
        if n_voices == 2 and step == 1:
            begun = at_ms
    if not both:
        return np.zeros(len(starts), dtype=np.bool_)
    ends = np.maximum(ends, starts + 1)
    together = _covered(np.array(both, dtype=np.int64), starts, ends)
    return np.asarray((together > 0) & (4 * together >= ends - starts))
