"""Which vectors are one voice: how the speech embeddings of one recording are grouped.

Vectors live inside one recording's diarisation: they are never kept and never compared across recordings.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating]
Labels = npt.NDArray[np.intp]

RULE = "voices/4"  # in the fingerprint: raise it whenever this module, or `transcribe.starter`, would give other voices

# With fewer vectors than FEW, those nearer than CUT (between unit vectors) are one group from the start.
FEW, CUT = 40, 0.7
# With more, noise, rooms and telephones make all of them less alike or more, so that no fixed likeness will do: what
# counts is how alike vectors of one voice are in this very recording, and what share of that vectors of two people are.
# Groups are one from this part of the way on from two people's likeness to one voice's.
NEARLY = 0.72
TWO, BELIEVED = 0.36, 10  # the least that two people's share is taken for, and how many pairs it takes to doubt it
# Then two groups are one person from this cosine between their means on: where one has a single vector, where both have
# so many, and how many. Means of a few noisy vectors of one voice can be far apart; means of many are not. Among more
# vectors it is, again, a part of the way, from the share of two people to 1.
IF_FEW, IF_MANY = (0.5, 0.7, 10), (0.45, 0.75, 20)
FAR = 4  # windows this far apart share no sound, so that vectors from them are alike for the voice's sake
LUCK = 0.03  # by which the third best match of a vector beats the usual one of its voice
TYPICAL = 300  # vectors are enough to see how alike they are; the more, the luckier is the third best match
FEWEST = 3  # among few, a group of fewer vectors (or, of less than 30 in all, than a tenth) is nobody
LEAST_S = 3.0  # among more, one that less speech is the own of: windows overlap, and what most of those that hear it
# give to other groups is not. Where two people were taken for one, other windows tell them apart.
MOST = 4000  # more are not compared with each other: memory and time would grow with the square


def tell_apart(
    vectors: Vectors,
    windows: npt.NDArray[np.integer] | None = None,
    heard: Sequence[npt.NDArray[np.integer]] | None = None,
    *,
    at_least: int = 1,
    at_most: int | None = None,
) -> Labels:
    """A voice number for each of `vectors` (n, dimension): 0 for the first to speak, then 1, and so on.

    `windows` (n,) numbers the window that each was heard in, where windows overlap, and `heard` (n) has the tenths of a
    second that each is made from; without it that is a second of its own. There are never more voices than
    vectors or than `at_most`; `at_least` holds where there are vectors enough. The same vectors in another order give
    the same groups, as long as there are no more than TYPICAL. Of more than MOST every second, third … window is looked
    at, and the others' go to the voice that they are most alike.
    """
    from scipy.cluster.hierarchy import cut_tree, fcluster, linkage
    from scipy.spatial.distance import squareform

    n = len(vectors)
    at_most = n if at_most is None else max(1, min(at_most, n))
    at_least = max(1, min(at_least, at_most))
    if n < 2 or at_most == 1:
        return np.zeros(n, dtype=np.intp)
    x = _unit(vectors)
    windows = np.arange(n) * FAR if windows is None else np.asarray(windows)
    heard = list(np.arange(10 * n).reshape(n, 10)) if heard is None else heard
    if n > MOST:
        looked_at = np.flatnonzero(np.unique(windows, return_inverse=True)[1] % -(-n // MOST) == 0)
        learnt = tell_apart(
            x[looked_at], windows[looked_at], [heard[int(i)] for i in looked_at], at_least=at_least, at_most=at_most
        )
        return _numbered((x @ centroids(x[looked_at], learnt).T).argmax(axis=1))
    if n < FEW:
        groups, bars = fcluster(linkage(x, "centroid"), CUT, "distance"), IF_FEW
    else:
        alike = (x @ x.T).astype(np.float32)
        one = _alike_within(alike, windows)
        two = _share_of_two(alike, windows, one)
        tree = linkage(squareform(1 - alike, checks=False).clip(0), "average")
        groups = fcluster(tree, 1 - one * (two + NEARLY * (1 - two)), "distance")
        small, large, enough = IF_MANY
        bars = two + small * (1 - two), two + large * (1 - two), enough
    groups = _joined(x, groups, bars)
    somebody = _large_enough(groups) if n < FEW else _with_own_speech(groups, heard)
    labels = _joined(x, _only(x, groups, somebody), bars, at_most)
    if labels.max() + 1 < at_least:
        labels = cut_tree(linkage(x, "ward"), n_clusters=at_least)[:, 0]
    return _numbered(labels)


def centroids(vectors: Vectors, labels: Labels) -> Vectors:
    """The mean direction (n_voices, dimension) of the vectors of each voice, 0 to `labels.max()`."""
    return _unit(_sums(_unit(vectors), labels))


def _unit(x: Vectors) -> Vectors:
    x = np.asarray(x, dtype=np.float64)
    unit: Vectors = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
    return unit


def _sums(x: Vectors, labels: Labels) -> Vectors:
    sums = np.zeros((int(labels.max()) + 1, x.shape[1]))
    np.add.at(sums, labels, x)
    return sums


def _numbered(labels: npt.NDArray[np.integer]) -> Labels:
    """The same groups, numbered from 0 as they first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _alike_within(alike: Vectors, windows: npt.NDArray[np.integer]) -> float:
    """How alike (cosine) vectors of one voice are, where they come from different sound.

    Nearly every vector has three others of its own voice, so its third best match is one of them, if a lucky one.
    """
    some = np.linspace(0, len(alike) - 1, min(len(alike), TYPICAL)).round().astype(np.intp)
    thirds = []
    for i in some:
        others = alike[i, some][np.abs(windows[some] - windows[i]) >= FAR]
        thirds.append(np.partition(others, -3)[-3] if len(others) >= 3 else 0.0)
    return float(np.clip(np.median(thirds) - LUCK, 0.5, 0.95))


