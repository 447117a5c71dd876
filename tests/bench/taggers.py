"""Would a model be a better coder than the rules, or a help to them? `python tests/bench/taggers.py [--sealed]`

Labelled statements on the topic, each by itself, with the topic given. The model learns from the codebook's examples
alone; then also from statements that people coded, cross-validated by document: of no document that is judged has it
seen a line. With `--sealed` it learns from all rows that may be read, and is judged on those that nobody reads.
"""

import argparse
import sys
from pathlib import Path

import msgspec
import numpy as np

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from analyse import embedding, transformer  # noqa: E402
from analyse.codebook import load  # noqa: E402
from analyse.labels import Label  # noqa: E402
from analyse.rules import tag_text  # noqa: E402
from tests.bench.tags import SHARED, rows  # noqa: E402
from transcribe import models  # noqa: E402

N_FOLDS = 5
BOOK = load("lfr-engagement")
CODES = [c.code for c in BOOK.codes]


def labels(shared: Path, *, sealed: bool) -> list[Label]:
    found = [msgspec.json.decode(line, type=dict) for line in rows(shared, sealed=sealed)]
    return [
        Label(topic=True, text=r["text"], codes=tuple(r["tags"]), source_doc=r["source_doc"])
        for r in found
        if r["topic_lfr"]
    ]


def learnt(encode: embedding.Encoder, judged: list[Label], known: list[Label]) -> np.ndarray:
    """Scores of the judged ones by a model that has learnt from the codebook's examples and the known ones."""
    texts, given = embedding.examples(BOOK, known)
    model = embedding.Learnt(encode, embedding.fit(encode(texts), given))
    return model.scores([r.text for r in judged])


def across(encode: embedding.Encoder, judged: list[Label]) -> np.ndarray:
    documents = sorted({r.source_doc for r in judged})
    fold = {d: n % N_FOLDS for n, d in enumerate(np.random.default_rng(0).permutation(documents))}
    scores = np.zeros((len(judged), len(CODES)))
    for n in range(N_FOLDS):
        held = [i for i, r in enumerate(judged) if fold[r.source_doc] == n]
        scores[held] = learnt(encode, [judged[i] for i in held], [r for r in judged if fold[r.source_doc] != n])
    return scores


def show(name: str, found: np.ndarray, given: np.ndarray) -> None:
    right, false, missed = (found & given).sum(0), (found & ~given).sum(0), (~found & given).sum(0)
    per_code = 2 * right / np.maximum(1, 2 * right + false + missed)
    together = 2 * right.sum() / (2 * right.sum() + false.sum() + missed.sum())
    enough = given.sum(0) >= 8
    print(f"{name:56} mean F1 {per_code[enough].mean():.3f}, of all decisions {together:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sealed", action="store_true")
    parser.add_argument("--shared", type=Path, default=SHARED)
    asked_for = parser.parse_args()
    judged = labels(asked_for.shared, sealed=asked_for.sealed)
    given = np.array([[c in r.codes for c in CODES] for r in judged])
    by_rules = np.array(
        [[c in {t.code for t in tag_text(r.text, BOOK, about=True).tags} for c in CODES] for r in judged]
    )
    folder = models.find("minilm")
    assert folder is not None, "onrecord models get minilm"
    transformer.prepare(1)
    encode = embedding.Encoder(folder)
    taught = (
        learnt(encode, judged, labels(asked_for.shared, sealed=False)) if asked_for.sealed else across(encode, judged)
    )
    part = "sealed" if asked_for.sealed else "read"
    print(f"{len(judged)} {part} rows; codes of 8 rows or more: {(given.sum(0) >= 8).sum()}")
    show("rules", by_rules, given)
    for what, scores in (("examples", learnt(encode, judged, [])), ("examples and coded statements", taught)):
        show(f"embedding, {what}", scores >= embedding.Learnt.alone, given)
        for second in (0.7, 0.8, 0.9):
            show(f"rules + embedding at {second}, {what}", by_rules | (scores >= second), given)


if __name__ == "__main__":
    main()
