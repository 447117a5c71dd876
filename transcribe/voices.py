"""Which vectors are one voice: how the speech embeddings of one recording are grouped.

Vectors live inside one recording's diarisation: they are never kept and never compared across recordings.
"""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating]
Labels = npt.NDArray[np.intp]

RULE = "voices/1"  # in the fingerprint: raise it whenever this module, or `transcribe.starter`, would give other voices

CUT = 0.7  # distance between unit vectors up to which they are one group from the start
# Cosine from which two groups are one person. Means of a few noisy vectors of one voice can be far apart; means of
# many are not, and with many vectors a lower bar would join people who merely sound alike.
ALIKE_IF_SMALL, ALIKE_IF_LARGE, LARGE = 0.5, 0.7, 10
FEWEST = 4  # a group of fewer vectors (or, of less than 40 in all, than a tenth) is nobody: its neighbours get them


def tell_apart(vectors: Vectors, *, at_least: int = 1, at_most: int | None = None) -> Labels:
    """A voice number for each of `vectors` (n, dimension): 0 for the first to speak, then 1, and so on.

    Close vectors are grouped first, so that no group holds two people; then groups whose means are alike are joined,
    so that no person is two groups. There are never more voices than vectors or than `at_most`; `at_least` holds
    where there are vectors enough. The same vectors in another order give the same groups.
    """
    from scipy.cluster.hierarchy import cut_tree, fcluster, linkage

    n = len(vectors)
    at_most = n if at_most is None else max(1, min(at_most, n))
    at_least = max(1, min(at_least, at_most))
    if n < 2 or at_most == 1:
        return np.zeros(n, dtype=np.intp)
    x = _unit(vectors)
    labels = _joined(x, fcluster(linkage(x, "centroid"), CUT, "distance"))
    labels = _joined(x, _without_small(x, labels), at_most)
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


def _joined(x: Vectors, groups: npt.NDArray[np.integer], at_most: int | None = None) -> Labels:
    """Groups with the most alike two joined, again and again: while any are alike enough, or down to `at_most`."""
    labels = _numbered(groups)
    sums, counts = _sums(x, labels), np.bincount(labels)
    names = np.arange(len(counts))
    while len(counts) > (at_most or 1):
        means = _unit(sums)
        smaller = np.minimum(np.minimum(counts[:, None], counts[None]), LARGE)
        over = means @ means.T - (ALIKE_IF_SMALL + (ALIKE_IF_LARGE - ALIKE_IF_SMALL) * smaller / LARGE)
        np.fill_diagonal(over, -np.inf)
        a, b = sorted(np.unravel_index(int(over.argmax()), over.shape))
        if at_most is None and over[a, b] < 0:
            break
        sums[a] += sums[b]
        counts[a] += counts[b]
        sums, counts = np.delete(sums, b, axis=0), np.delete(counts, b)
        names[names == b] = a
        names[names > b] -= 1
    return _numbered(names[labels])


def _without_small(x: Vectors, labels: Labels) -> Labels:
    """Groups of too few vectors go to the nearest of those that are large enough."""
    counts = np.bincount(labels)
    fewest = min(FEWEST, max(1, round(0.1 * len(x))), counts.max())
    kept = np.flatnonzero(counts >= fewest)
    nearest = kept[(x @ centroids(x, labels)[kept].T).argmax(axis=1)]
    return _numbered(np.where(np.isin(labels, kept), labels, nearest))
