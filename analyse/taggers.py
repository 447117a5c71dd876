"""Taggers: who gives statements their codes.

`rules` reads the codebook's cues; it needs no model, is fast, and shows the words that it went by. `embedding` learns
from the codebook's examples and from statements that people have coded; `zero-shot` asks a language model each code's
hypothesis. They can be put together (`rules+embedding`): then models are a second opinion, which adds codes where it is
surer than alone, and takes none away.

What a statement is about, where statements begin and end, and whose stance they carry is always read by the rules, from
the words and what stands around them. Models judge a statement by its manner, and have called whole meetings on other
subjects live facial recognition; so they are asked about the codes of statements on the topic only, and neither they
nor the context out-vote a statement that names it.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyse import rules
from analyse.codebook import Codebook
from analyse.labels import Label, read_labels
from analyse.records import Statement, Statements, Tag
from analyse.statements import sentences
from transcribe import models
from transcribe.problem import LACKING, Problem
from transcribe.records import Meeting, Record, Transcript

MINILM = "minilm"
MAX_CODES = 500  # a model is asked about each of them, of every statement
WINDOW_WORDS = 120  # models read no further than a few hundred words: what is longer is read piece by piece
Floats = NDArray[np.float32]


class Model(Protocol):
    """A trained or asked model. A code is given where its score reaches `alone`, or as a second opinion `second`."""

    @property
    def alone(self) -> float: ...

    @property
    def second(self) -> float: ...

    def scores(self, texts: Sequence[str]) -> Floats:
        """How much each text has of each code of the codebook, 0 to 1: `[n_texts, n_codes]`."""
        ...


class ModelChoice(Record):
    """A model as it would run here; `id` is what its tags carry: the tagger with its version, the model and a hash."""

    kind: Literal["embedding", "zero-shot"]
    folder: str
    id: str
    lacks: str = ""
    fix: str = ""


class Coded(Record):
    """The file of statements that people coded, from which `embedding` learns, and its hash."""

    path: str
    sha256: str


class Choice(Record):
    """The taggers of a batch. `remark` says in one line what `auto` leaves out, why, and how to get it."""

    name: str = "rules"
    rules: bool = True
    models: tuple[ModelChoice, ...] = ()
    coded: Coded | None = None
    remark: str = ""

    @property
    def id(self) -> str:
        """Which taggers run, with their versions: what `statements.json` and its receipt say."""
        learnt = f", coded {self.coded.sha256[:8]}" if self.coded and self.models else ""
        return " + ".join([rules.TAGGER] * self.rules + [m.id + learnt * (m.kind == "embedding") for m in self.models])


RULES = Choice()


# -- which ---------------------------------------------------------------------------------------------------


def choose(name: str, codebook: Codebook, coded: Path | None = None) -> Choice:
    """The taggers `name`, as they would run here: `auto`, or `rules`, `embedding[:MODEL]`, `zero-shot:MODEL` or some of
    them with `+` between. MODEL is a folder, or an id of the model hub that has been downloaded. Fetches nothing.

    `auto` is `rules`, and `rules+embedding` for a codebook with codes that have no cues, which rules cannot find; where
    the model for that is not here, it is `rules` with a remark.
    """
    learnt = _coded(coded) if coded else None
    if name == "auto":
        return _auto(codebook, learnt)
    parts = name.split("+")
    found = tuple(_model(p) for p in parts if p != "rules")
    if len({m.id for m in found}) + ("rules" in parts) != len(parts):
        raise Problem(f"a tagger is there twice in {name!r}", fix="name each once")
    return Choice(name=name, rules="rules" in parts, models=found, coded=learnt)


def _auto(codebook: Codebook, coded: Coded | None) -> Choice:
    without_cues = [c.code for c in codebook.codes if not c.cues]
    if not without_cues:
        return RULES
    model = _model("embedding")
    if not model.lacks:
        return Choice(name="rules+embedding", models=(model,), coded=coded)
    some = ", ".join(without_cues[:3]) + (" ..." if len(without_cues) > 3 else "")
    return Choice(remark=f"codes without cues are not given ({some}): {model.lacks}; {model.fix}")


def _model(name: str) -> ModelChoice:
    kind, _, model = name.partition(":")
    if kind not in ("embedding", "zero-shot") or (kind == "zero-shot" and not model):
        raise Problem(
            f"there is no tagger {name!r}",
            fix="use auto, rules, embedding, embedding:MODEL, zero-shot:MODEL, or some with + between: rules+embedding",
        )
    version = {"embedding": "embedding/1", "zero-shot": "zero-shot/1"}[kind]
    folder, lacks, fix = _folder(model or MINILM)
    weights = _weights_sha256(folder)[:8] if folder else ""
    if not lacks and not weights:
        lacks, fix = f"there are no weights in {folder}", "name the folder of a model for transformers"
    if not lacks and (missing := [p for p in ("transformers", "torch", "sklearn") if not importlib.util.find_spec(p)]):
        lacks, fix = f"{missing[0]} is not installed", 'pip install "onrecord[models]"'
    return ModelChoice(
        kind="embedding" if kind == "embedding" else "zero-shot",
        folder=str(folder or ""),
        id=" ".join(filter(None, (version, Path(model or MINILM).name, weights))),
        lacks=lacks,
        fix=fix,
    )


def _folder(model: str) -> tuple[Path | None, str, str]:
    """Where a model lies, or what lacks and what to do about it."""
    if any(m.name == model for m in models.known()):
        found = models.find(model)
        return found, "" if found else f"the model {model} is not on this machine", f"onrecord models get {model}"
    if (path := Path(model).expanduser()).is_dir():
        return path.resolve(), "", ""
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(model, local_files_only=True)), "", ""
    except (ImportError, OSError, ValueError):  # not there, or a name that cannot be one
        return None, f"the model {model!r} is not on this machine", f"name its folder, or fetch it: hf download {model}"


@lru_cache(maxsize=16)
def _weights_sha256(folder: Path) -> str:
    """The hash of a model's largest file, which holds its weights; empty where there is none."""
    weights = [p for p in folder.glob("*") if p.suffix in (".safetensors", ".bin") and p.is_file()]
    if not weights:
        return ""
    with max(weights, key=lambda p: p.stat().st_size).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _coded(path: Path) -> Coded:
    read_labels(path)  # said now, and not by every meeting
    return Coded(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


# -- tagging -------------------------------------------------------------------------------------------------


def tag_transcript(
    transcript: Transcript,
    meeting: Meeting,
    codebook: Codebook,
    transcript_sha256: str,
    choice: Choice = RULES,
    *,
    n_threads: int = 0,
) -> Statements:
    """All statements of a meeting, cut and tagged. Raises Problem where a model that was named cannot run here."""
    by_rules = rules.tag_transcript(transcript, meeting, codebook, transcript_sha256)
    if choice == RULES or not choice.models:
        return by_rules
    asked = [
        i
        for i, s in enumerate(by_rules.statements)
        if codebook.reads(s.language) and (codebook.topic is None or s.topic.about)
    ]
    given = code(
        [Wording(s.text, s.first_word, s.tags) for s in (by_rules.statements[i] for i in asked)],
        codebook,
        choice,
        n_threads=n_threads,
    )
    statements = [*by_rules.statements]
    for i, tags in zip(asked, given, strict=True):
        statements[i] = _with(statements[i], tags, codebook)
    return msgspec.structs.replace(by_rules, tagger=choice.id, statements=tuple(statements))


class Wording(NamedTuple):
    """A statement whose codes are asked for, and those that the rules give it."""

    text: str
    first_word: int
    by_rules: tuple[Tag, ...]


def code(
    statements: Sequence[Wording], codebook: Codebook, choice: Choice, *, n_threads: int = 0
) -> list[tuple[Tag, ...]]:
    """The tags of each statement, by all taggers of the choice: one for a code, the rules' where they give it."""
    found = [{t.code: t for t in s.by_rules} if choice.rules else {} for s in statements]
    for chosen in choice.models:
        model = load(chosen, codebook, choice.coded, n_threads)
        scores = _scores(model, [s.text for s in statements])
        for k, each in enumerate(codebook.codes):
            second = choice.rules and bool(each.cues)
            sure = scores[:, k] >= (model.second if second else model.alone)
            for i in np.flatnonzero(sure).tolist():
                if each.code not in found[i]:
                    first, end = _carrying(statements[i].text, model, k)
                    found[i][each.code] = Tag(
                        code=each.code,
                        score=round(float(scores[i, k]), 3),
                        first_word=statements[i].first_word + first,
                        end_word=statements[i].first_word + end,
                        tagger=chosen.id,
                        codebook=codebook.id,
                    )
    order = [c.code for c in codebook.codes]
    return [tuple(tags[c] for c in order if c in tags) for tags in found]


def _scores(model: Model, texts: Sequence[str]) -> Floats:
    """Of each text the scores of the piece that has most of a code; pieces are the text itself where it is short."""
    pieces, owner = [], []
    for n, text in enumerate(texts):
        words = text.split()
        for at in range(0, len(words), WINDOW_WORDS):
            pieces.append(" ".join(words[at : at + WINDOW_WORDS]))
            owner.append(n)
    of_pieces = model.scores(pieces)
    found = np.zeros((len(texts), of_pieces.shape[1]), np.float32)
    np.maximum.at(found, owner, of_pieces)
    return found


def _carrying(text: str, model: Model, k: int) -> tuple[int, int]:
    """The words `[first, end)` that carry a model's code: the sentence that has most of it."""
    words = text.split()
    parts = [*sentences(words)]
    if len(parts) == 1:
        return parts[0]
    scores = _scores(model, [" ".join(words[a:b]) for a, b in parts])
    return parts[int(scores[:, k].argmax())]


def _with(statement: Statement, tags: tuple[Tag, ...], codebook: Codebook) -> Statement:
    """The statement with these tags. Without a topic in the codebook it is on topic where it has a code."""
    if codebook.topic is not None:
        return msgspec.structs.replace(statement, tags=tags)
    topic = rules.any_code(tags)
    stance = rules.tag_text(statement.text, codebook, about=topic.about).stance
    return msgspec.structs.replace(
        statement,
        tags=tags,
        topic=topic,
        stance=stance.stance if stance else None,
        stance_holder=stance.holder if stance else None,
    )


@lru_cache(maxsize=4)
def load(chosen: ModelChoice, codebook: Codebook, coded: Coded | None, n_threads: int = 0) -> Model:
    """A model, ready to be asked about the codes of this codebook. Raises Problem where it cannot run here."""
    if chosen.lacks:
        raise Problem(chosen.lacks, fix=chosen.fix, exit_code=LACKING)
    from analyse import embedding, transformer, zero_shot

    if len(codebook.codes) > MAX_CODES:
        raise Problem(
            f"{len(codebook.codes):,} codes are too many for a model",
            where=codebook.id,
            fix=f"use the rules, or a codebook of at most {MAX_CODES} codes",
        )
    transformer.prepare(n_threads)
    if chosen.kind == "zero-shot":
        return zero_shot.load(Path(chosen.folder), codebook)
    return embedding.load(Path(chosen.folder), codebook, _rows(coded))


def _rows(coded: Coded | None) -> list[Label]:
    if coded is None:
        return []
    path = Path(coded.path)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != coded.sha256:
        raise Problem("the statements that people coded were changed meanwhile", where=path, fix="run again")
    return read_labels(path)
