"""Words of a reference beside words of a hypothesis: which answers which, after Whisper's normalisation."""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from transcribe.problem import LACKING, Problem
from transcribe.records import Record, Word


class Match(Record):
    """A reference's words beside a hypothesis's, by a least-edit alignment of their normalised pieces.

    Pieces are normalised word by word, so that each ("we", "have" of "we've") knows its word; "um" has none. `pairs`:
    each reference word that counts, by its index, with the index of the hypothesis word aligned to it or None. `exact`:
    those of which every piece is right. `pieces`: the reference's, with whether each is right. `wrong`: indices of the
    hypothesis words of which no piece is right.
    """

    pairs: dict[int, int | None]
    exact: frozenset[int]
    pieces: tuple[tuple[str, bool], ...]
    wrong: frozenset[int]


def match(reference: Sequence[Word], hypothesis: Sequence[Word]) -> Match:
    ours, theirs = _pieces(reference), _pieces(hypothesis)
    pairs: dict[int, int | None] = {i: None for _, i in ours}
    right, wrong = [False] * len(ours), {j for _, j in theirs}
    for kind, a, b in aligned([piece for piece, _ in ours], [piece for piece, _ in theirs]):
        if kind in ("equal", "substitute"):
            i, j = ours[a][1], theirs[b][1]
            if kind == "equal":
                right[a] = True
                wrong.discard(j)
            if pairs[i] is None:
                pairs[i] = j
    return Match(
        pairs=pairs,
        exact=frozenset(pairs.keys() - {i for (_, i), good in zip(ours, right, strict=True) if not good}),
        pieces=tuple((piece, good) for (piece, _), good in zip(ours, right, strict=True)),
        wrong=frozenset(wrong),
    )


def _pieces(words: Sequence[Word]) -> list[tuple[str, int]]:
    return [(piece, i) for i, w in enumerate(words) for piece in _normalised_word(w.text).split()]


def aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """(equal | substitute | delete | insert, index in reference, index in hypothesis) of a least-edit alignment."""
    if not reference or not hypothesis:
        yield from (("delete", i, 0) for i in range(len(reference)))
        yield from (("insert", 0, j) for j in range(len(hypothesis)))
        return
    found = need("jiwer").process_words(" ".join(reference), " ".join(hypothesis))
    for chunk in found.alignments[0]:
        n = max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        for k in range(n):
            yield chunk.type, chunk.ref_start_idx + k, chunk.hyp_start_idx + k


def normalise(text: str) -> str:
    return str(_normaliser()(text))


@lru_cache(maxsize=50_000)
def _normalised_word(text: str) -> str:
    return normalise(text)


@cache
def _normaliser() -> Any:
    return need("whisper_normalizer.english").EnglishTextNormalizer()


def need(module: str) -> Any:
    """A library of the `eval` extra, or the command that gets it."""
    try:
        return import_module(module)
    except ImportError as e:
        raise Problem(
            f"scoring needs {module.split('.')[0]}, which is not installed",
            fix="pip install 'onrecord[eval]'",
            exit_code=LACKING,
        ) from e
