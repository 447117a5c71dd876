"""Scores of tags: what they count, by themselves and where statements stand, and what they are judged beside."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from analyse.codebook import load
from analyse.labels import Label, Placed, heard, labels_of, read_labels
from analyse.score import Judged, Report, keywords_of, report, whole_items
from pipeline import asked, batch, measure_tags
from pipeline.cli import app
from tests.house import captions, with_captions
from transcribe.problem import Problem

BOOK = load("lfr-engagement")
CODES = [c.code for c in BOOK.codes]


def placed(start_ms: int, end_ms: int, topic: bool = True, *codes: str, stance: Any = None, text: str = "x") -> Placed:
    return Placed(
        start_ms=start_ms,
        end_ms=end_ms,
        text=text,
        topic=topic,
        codes=frozenset(codes),
        stance=stance,
        stance_holder="speaker" if stance else None,
    )


def judged(row: Label, found: Placed) -> Judged:
    return Judged(row=row, found=found, baselines={"never": False})


def scored(*rows: Judged) -> Report:
    return report(rows, CODES, codebook="c/1", tagger="t/1")


def test_what_is_counted() -> None:
    on = [
        Label(topic=True, codes=("consultation",), stance="concerned", stance_holder="speaker", source_doc="a"),
        Label(topic=True, codes=("consultation", "oversight"), stance="supportive", source_doc="b", style="paraphrase"),
        Label(topic=True, stance="neutral", source_doc="c", explicit_mention=False),
    ]
    off = [Label(topic=False, source_doc="d"), Label(topic=False, source_doc="e", item="lfr")]
    found = scored(
        judged(on[0], placed(0, 1, True, "consultation", stance="concerned")),
        judged(on[1], placed(0, 1, True, "consultation", "notification", stance="concerned")),
        judged(on[2], placed(0, 1, False)),
        judged(off[0], placed(0, 1, False)),
        judged(off[1], placed(0, 1, True, "question", stance="neutral")),
    )
    whole = found.whole
    assert found.unknown_codes == ()
    assert (whole.topic.right, whole.topic.false, whole.topic.missed) == (2, 1, 1)
    assert whole.topic.f1.value == pytest.approx(2 / 3)
    assert whole.topic.f1.low is not None
    assert whole.topic.f1.high is not None
    assert whole.topic.f1.low < 2 / 3 < whole.topic.f1.high
    assert (whole.elsewhere.n, whole.elsewhere.false) == (1, 0)
    assert (whole.beside.n, whole.beside.false) == (1, 1)
    assert {c: (a.n, a.right, a.false) for c, a in whole.codes.items()} == {
        "consultation": (2, 2, 0),
        "notification": (0, 0, 1),
        "oversight": (1, 0, 0),
        "question": (0, 0, 1),  # it is on another subject
    }
    assert whole.micro_f1.value == pytest.approx(4 / 7)
    assert whole.macro_f1_of_all.value == pytest.approx(1 / 4)
    assert whole.macro_f1.value == 0  # no code has enough rows
    assert whole.stance_accuracy.value == pytest.approx(1 / 3)  # what was not found has no stance
    assert whole.stance["concerned"].f1.value == pytest.approx(2 / 3)
    assert (whole.holder_right, whole.holder_n) == (1, 1)
    assert {name: s.n_rows for name, s in found.slices.items()} == {"paraphrases": 1, "no technology named": 1}
    assert [(e.kind, e.given, e.found) for e in found.errors] == [
        ("topic", "yes", "no"),
        ("topic", "no", "yes"),
        ("notification", "no", "yes"),
        ("oversight", "yes", "no"),
        ("question", "no", "yes"),
        ("stance", "supportive", "concerned"),
        ("stance", "neutral", "none"),
    ]


def test_codes_that_the_codebook_does_not_have_are_told() -> None:
    row = Label(topic=True, codes=("consultation", "consultaton"), source_doc="a")
    assert scored(judged(row, placed(0, 1, True))).unknown_codes == ("consultaton",)


def test_a_single_document_has_no_interval() -> None:
    row = judged(Label(topic=True, source_doc="a"), placed(0, 1))
    assert scored(row, row).whole.topic.f1.low is None


@pytest.mark.parametrize("n", [2, 5, 40])
def test_few_documents_that_agree_are_not_sure_to(n: int) -> None:
    right = [judged(Label(topic=True, source_doc=f"d{i}"), placed(0, 1)) for i in range(n)]
    missed = [judged(j.row, placed(0, 1, False)) for j in right]
    low = scored(*right).whole.topic.f1.low
    high = scored(*missed).whole.topic.f1.high
    assert low == pytest.approx(0.025 ** (1 / n))  # that many in a row are right by chance one time in forty
    assert high == pytest.approx(1 - 0.025 ** (1 / n))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Live facial-recognition vans", True),
        ("faces recognised", False),
        ("what LFR's for", True),
        ("facial acknowledgement", True),
        ("the vans", False),
    ],
)
def test_keywords_are_those_of_the_codebook(text: str, named: bool) -> None:
    has_keyword = keywords_of(BOOK)
    assert has_keyword
    assert has_keyword(text) == named
    repairs = keywords_of(load("housing-repairs"))
    assert repairs
    assert repairs("no repairs yet")
    assert not repairs(text)


def test_a_row_takes_the_statements_whose_midpoint_lies_in_it() -> None:
    row = Label(topic=True, start_ms=1000, end_ms=3000)
    said = [
        placed(0, 1400, True, "oversight"),
        placed(1400, 2000, True, "consultation", stance="neutral"),
        placed(2000, 2800, False, "notification", stance="concerned"),
        placed(2800, 5000, True, "question"),
    ]
    found = heard(row, said)
    assert (found.topic, sorted(found.codes), found.stance) == (True, ["consultation", "notification"], "concerned")
    around = heard(Label(topic=True, start_ms=100, end_ms=300), said)  # no midpoint: the one that overlaps it most
    assert around.codes == {"oversight"}
    nowhere = heard(Label(topic=True, start_ms=9000, end_ms=9500), said)
    assert (nowhere.topic, nowhere.codes, nowhere.stance) == (False, frozenset(), None)


def test_a_meetings_statements_against_its_sentences() -> None:
    said = [placed(0, 2000, True, "consultation"), placed(2000, 3000, True), placed(4000, 5000, False)]
    sentences = [
        Label(topic=True, start_ms=0, end_ms=900, codes=("consultation",), stance="concerned"),
        Label(topic=True, start_ms=1000, end_ms=1900, codes=("privacy_rights",), stance="supportive"),
        Label(topic=False, start_ms=2050, end_ms=2950),
        Label(topic=True, start_ms=4000, end_ms=5000),
        Label(topic=True, start_ms=6000, end_ms=7000, codes=("oversight",)),  # nothing of it was heard
    ]
    rows = labels_of(said, sentences)
    assert [(row.topic, found.topic) for row, found in rows] == [
        (True, True),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert (rows[0][0].codes, rows[0][0].stance) == (("consultation", "privacy_rights"), "mixed")
    assert rows[-1][0].codes == ("oversight",)


def test_items_as_a_whole_by_their_keywords() -> None:
    def row(at: int, text: str) -> Label:
        return Label(topic=True, start_ms=at, end_ms=at + 9, text=text)

    rows = [row(0, "LFR"), row(10, "the vans"), row(20, "the vans"), row(50, "parks"), row(60, "trees"), row(70, "LFR")]
    said = [placed(r.start_ms, r.end_ms, text=f"{r.text}, as in item four") for r in rows]
    has_keyword = keywords_of(BOOK)
    assert has_keyword
    assert whole_items(rows, said, has_keyword) == [
        False or r.text == "LFR" for r in rows
    ]  # one item, with few keywords
    chair = placed(40, 45, text="We come to item five.")
    assert whole_items(rows[:2] + rows[3:], [*said, chair], has_keyword) == [True, True, False, False, True]


# -- files and the command line ------------------------------------------------------------------------------


def test_rows_by_both_names_of_their_fields(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(
        '{"text": "a", "topic_lfr": true, "tags": ["oversight"], "more": 1}\n\n{"text": "b", "topic": false}\n', "utf-8"
    )
    assert [(r.topic, r.codes, r.stance) for r in read_labels(path)] == [
        (True, ("oversight",), "neutral"),
        (False, (), "neutral"),
    ]


@pytest.mark.parametrize(
    "line", [b'{"text": 1}', b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"topic": true, "stance": "x"}']
)
def test_labels_that_cannot_be_read(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"\n" + line)
    with pytest.raises(Problem) as problem:
        read_labels(path)
    assert "line 2" in problem.value.where


def test_no_labels(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    for name in ("none.jsonl", "empty.jsonl"):
        with pytest.raises(Problem):
            read_labels(tmp_path / name)


def test_statements_alone_and_where_they_stand(tmp_path: Path) -> None:
    with_captions(tmp_path, "panel")
    layout = asked.layout_of(tmp_path)
    jobs, _ = asked.jobs_of(layout, None)
    (outcome,) = batch.run(jobs, lambda event: None, n_workers=0, fresh=set())
    assert outcome.status == "done"
    row = {"meeting": "panel", "topic": True, "style": "paraphrase"}
    truth = [
        row | {"start_ms": 10_000, "end_ms": 19_500, "text": "There was no consultation.", "codes": ["consultation"]},
        row
        | {"start_ms": 30_000, "end_ms": 39_500, "text": "Facial recognition.", "codes": ["transparency", "made_up"]},
    ]
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(r) for r in truth))

    found = measure_tags.in_meetings(path, layout, BOOK)
    assert found.whole.topic.right == 2
    assert found.whole.codes["consultation"].right == 1
    assert found.whole.codes["made_up"].missed == 1
    assert found.whole.baselines["keywords"].right == 1

    told = CliRunner().invoke(app, ["score", "tags", str(path), "--data", str(tmp_path), "--errors", "1"])
    assert told.exit_code == 0, told.output
    assert "(keywords, whole items)" in told.stdout
    assert "made_up: 1 difference" in told.stdout
    alone = CliRunner().invoke(app, ["score", "tags", str(path), "--json"])
    assert msgspec.json.decode(alone.stdout)["whole"]["topic"]["right"] == 1

    path.write_bytes(msgspec.json.encode(truth[0] | {"meeting": "other"}))
    with pytest.raises(Problem, match="has not been run"):
        measure_tags.in_meetings(path, layout, BOOK)
    path.write_bytes(msgspec.json.encode(truth[0] | {"meeting": ""}))
    with pytest.raises(Problem, match="no place"):
        measure_tags.in_meetings(path, layout, BOOK)


def test_made_up_statements_keep_their_codes_and_stance() -> None:
    """Statements of a made-up borough, coded by what the codebook's definitions say. The cues were widened by their
    errors, so the figure is no measure of quality: it falls when a change breaks what was understood before."""
    found = measure_tags.alone(Path(__file__).parent / "data" / "coded-statements.jsonl", BOOK).whole
    assert found.n_rows == 170
    assert found.topic.precision == 1
    assert {code: a.f1.value for code, a in found.codes.items() if a.f1.value < 0.7} == {}
    assert found.macro_f1.value > 0.84
    assert found.mean_stance_f1.value > 0.84


SCHOOL = """\
name = "school-streets"
version = 1
[topic]
name = "school streets"
cues = ["school street*"]
[[codes]]
code = "notice"
name = "Notice"
definition = "Residents were told."
cues = ["were told"]
"""


def test_another_codebook_is_neither_judged_by_keywords_nor_by_codes_that_are_not_its(tmp_path: Path) -> None:
    with_captions(tmp_path, "panel", vtt=captions([("Jo Okafor", "Were told of the school street, were we?")]))
    (tmp_path / "school.toml").write_text(SCHOOL, "utf-8")
    run = CliRunner().invoke(
        app, ["run", "--data", str(tmp_path), "--codebook", str(tmp_path / "school.toml"), "--jobs", "0"]
    )
    assert run.exit_code == 0, run.output
    sentence = {"speaker": "jo-okafor", "start_ms": 0, "end_ms": 9500, "text": "x", "topic": True, "codes": []}
    reference = tmp_path / "reference.json"
    reference.write_bytes(msgspec.json.encode({"schema": "reference/1", "sentences": [sentence]}))
    asked = ["score", "tags", str(reference), str(tmp_path / "processed" / "panel" / "statements.json")]
    refused = CliRunner().invoke(app, asked)
    assert isinstance(refused.exception, Problem)
    assert "school-streets/1, not with lfr-engagement/1" in refused.exception.what
    told = CliRunner().invoke(app, [*asked, "--data", str(tmp_path), "--json"])
    assert told.exit_code == 0, told.output
    whole = msgspec.json.decode(told.stdout)["whole"]
    assert whole["baselines"] == {}
    assert whole["codes"]["notice"]["false"] == 1
    assert whole["stance"] == {}  # the codebook has none
    printed = CliRunner().invoke(app, [*asked, "--data", str(tmp_path), "--errors", "5"]).stdout
    assert "no keywords to compare with" in printed
    assert "stance: none to judge" in printed
    assert "found none" not in printed
