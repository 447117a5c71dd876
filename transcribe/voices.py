"""Which vectors are one voice: how speech embeddings of one recording are grouped.

Vectors live inside one recording's diarisation: they are never kept and never compared across recordings.
"""

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.floating]
Labels = npt.NDArray[np.intp]

RULE = "voices/1"  # part of the fingerprint: raise it whenever the same vectors would be grouped otherwise

MOST_VOICES = 20
MANY = 100  # with this many vectors a spectrum says more than any threshold
FEWEST = 4  # a voice with fewer vectors (or, of less than 40, fewer than a tenth) is given to its neighbours
CUT = 0.7  # distance between unit vectors at which linkage stops: nothing is joined that may be two people
SAME = 0.5  # cosine from which two groups are one person


def tell_apart(vectors: Vectors, *, at_least: int = 1, at_most: int = MOST_VOICES) -> Labels:
    """A voice number for each of `vectors` (n, dimension): 0 for the first to speak, then 1, and so on.

    Never more voices than vectors or than `at_most`; `at_least` holds where there are vectors enough. The same
    vectors in another order give the same groups.
    """
    n = len(vectors)
    at_most = max(1, min(at_most, n))
    at_least = max(1, min(at_least, at_most))
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    x = _unit(vectors)
    if at_most == 1 or (at_least == 1 and _one_voice(x)):
        return np.zeros(n, dtype=np.intp)
    labels = _by_spectrum(x, at_least, at_most) if n >= MANY else _by_distance(x)
    labels = _without_small(x, labels)
    n_found = int(labels.max()) + 1
    if not at_least <= n_found <= at_most:
        labels = _cut(x, min(max(n_found, at_least), at_most))
    return _in_order(labels)


def centroids(vectors: Vectors, labels: Labels) -> Vectors:
    """The mean direction (n_voices, dimension) of each voice's vectors."""
    x = _unit(vectors)
    return _unit(np.stack([x[labels == k].mean(0) for k in range(int(labels.max()) + 1)]))


def _unit(x: Vectors) -> Vectors:
    x = np.asarray(x, dtype=np.float64)
    unit: Vectors = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
    return unit


def _in_order(labels: Labels) -> Labels:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _one_voice(x: Vectors) -> bool:
    """Whether hardly any pair of vectors is as unlike as two people are."""
    pairs = (x @ x.T)[np.triu_indices(len(x), 1)]
    return bool(np.mean(pairs < UNLIKE) < RARE) if len(pairs) else True


UNLIKE, RARE = 0.4, 0.02


def _by_distance(x: Vectors) -> Labels:
    """Groups whose members are surely alike, then groups joined while two of their means are near enough."""
    from scipy.cluster.hierarchy import fcluster, linkage

    labels = _in_order(fcluster(linkage(x, "centroid"), CUT, "distance"))
    while labels.max() > 0:
        means = centroids(x, labels)
        alike = means @ means.T
        np.fill_diagonal(alike, -1)
        a, b = np.unravel_index(int(alike.argmax()), alike.shape)
        if alike[a, b] < SAME:
            break
        labels = _in_order(np.where(labels == b, a, labels))
    return labels


def _cut(x: Vectors, n_voices: int) -> Labels:
    """Exactly `n_voices` groups, by mean distance."""
    from scipy.cluster.hierarchy import cut_tree, linkage

    labels: Labels = cut_tree(linkage(x, "average", metric="cosine"), n_clusters=n_voices)[:, 0].astype(np.intp)
    return labels


def _by_spectrum(x: Vectors, at_least: int, at_most: int) -> Labels:
    """Spectral clustering whose number of voices, and of neighbours kept per vector, follow from the eigengap.

    The normalised maximum eigengap of Park et al. (arXiv 2003.02405): of several neighbourhood sizes the one whose
    graph falls apart most clearly for its size is taken.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.linalg import eigh

    n = len(x)
    alike = x @ x.T
    nearest = np.argsort(-alike, axis=1, kind="stable")
    n_eigen = min(n, at_most + 1)
    best: tuple[float, int, Vectors] | None = None
    for n_near in sorted({max(2, round(n * share)) for share in (0.02, 0.03, 0.05, 0.08, 0.12, 0.18, 0.25, 0.35)}):
        graph = np.zeros((n, n))
        np.put_along_axis(graph, nearest[:, :n_near], 1.0, axis=1)
        graph = (graph + graph.T) / 2
        laplacian = np.diag(graph.sum(1)) - graph
        values, rows = eigh(laplacian, subset_by_index=(0, n_eigen - 1))
        gaps = np.diff(values)
        n_voices = int(gaps[at_least - 1 :].argmax()) + at_least
        ratio = (n_near / n) / max(gaps[n_voices - 1] / max(values[-1], 1e-12), 1e-12)
        if best is None or ratio < best[0]:
            best = ratio, n_voices, rows
    assert best is not None
    _, n_voices, rows = best
    return _in_order(fcluster(linkage(rows[:, :n_voices], "ward"), n_voices, "maxclust"))


def _without_small(x: Vectors, labels: Labels) -> Labels:
    """Voices of too few vectors go to the nearest voice of enough."""
    counts = np.bincount(labels)
    fewest = min(FEWEST, max(1, round(0.1 * len(x))))
    kept = np.flatnonzero(counts >= min(fewest, counts.max()))
    nearest = kept[(x @ centroids(x, labels)[kept].T).argmax(1)]
    return _in_order(np.where(np.isin(labels, kept), labels, nearest))
