"""Scores that are right on cases worked out by hand, and that add."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe import references, score
from transcribe.problem import Problem
from transcribe.records import SpeakerName, Turn, Word
from transcribe.score import (
    Interval,
    NameWords,
    TurnErrors,
    WordErrors,
    name_words,
    one_speaker,
    speaker_words,
    turn_errors,
)


def turn(speaker: str, start_s: float, end_s: float, exclusive: bool = False) -> Turn:
    return Turn(speaker=speaker, start_ms=round(1000 * start_s), end_ms=round(1000 * end_s), exclusive=exclusive)


def said(*parts: tuple[str | None, str]) -> list[Word]:
    tokens = [(speaker, t) for speaker, text in parts for t in text.split()]
    return [Word(text=t, start_ms=300 * i, end_ms=300 * i + 250, speaker=s) for i, (s, t) in enumerate(tokens)]


def test_word_errors_are_counted_after_normalising() -> None:
    assert score.word_errors("Um, we've spoken to twenty-one people.", "we have spoken to 21 people").rate == 0
    found = score.word_errors("the vans were parked outside", "the van were parked right outside the mosque")
    assert found == WordErrors(substitutions=1, deletions=0, insertions=3, n_reference=5)
    assert score.word_errors("", "well well") == WordErrors(insertions=2)
    assert score.word_errors("well well", "") == WordErrors(deletions=2, n_reference=2)
    assert score.word_errors("", "").rate is None


def test_errors_add_and_rates_are_taken_at_the_end() -> None:
    short, long = WordErrors(deletions=1, n_reference=1), WordErrors(n_reference=99)
    assert (short + long).rate == 0.01
    assert sum([short, long], WordErrors()) == WordErrors(deletions=1, n_reference=100)


@given(*[st.lists(st.sampled_from(["vans", "cameras", "watchlist", "notice"]), max_size=8)] * 2)
def test_word_errors_are_an_edit_distance(reference: list[str], hypothesis: list[str]) -> None:
    there = score.word_errors(" ".join(reference), " ".join(hypothesis))
    back = score.word_errors(" ".join(hypothesis), " ".join(reference))
    assert there.substitutions + there.deletions + there.insertions == sum(
        (back.substitutions, back.deletions, back.insertions)
    )
    assert there.n_reference - there.deletions + there.insertions == len(hypothesis)


def test_turn_errors_count_overlap_and_leave_no_collar() -> None:
    reference = [turn("okafor", 0, 10), turn("holm", 8, 20)]
    hypothesis = [turn("S1", 0, 11), turn("S2", 11, 21)]
    found = turn_errors(reference, hypothesis, [(0, 21_000)])
    assert found == TurnErrors(missed_ms=2000, false_alarm_ms=1000, confused_ms=1000, reference_ms=22_000)
    assert turn_errors(reference, reference).rate == 0
    cut = turn_errors(reference, hypothesis, [(0, 8000)])
    assert cut == TurnErrors(reference_ms=8000)


def test_overlapping_turns_of_a_hypothesis_are_the_ones_that_count() -> None:
    reference = [turn("okafor", 0, 10), turn("holm", 8, 20)]
    exclusive = [turn("S1", 0, 9, True), turn("S2", 9, 20, True)]
    assert turn_errors(reference, exclusive).missed_ms == 2000
    assert turn_errors(reference, [*exclusive, turn("S1", 0, 10), turn("S2", 8, 20)]).rate == 0


def test_turns_may_be_none() -> None:
    assert turn_errors([], []) == TurnErrors()
    assert turn_errors([], [turn("S1", 0, 1)]).false_alarm_ms == 1000
    assert turn_errors([turn("okafor", 0, 1)], []).rate == 1


def test_the_baseline_is_all_the_speech_in_one_voice() -> None:
    reference = [turn("okafor", 0, 10), turn("holm", 8, 20), turn("okafor", 25, 26)]
    baseline = one_speaker(reference)
    assert baseline == (turn("S1", 0, 20), turn("S1", 25, 26))
    assert turn_errors(reference, baseline) == TurnErrors(missed_ms=2000, confused_ms=9000, reference_ms=23_000)


def test_speaker_words_need_the_word_and_the_voice() -> None:
    reference = said(("okafor", "Item five, please."), ("holm", "We've opened the gates."))
    hypothesis = said(("S7", "item five"), ("S3", "we have opened gates"))
    found = speaker_words(reference, hypothesis)
    assert (found.n_reference, found.n_found, found.n_right) == (7, 5, 5)
    one_voice = speaker_words(reference, said(("S1", "item five please we have opened the gates")))
    assert (one_voice.n_found, one_voice.n_right) == (7, 4)
    assert speaker_words(reference, []).rate == 0
    assert speaker_words([], reference).rate is None
    nobody = speaker_words(reference, said((None, "item five please we have opened the gates")))
    assert (nobody.n_found, nobody.n_right) == (7, 0)


def test_name_words() -> None:
    reference = said(("okafor", "item five please"), ("holm", "thank you"), ("resident", "nobody asked us"))
    hypothesis = said(("S1", "item five please"), ("S2", "thank"), ("S3", "nobody asked us"))
    names = [
        SpeakerName(label="S1", display="Jo Okafor", person="okafor", status="inferred", probability=0.95),
        SpeakerName(label="S2", display="Jo Okafor", person="okafor", status="inferred", probability=0.95),
        SpeakerName(label="S3", display="Unknown speaker 3"),
    ]
    found = name_words(reference, hypothesis, names)
    assert found == NameWords(right=3, wrong=1, unknown=3, missed=1)
    assert found.precision == 0.75
    assert found.coverage == pytest.approx(4 / 7)
    assert NameWords().precision is None


def test_a_missing_library_is_a_problem_with_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(Problem, match="scoring needs jiwer") as caught:
        score.word_errors("a b", "a c")
    assert "onrecord[eval]" in caught.value.fix


def test_references_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text(";; made up\nSPEAKER m1 1 1.5 2.25 <NA> <NA> okafor <NA> <NA>\nSPKR-INFO m1 1\n")
    assert references.read_rttm(tmp_path / "a.rttm") == {"m1": (turn("okafor", 1.5, 3.75),)}
    (tmp_path / "a.uem").write_text("m1 1 0 30\nm1 1 40.5 50\n")
    assert references.read_uem(tmp_path / "a.uem") == {"m1": ((0, 30_000), (40_500, 50_000))}
    (tmp_path / "a.stm").write_text("m1 1 holm 2 3 <o,f0> thank you\nm1 1 okafor 0.5 1 good evening\n")
    first, second = references.read_stm(tmp_path / "a.stm")["m1"]
    assert (first.speaker, second.text) == ("okafor", "thank you")
    (tmp_path / "words.json").write_text(
        '{"words": [{"start": 0.5, "end": 0.9, "speaker": "a", "word": "Good"},'
        '{"start": 0.9, "end": 0.9, "speaker": "a", "word": ".", "punc": true},'
        '{"start": 0.2, "end": 0.4, "speaker": "b", "word": "Hello"}]}'
    )
    assert [(w.text, w.speaker) for w in references.read_words(tmp_path / "words.json")] == [
        ("Hello", "b"),
        ("Good.", "a"),
    ]
    (tmp_path / "reference.json").write_text(
        '{"schema": "reference/1", "sentences":'
        ' [{"speaker": "holm", "start_ms": 0, "end_ms": 900, "text": "Gates open."}]}'
    )
    words = references.words_of(references.read_sentences(tmp_path / "reference.json"))
    assert [(w.text, w.start_ms, w.end_ms) for w in words] == [("Gates", 0, 450), ("open.", 450, 900)]


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (references.read_text, b"\xff\xfe\x00"),
        (references.read_rttm, b"SPEAKER m1 one"),
        (references.read_rttm, b"SPEAKER m1 1 x 2 <NA> <NA> okafor"),
        (references.read_rttm, b"SPEAKER m1 1 5 -3 <NA> <NA> okafor"),
        (references.read_uem, b"m1 1 5 3"),
        (references.read_stm, b"m1 1 okafor 5 nan text"),
        (references.read_uem, b"m1 1 0 inf"),
        (references.read_words, b"[]"),
        (references.read_words, b'{"words": [{}]}'),
        (references.read_words, b'{"words": 7}'),
        (references.read_sentences, b'{"sentences": [{"speaker": "okafor"}]}'),
        (references.read_sentences, b'{"sentences": ["okafor"]}'),
    ],
)
def test_broken_references_are_problems(tmp_path: Path, reader: Callable[[Path], object], content: bytes) -> None:
    path = tmp_path / "reference"
    path.write_bytes(content)
    with pytest.raises(Problem, match="not a usable reference") as caught:
        reader(path)
    assert caught.value.where == str(path)


def test_real_references_agree_with_themselves(shared: Path) -> None:
    folder = shared / "audio" / "ami"
    turns, ranges = references.read_rttm(folder / "ami.rttm"), references.read_uem(folder / "ami.uem")
    assert len(turns) == 11
    baseline = TurnErrors()
    for name, mine in turns.items():
        assert turn_errors(mine, mine, ranges[name]).rate == 0
        baseline += turn_errors(mine, one_speaker(mine), ranges[name])
        words = references.read_words(folder / f"{name}.words.json")
        assert speaker_words(words, words).rate == 1
    assert baseline.rate == pytest.approx(0.31, abs=0.01)


def test_the_bootstrap_tells_a_difference_from_luck() -> None:
    n_words = [20] * 50
    assert score.bootstrap([1] * 50, [1] * 50, n_words) == Interval(difference=0.0, low=0.0, high=0.0)
    assert score.bootstrap([3] * 50, [1] * 50, n_words) == Interval(difference=0.1, low=0.1, high=0.1)
    lucky = score.bootstrap([20, *[0] * 49], [0] * 50, n_words)  # all that A did worse is one sentence
    assert lucky.difference == 0.02
    assert lucky.low == 0.0
    assert 0.05 < lucky.high < 0.1
    with pytest.raises(ValueError, match="without words"):
        score.bootstrap([0, 0], [1, 1], [0, 0])
    with pytest.raises(ValueError, match="same files"):
        score.bootstrap([1], [1, 2], [5])


def test_the_bootstrap_pools_and_never_averages_rates() -> None:
    found = score.bootstrap([1, 0], [0, 0], [1, 99])
    assert found.difference == 0.01
    assert found == score.bootstrap([1, 0], [0, 0], [1, 99])
    assert found.low == 0.0


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 2, st.integers(1, 60)), min_size=1, max_size=12), st.integers(0, 9))
def test_the_bootstrap_turns_round_with_its_systems(rows: list[tuple[int, int, int]], seed: int) -> None:
    a, b, n = (list(column) for column in zip(*rows, strict=True))
    there, back = score.bootstrap(a, b, n, seed=seed), score.bootstrap(b, a, n, seed=seed)
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert there.low <= there.high