def _share_of_two(alike: Vectors, windows: npt.NDArray[np.integer], one: float) -> float:
    """How alike vectors of two people are, as a share of how alike those of `one` voice are.

    Speakers that a window tells apart are two people, unless they are one by all that is usual. On a telephone two
    people, too, are much alike.
    """
    a, b = np.nonzero(np.triu(windows[:, None] == windows[None], 1))
    shares = alike[a, b] / one
    apart = shares[shares < TWO + NEARLY * (1 - TWO)]
    return max(TWO, float(np.median([*apart, *[TWO] * BELIEVED])))


def _joined(
    x: Vectors, groups: npt.NDArray[np.integer], bars: tuple[float, float, int], at_most: int | None = None
) -> Labels:
    """Groups with the most alike two joined, again and again: while any are alike enough, or down to `at_most`."""
    small, large, enough = bars
    labels = _numbered(groups)
    while labels.max() + 1 > (at_most or 1):
        means, counts = centroids(x, labels), np.bincount(labels)
        smaller = np.minimum(np.minimum(counts[:, None], counts[None]), enough)
        over = means @ means.T - (small + (large - small) * smaller / enough)
        np.fill_diagonal(over, -np.inf)
        a, b = np.unravel_index(int(over.argmax()), over.shape)
        if at_most is None and over[a, b] < 0:
            break
        labels = _numbered(np.where(labels == b, a, labels))
    return labels


def _large_enough(labels: Labels) -> npt.NDArray[np.bool_]:
    """Which groups are not of too few vectors, (n_groups,)."""
    counts = np.bincount(labels)
    large: npt.NDArray[np.bool_] = counts >= min(FEWEST, max(1, round(0.1 * len(labels))), counts.max())
    return large


def _with_own_speech(labels: Labels, heard: Sequence[npt.NDArray[np.integer]]) -> npt.NDArray[np.bool_]:
    """Which groups have enough speech that most windows give to them, (n_groups,)."""
    n_groups = int(labels.max()) + 1
    when, who = np.concatenate(heard), np.repeat(labels, [len(moments) for moments in heard])
    pairs, n_windows = np.unique(when * n_groups + who, return_counts=True)
    most = 2 * n_windows > np.bincount(when)[pairs // n_groups]
    own = np.bincount(pairs[most] % n_groups, minlength=n_groups)
    enough: npt.NDArray[np.bool_] = own >= min(10 * LEAST_S, own.max())
    return enough


def _only(x: Vectors, labels: Labels, somebody: npt.NDArray[np.bool_]) -> Labels:
    """Groups that are nobody go, vector by vector, to the nearest that is."""
    kept = np.flatnonzero(somebody)
    nearest = kept[(x @ centroids(x, labels)[kept].T).argmax(axis=1)]
    return _numbered(np.where(somebody[labels], labels, nearest))
