"""Does learning from examples help to tell stance? By cues alone, and weighed against what examples teach.

    python tests/bench/learning.py [--shared FOLDER] [--sealed]

Each statement by itself, with the topic given: mean F1 of concerned, supportive and neutral, and accuracy; of the sides
taken how many are right, and how many are the other side. Learnt from are the two files of `tests/data/unread` and the
made-up statements that cues were mended by; of the first two, one is judged by what the others teach. Judged are also
the made-up discussions (`discussions.py`), the sample meeting's sentences and, with the evaluation data, the labelled
rows that may be read, where a cue that occurs in no other document than a row's own does not count, since it may have
been written for it; with `--sealed` the others, of which none is shown.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyse.codebook import Codebook, load
from analyse.cues import Finder, tokens
from analyse.labels import Label, Placed, read_labels, read_sentences
from analyse.records import Stance
from analyse.rules import tag_text
from analyse.score import Judged, score
from tests.bench import discussions, tags

BOOK = load("lfr-engagement")
STANCES: tuple[Stance, ...] = get_args(Stance)
ROOT = Path(__file__).parents[2]
UNREAD = ROOT / "tests" / "data" / "unread"
MENDED_BY = ROOT / "tests" / "data" / "coded-statements.jsonl"
SAMPLE = ROOT / "data" / "raw" / "2024-05-14-public-safety" / "reference" / "reference.json"
HELD_BACK = 1.0  # how much ridge regression holds its weights back
CUES = 0.3  # what the stance that cues tell counts beside the wording


class Wording:
    """What statements are worded like, by ridge regression from words and pairs of words to stances."""

    def __init__(self, rows: Sequence[Label]) -> None:
        found = [_terms(row.text) for row in rows]
        n_rows = Counter(chain.from_iterable(found))
        self._number = {term: i for i, term in enumerate(n_rows)}
        self._rarity = np.log((1 + len(rows)) / (1 + np.array([*n_rows.values()]))) + 1
        vectors = np.stack([self._vector(terms) for terms in found])
        given = np.array([[row.stance == s for s in STANCES] for row in rows], float)
        centred = vectors - vectors.mean(0)
        share = np.linalg.solve(centred @ centred.T + HELD_BACK * np.eye(len(rows)), given - given.mean(0))
        self._weights = centred.T @ share
        self._start = given.mean(0) - vectors.mean(0) @ self._weights

    def __call__(self, text: str) -> NDArray[Any]:
        """About 0 to 1 for each stance, one together."""
        return np.asarray(self._start + self._vector(_terms(text)) @ self._weights)

    def _vector(self, terms: Sequence[str]) -> NDArray[Any]:
        at = [self._number[t] for t in terms if t in self._number]
        out = np.zeros(len(self._number))
        out[at] = self._rarity[at]
        return np.asarray(out / max(1e-9, float(np.linalg.norm(out))))


def _terms(text: str) -> list[str]:
    words = [t.text for t in tokens(text.split())]
    return [*dict.fromkeys(chain(words, map(" ".join, pairwise(words))))]


class Set(NamedTuple):
    name: str
    rows: Sequence[Label]
    taught: Sequence[Label]
    books: dict[str, Codebook] = {}  # noqa: RUF012  by document, where not all is fair


def sets(shared: Path | None, *, sealed: bool) -> Iterator[Set]:
    first, second, mended = (
        [row for row in read_labels(path) if row.topic]
        for path in (UNREAD / "first.jsonl", UNREAD / "second.jsonl", MENDED_BY)
    )
    yield Set("the first writer", first, second + mended)
    yield Set("the second writer", second, first + mended)
    taught = first + second + mended
    yield Set("the four discussions", said_in_discussions(), taught)
    yield Set("the sample meeting's sentences", [row for row in read_sentences(SAMPLE) if row.topic], taught)
    if shared:
        rows = [msgspec.convert(_named(line), Label) for line in tags.rows(shared, sealed=sealed)]
        on = [row for row in rows if row.topic]
        yield Set("sealed rows", on, taught) if sealed else Set("read rows", on, taught, without_own_cues(rows))


def said_in_discussions() -> list[Label]:
    return [
        msgspec.convert({"topic": True, "text": line.text, "stance": line.stance}, Label)
        for path in sorted(discussions.FOLDER.glob("*.txt"))
        for line in discussions.read(path)
        if line.about == "L"
    ]


def without_own_cues(rows: Sequence[Label]) -> dict[str, Codebook]:
    """For each document the codebook without the cues for a side that occur in that one only."""
    assert BOOK.stance is not None
    cues = [*BOOK.stance.concerned, *BOOK.stance.supportive]
    finder = Finder((cue, cue) for cue in cues)
    documents = defaultdict[str, set[str]](set)
    for row in rows:
        for cue in finder.find(tokens(row.text.split())):
            documents[cue].add(row.source_doc)
    books = {}
    for document in {row.source_doc for row in rows}:
        own = {cue for cue, found in documents.items() if found == {document}}
        sides = {
            side: tuple(c for c in getattr(BOOK.stance, side) if c not in own) for side in ("concerned", "supportive")
        }
        books[document] = msgspec.structs.replace(BOOK, stance=msgspec.structs.replace(BOOK.stance, **sides))
    return books


def figures(judged: Set, wording: Wording | None) -> str:
    found, sides = [], []
    for row in judged.rows:
        view = tag_text(row.text, judged.books.get(row.source_doc, BOOK), about=True).stance
        assert view is not None
        stance = view.stance
        if wording and view.holder == "speaker":
            stance = STANCES[int((wording(row.text) + CUES * np.array([s == stance for s in STANCES])).argmax())]
        placed = Placed(start_ms=0, end_ms=0, text=row.text, topic=True, stance=stance)
        found.append(Judged(row=row, found=placed, baselines={}))
        sides += [{row.stance, stance}] * (stance in ("concerned", "supportive"))
    whole = score(found, [])
    right, swapped = sum(len(pair) == 1 for pair in sides), sides.count({"concerned", "supportive"})
    return f"{whole.mean_stance_f1.value:.3f}, {whole.stance_accuracy.value:.3f} ({right}, {swapped} of {len(sides)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--sealed", action="store_true")
    asked_for = parser.parse_args()
    print(f"{'mean F1, accuracy (right, other side of sides)':48}{'cues alone':32}with what is learnt")
    for judged in sets(asked_for.shared, sealed=asked_for.sealed):
        cues, learnt = figures(judged, None), figures(judged, Wording(judged.taught))
        print(f"{judged.name:42}{len(judged.rows):4}  {cues:32}{learnt}", flush=True)


def _named(line: str) -> dict[str, object]:
    row = json.loads(line)
    return {"text": row["text"], "topic": row["topic_lfr"], "stance": row["stance"], "source_doc": row["source_doc"]}


if __name__ == "__main__":
    main()
