"""Codes that a language model is asked about: does this statement entail the code's hypothesis?

Any model trained on natural language inference will do. It has seen no example of a code, so say plainly in the
codebook's `hypothesis` what is true of a statement that has it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analyse import transformer
from analyse.codebook import Codebook
from analyse.taggers import Floats
from transcribe.problem import LACKING, Problem

BATCH = 16


class Asked:
    """A model (see `analyse.taggers.Model`). Made with `load`."""

    alone, second = 0.7, 0.9

    def __init__(self, classify: Any, hypotheses: Sequence[str]) -> None:
        """`classify` is transformers' pipeline; `hypotheses` are the codes', in the codebook's order."""
        self._classify, self._hypotheses = classify, hypotheses

    def scores(self, texts: Sequence[str]) -> Floats:
        found = np.zeros((len(texts), len(self._hypotheses)), np.float32)
        if not texts:
            return found
        answers = self._classify(
            list(texts),
            candidate_labels=list(dict.fromkeys(self._hypotheses)),
            hypothesis_template="{}",
            multi_label=True,
            batch_size=BATCH,
        )
        for n, answer in enumerate(answers):
            by_hypothesis = dict(zip(answer["labels"], answer["scores"], strict=True))
            found[n] = [by_hypothesis[h] for h in self._hypotheses]
        return found


def load(folder: Path, codebook: Codebook) -> Asked:
    """Make the model in this folder ready to be asked. Raises Problem where it is none that can be."""
    import transformers

    model = transformer.load("AutoModelForSequenceClassification", folder)
    if not any(str(label).lower().startswith("entail") for label in model.config.id2label.values()):
        raise Problem(
            "this model has no answer called entailment",
            where=folder,
            fix="name a model trained on natural language inference (NLI)",
            exit_code=LACKING,
        )
    tokenizer = transformer.load("AutoTokenizer", folder)
    classify = transformers.pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
    return Asked(classify, [c.hypothesis or f"This is about {c.name}: {c.definition}" for c in codebook.codes])
