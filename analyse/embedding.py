"""Codes learnt from few examples: sentence embeddings, and a logistic regression for each code.

Examples are those of the codebook, which each stand for their own code only, and statements that people coded.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analyse import transformer
from analyse.codebook import Codebook
from analyse.labels import Label
from analyse.taggers import Floats
from transcribe.problem import Problem

BATCH = 32
MAX_TOKENS = 256
REGULARISATION = 10.0  # scikit-learn's C; vectors have length one, and its usual 1 leaves all scores near the middle


class Encoder:
    """Sentences as vectors of length one: what the model says of the tokens, averaged (or its first token's, where its
    `1_Pooling/config.json` says so)."""

    def __init__(self, folder: Path) -> None:
        self._model = transformer.load("AutoModel", folder).eval()
        self._tokenizer = transformer.load("AutoTokenizer", folder)
        self._first = _takes_first_token(folder)
        self.size: int = self._model.config.hidden_size
        self._max_tokens = min(MAX_TOKENS, self._model.config.max_position_embeddings)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """`[n_texts, size]`."""
        import torch

        out = np.zeros((len(texts), self.size), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # so that little is padded
        with torch.inference_mode():
            for at in range(0, len(texts), BATCH):
                chosen = order[at : at + BATCH]
                batch = self._tokenizer(
                    [texts[i] for i in chosen],
                    padding=True,
                    truncation=True,
                    max_length=self._max_tokens,
                    return_tensors="pt",
                )
                hidden = self._model(**batch).last_hidden_state
                mask = batch["attention_mask"][..., None].to(hidden.dtype)
                pooled = hidden[:, 0] if self._first else (hidden * mask).sum(1) / mask.sum(1)
                out[chosen] = torch.nn.functional.normalize(pooled, dim=1).float().numpy()
        return out


class Learnt:
    """A model (see `analyse.taggers.Model`). Made with `load`."""

    alone, second = 0.5, 0.8

    def __init__(self, encode: Encoder, per_code: Sequence[Any]) -> None:
        """`per_code` are the codes' classifiers, None where there was nothing to learn from."""
        self._encode, self._per_code = encode, per_code

    def scores(self, texts: Sequence[str]) -> Floats:
        found = np.zeros((len(texts), len(self._per_code)), np.float32)
        if texts:
            vectors = self._encode(texts)
            for k, classifier in enumerate(self._per_code):
                if classifier is not None:
                    found[:, k] = classifier.predict_proba(vectors)[:, 1]
        return found


def load(folder: Path, codebook: Codebook, rows: Sequence[Label] = ()) -> Learnt:
    """Learn a codebook's codes with the model in this folder. Raises Problem where there is nothing to learn from."""
    texts, given = examples(codebook, rows)
    if len(texts) < 2:
        raise Problem(
            "there is nothing to learn codes from",
            where=codebook.id,
            fix="give codes `examples` in the codebook, or statements that people coded: --coded FILE",
        )
    encode = Encoder(folder)
    return Learnt(encode, fit(encode(texts), given))


def examples(codebook: Codebook, rows: Sequence[Label] = ()) -> tuple[list[str], np.ndarray[Any, np.dtype[np.bool_]]]:
    """Texts to learn from, and which have which code of the codebook: `[n_texts, n_codes]`. Rows off topic have none
    to teach, since models are asked about statements on it."""
    codes = [c.code for c in codebook.codes]
    pairs = [(text, {c.code}) for c in codebook.codes for text in c.examples]
    pairs += [(row.text, set(row.codes)) for row in rows if row.topic and row.text.strip()]
    given = np.array([[c in having for c in codes] for _, having in pairs], bool).reshape(len(pairs), len(codes))
    return [text for text, _ in pairs], given


def fit(vectors: Floats, given: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Any]:
    """A classifier for each code, None for one that all or none of the examples have."""
    from sklearn.linear_model import LogisticRegression

    return [
        LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=1000).fit(vectors, having)
        if having.any() and not having.all()
        else None
        for having in given.T
    ]


def _takes_first_token(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "1_Pooling" / "config.json").read_bytes())["pooling_mode_cls_token"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
