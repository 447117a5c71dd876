"""Taggers: which there are, what they learn, and what they may do beside each other."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from analyse import embedding, taggers, zero_shot
from analyse.codebook import load, read
from analyse.labels import Label
from analyse.rules import tag_text
from analyse.taggers import RULES, Choice, ModelChoice, Wording, choose
from pipeline import asked, batch
from pipeline.meetings import Layout
from tests import tiny_bert
from tests.house import TOML, with_captions
from transcribe import models
from transcribe.problem import LACKING, Problem
from transcribe.records import Meeting, Transcript, Word

BOOK = load("lfr-engagement")
OURS = read(
    b"""
name = "ours"
version = 1
[[codes]]
code = "loud"
name = "Loud"
definition = "It is loud."
cues = ["loud"]
examples = ["it is loud here", "the noise"]
[[codes]]
code = "dark"
name = "Dark"
definition = "It is dark."
cues = []
examples = ["it is dark here", "the light"]
"""
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert.save(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert.save(tmp_path_factory.mktemp("nli"), answers=("contradiction", "neutral", "entailment"))


@pytest.fixture
def without_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONRECORD_MODELS", str(tmp_path / "none"))


class Sure:
    """Gives its codes to every text, with these scores."""

    alone, second = 0.5, 0.8

    def __init__(self, **scores: float) -> None:
        self.asked: list[str] = []
        self._scores = scores

    def scores(self, texts: object) -> taggers.Floats:
        assert isinstance(texts, list)
        self.asked += texts
        return np.array([[self._scores.get(c.code, 0.0) for c in OURS.codes]] * len(texts), np.float32).reshape(-1, 2)


def instead(patch: pytest.MonkeyPatch, model: Sure) -> Choice:
    patch.setattr(taggers, "load", lambda *args: model)
    return Choice(name="rules+embedding", models=(ModelChoice(kind="embedding", folder="", id="embedding/1 m"),))


# -- which ---------------------------------------------------------------------------------------------------


def test_rules_are_the_default_and_change_nothing_in_what_stands() -> None:
    assert choose("auto", BOOK) == RULES
    assert choose("rules", BOOK) == RULES
    assert RULES.id == "rules/3"


def test_auto_takes_rules_alone_where_the_model_is_not_here(without_models: None) -> None:
    chosen = choose("auto", OURS)
    assert (chosen.name, chosen.models) == ("rules", ())
    assert "dark" in chosen.remark
    assert "onrecord models get minilm" in chosen.remark
    assert "\n" not in chosen.remark


def test_a_tagger_that_is_named_and_cannot_run_is_an_error(without_models: None) -> None:
    chosen = choose("rules+embedding", BOOK)
    with pytest.raises(Problem) as problem:
        taggers.code([Wording("It is loud.", 0, ())], BOOK, chosen)
    assert (problem.value.exit_code, problem.value.fix) == (LACKING, "onrecord models get minilm")


def test_a_tagger_that_cannot_run_here_does_not_become_the_data_folders(without_models: None, tmp_path: Path) -> None:
    with_captions(tmp_path, "m1", toml=TOML)
    layout = asked.layout_of(tmp_path)
    with pytest.raises(Problem) as problem:
        asked.jobs_of(layout, None, tagger="rules+embedding", keep=True)
    assert problem.value.exit_code == LACKING
    assert not layout.taggers.exists()


@pytest.mark.parametrize("name", ["", "rule", "zero-shot", "rules+", "rules+rules", "embedding:minilm+embedding"])
def test_what_is_no_tagger(name: str) -> None:
    with pytest.raises(Problem):
        choose(name, BOOK)


def test_a_model_that_is_nowhere_and_a_folder_without_one(tmp_path: Path) -> None:
    assert choose("zero-shot:nobody/no-such-model", BOOK).models[0].lacks
    assert "no weights" in choose(f"zero-shot:{tmp_path}", BOOK).models[0].lacks


# -- together ------------------------------------------------------------------------------------------------


def test_a_second_opinion_adds_and_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "It is loud. The lamps are out."
    by_rules = tag_text(text, OURS).tags
    for scores, expected in (
        ({}, {"loud": "rules/3"}),
        ({"loud": 0.99, "dark": 0.6}, {"loud": "rules/3", "dark": "embedding/1 m"}),  # `dark` has no cues
        ({"dark": 0.4}, {"loud": "rules/3"}),
    ):
        (tags,) = taggers.code([Wording(text, 7, by_rules)], OURS, instead(monkeypatch, Sure(**scores)))
        assert {t.code: t.tagger for t in tags} == expected
    (tags,) = taggers.code([Wording("The lamps.", 7, ())], OURS, instead(monkeypatch, Sure(loud=0.7)))
    assert tags == ()  # beside rules that know the code it must be surer
    alone = msgspec.structs.replace(instead(monkeypatch, Sure(loud=0.7)), rules=False)
    (tags,) = taggers.code([Wording("The lamps.", 7, by_rules)], OURS, alone)
    assert [(t.code, t.first_word, t.end_word) for t in tags] == [("loud", 7, 9)]


def test_only_statements_on_the_topic_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "Live",
        "facial",
        "recognition",
        "was",
        "used",
        "on",
        "Friday.",
        "The",
        "bins",
        "on",
        "Cooper",
        "Street",
        "were",
        "not",
        "emptied",
        "again.",
    ]
    said = [Word(text=w, start_ms=n * 300, end_ms=n * 300 + 300, speaker="AB"[n > 6]) for n, w in enumerate(words)]
    transcript = Transcript(recording_sha256="0", language="en", engine="t", words=tuple(said), turns=())
    book = msgspec.structs.replace(OURS, topic=BOOK.topic)
    model = Sure(dark=0.9)
    made = taggers.tag_transcript(transcript, Meeting(id="m", folder="m"), book, "0", instead(monkeypatch, model))
    assert model.asked == ["Live facial recognition was used on Friday."]
    assert [(s.topic.about, [t.code for t in s.tags]) for s in made.statements] == [(True, ["dark"]), (False, [])]
    assert made.tagger == "rules/3 + embedding/1 m"


def test_a_codebook_without_a_topic_is_about_what_models_find(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [Word(text=w, start_ms=n * 300, end_ms=n * 300 + 300) for n, w in enumerate(["The", "lamps."])]
    transcript = Transcript(recording_sha256="0", language="en", engine="t", words=tuple(said), turns=())
    for score, about in ((0.9, True), (0.1, False)):
        choice = instead(monkeypatch, Sure(dark=score))
        made = taggers.tag_transcript(transcript, Meeting(id="m", folder="m"), OURS, "0", choice)
        assert made.statements[0].topic.about is about


def test_long_texts_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Sure(dark=0.9)
    taggers.code([Wording("word " * 5_000, 0, ())], OURS, instead(monkeypatch, model))
    assert sum(len(text.split()) for text in model.asked) == 5_000
    assert max(len(text.split()) for text in model.asked) == taggers.WINDOW_WORDS
    assert taggers.code([], OURS, instead(monkeypatch, model)) == []


# -- embedding -----------------------------------------------------------------------------------------------


def test_what_is_learnt_from_examples_and_from_people(encoder: Path) -> None:
    model = embedding.load(encoder, OURS)
    scores = model.scores(["it is loud here", "it is dark here"])
    assert scores.shape == (2, 2)
    assert scores[0, 0] > 0.5 > scores[0, 1]
    assert scores[1, 1] > 0.5 > scores[1, 0]
    rows = [Label(topic=True, text="nobody was told", codes=("dark",)), Label(topic=False, text="it is loud")]
    texts, given = embedding.examples(OURS, rows)
    assert (texts[-1], given[-1].tolist(), len(texts)) == ("nobody was told", [False, True], 5)
    taught = embedding.load(encoder, OURS, rows)
    assert taught.scores(["nobody was told"])[0, 1] > model.scores(["nobody was told"])[0, 1]


def test_how_many_at_once_changes_no_vector(encoder: Path) -> None:
    encode = embedding.Encoder(encoder)
    texts = [" ".join(tiny_bert.WORDS.split()[:n]) for n in range(1, 19)] * 3
    together = encode(texts)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(together, np.concatenate([encode([t]) for t in texts]), atol=1e-5)
    assert encode([]).shape == (0, encode.size)


def test_a_model_that_reads_few_words_at_once_reads_the_first(encoder: Path) -> None:
    encode = embedding.Encoder(encoder)
    long = "it is loud here " * 40  # the model has places for 64
    np.testing.assert_allclose(encode([long]), encode([long * 2]), atol=1e-5)


def test_nothing_to_learn_from(encoder: Path) -> None:
    bare = msgspec.structs.replace(OURS, codes=tuple(msgspec.structs.replace(c, examples=()) for c in OURS.codes))
    with pytest.raises(Problem, match="nothing to learn"):
        embedding.load(encoder, bare)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", "utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(Problem) as problem:
        embedding.load(tmp_path, OURS)
    assert str(tmp_path) in problem.value.where


@pytest.mark.weights
def test_the_model_of_the_table_finds_what_is_meant() -> None:
    folder = models.find("minilm")
    assert folder is not None, "onrecord models get minilm"
    model = embedding.load(folder, BOOK)
    codes = [c.code for c in BOOK.codes]
    (scores,) = model.scores(["Darker-skinned people get picked out by mistake far more than white people do."])
    assert codes[int(scores.argmax())] == "bias_discrimination"


# -- zero-shot -----------------------------------------------------------------------------------------------


def test_a_model_is_asked_each_hypothesis(nli: Path) -> None:
    model = zero_shot.load(nli, OURS)
    texts = [" ".join(tiny_bert.WORDS.split()[:n]) for n in range(1, 19)] * 2
    scores = model.scores(texts)
    assert scores.shape == (36, 2)
    assert 0 <= scores.min() < scores.max() <= 1
    np.testing.assert_allclose(scores, np.concatenate([model.scores([t]) for t in texts]), atol=1e-4)
    assert model.scores([]).shape == (0, 2)


def test_two_codes_of_one_hypothesis(nli: Path) -> None:
    same = tuple(msgspec.structs.replace(c, hypothesis="it is loud, {here}") for c in OURS.codes)
    scores = zero_shot.load(nli, msgspec.structs.replace(OURS, codes=same)).scores(["the police"])
    assert scores[0, 0] == scores[0, 1]


def test_a_model_that_does_not_infer(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="entailment"):
        zero_shot.load(tiny_bert.save(tmp_path, answers=("good", "bad")), OURS)


# -- in the house --------------------------------------------------------------------------------------------


def run(layout: Layout, **choices: object) -> list[str]:
    jobs, _ = asked.jobs_of(layout, None, keep=True, **choices)  # type: ignore[arg-type]
    (outcome,) = batch.run(jobs, lambda event: None, n_workers=0, fresh=set())
    assert not outcome.what, outcome.what
    return [r.stage for r in outcome.ran]


def test_another_tagger_tags_again_and_stays_the_folders(tmp_path: Path, encoder: Path) -> None:
    with_captions(tmp_path, "panel", toml=TOML)
    layout = asked.layout_of(tmp_path)
    coded = tmp_path / "mine.jsonl"
    coded.write_text('{"text": "Nobody was told.", "topic": true, "codes": ["notification"]}\n', "utf-8")
    assert run(layout)[-2:] == ["statements", "index"]
    assert run(layout) == []
    name = f"rules+embedding:{encoder}"
    assert run(layout, tagger=name, coded=coded) == ["statements", "index"]
    assert run(layout) == []  # the data folder has kept both
    made = msgspec.json.decode((layout.made("panel") / "statements.json").read_bytes())
    assert made["tagger"].startswith("rules/3 + embedding/1 ")
    assert {t["tagger"].split("/")[0] for s in made["statements"] for t in s.get("tags", [])} >= {"rules"}
    layout.coded.write_text(coded.read_text("utf-8").replace("told", "asked"), "utf-8")
    assert run(layout)[:1] == ["statements"]
    assert run(layout, tagger="rules")[:1] == ["statements"]
