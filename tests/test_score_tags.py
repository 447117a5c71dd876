"""Scores of tags: what they count, and that the shipped rules beat plain keywords on labelled statements."""

from pathlib import Path

import msgspec
import pytest

from analyse.codebook import load
from analyse.records import Stance, Statement, Statements, Tag, Topic
from analyse.score import Counts, Sentence, StanceCounts, read_labels, score_meeting, score_tags
from transcribe.problem import Problem

BOOK = load("lfr-engagement")


def test_counts_add_and_rates_come_from_them() -> None:
    total = Counts(right=3, false=1) + Counts(right=1, missed=2)
    assert (total.precision, total.recall) == (4 / 5, 4 / 6)
    assert total.f1 == pytest.approx(8 / 11)
    assert Counts().f1 == 0


def test_stance_counts() -> None:
    counts = StanceCounts(
        confusion=(("concerned", "concerned", 3), ("neutral", "concerned", 1), ("neutral", "neutral", 1))
    )
    assert counts.accuracy == 4 / 5
    assert counts.macro_f1 == pytest.approx((6 / 7 + 2 / 3) / 2)


def test_rows_are_scored_by_part_and_slice(tmp_path: Path) -> None:
    rows = [
        {
            "text": "Nobody was consulted about facial recognition.",
            "topic_lfr": True,
            "tags": ["consultation"],
            "stance": "concerned",
        },
        {
            "text": "It was just a tweet.",
            "context": "facial recognition",
            "topic_lfr": True,
            "tags": [],
            "stance": "concerned",
        },
        {"text": "The bins were late.", "topic_lfr": False, "tags": [], "stance": "neutral"},
    ]
    style = {"style": "paraphrase", "verbatim": False}
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(r | {"source_doc": str(n)} | style) for n, r in enumerate(rows)))
    report = score_tags(path, BOOK)
    assert (report.whole.n_rows, report.whole.n_on_topic) == (3, 2)
    assert report.paraphrase == report.whole
    assert report.whole.topic == Counts(right=2)
    assert report.whole.keywords == Counts(right=1, missed=1)
    assert report.whole.keywords_context == Counts(right=2)
    per_code = dict(report.whole.codes.per_code)
    assert per_code["consultation"] == Counts(right=1)
    assert per_code["notification"] == Counts(false=1)
    parts = [score_tags(path, BOOK, part=p).whole.n_rows for p in ("read", "held-back")]
    assert sum(parts) == 3


def test_labels_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('\n{"text": 1}\n', encoding="utf-8")
    with pytest.raises(Problem) as problem:
        read_labels(path)
    assert "line 2" in problem.value.where
    with pytest.raises(Problem):
        read_labels(tmp_path / "none.jsonl")


def statement(start_ms: int, end_ms: int, about: bool, code: str = "") -> Statement:
    tags = (Tag(code=code, score=0.5, first_word=0, end_word=1, tagger="t/1", codebook="c/1"),) if code else ()
    return Statement(
        meeting="m",
        start_ms=start_ms,
        end_ms=end_ms,
        first_word=0,
        end_word=1,
        speaker=None,
        text="x",
        topic=Topic(about=about, score=0.5),
        tags=tags,
        stance="concerned" if about else None,
        stance_holder="speaker" if about else None,
    )


def test_a_meeting_is_scored_by_time() -> None:
    def sentence(start_ms: int, end_ms: int, topic: bool, *codes: str) -> Sentence:
        stance: Stance = "concerned" if topic else "neutral"
        return Sentence(
            speaker="a", start_ms=start_ms, end_ms=end_ms, text="x", topic=topic, codes=codes, stance=stance
        )

    found = Statements(
        meeting="m",
        transcript_sha256="0",
        codebook="c/1",
        tagger="t/1",
        statements=(
            statement(0, 2000, True, "consultation"),
            statement(2000, 3000, True),
            statement(4000, 5000, False),
        ),
    )
    reference = (
        sentence(0, 900, True, "consultation"),
        sentence(1000, 1900, True, "privacy_rights"),
        sentence(2050, 2950, False),
        sentence(4000, 5000, True),
        sentence(6000, 7000, True),
    )
    score = score_meeting(found, reference, BOOK)
    assert score.sentences == Counts(right=2, false=1, missed=2)
    assert score.statements == Counts(right=1, false=1, missed=1)
    assert [s.start_ms for s in score.missed] == [4000, 6000]
    assert [s.start_ms for s in score.false] == [2000]
    per_code = dict(score.codes.per_code)
    assert (per_code["consultation"], per_code["privacy_rights"]) == (Counts(right=1), Counts(missed=1))
    assert (score.stance.accuracy, score.holder_right, score.holder_n) == (1.0, 1, 1)


@pytest.mark.shared
def test_on_statements_never_read_the_rules_beat_keywords(shared: Path) -> None:
    report = score_tags(shared / "lfr" / "dev.jsonl", BOOK, part="held-back")
    for score in (report.whole, report.paraphrase):
        assert score.topic_alone.f1 > score.keywords.f1
        assert score.codes.micro_f1 > 0.5
        assert score.stance.accuracy > 0.5
