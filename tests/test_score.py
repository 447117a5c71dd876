"""Scores that are right on cases worked out by hand, and that add."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe import references, score, score_voices
from transcribe.problem import Problem
from transcribe.records import SpeakerName, Turn, Word
from transcribe.score import (
    Interval,
    Invented,
    LostRuns,
    NamesHeard,
    StartErrors,
    TurnErrors,
    VoiceCounts,
    WordErrors,
    one_speaker,
    turn_errors,
)
from transcribe.score_names import NameWords, name_words
from transcribe.score_voices import SpeakerWords, speaker_words


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


@st.composite
def speech(draw: st.DrawFn, voices: str) -> list[Turn]:
    """Turns of which none of one voice touch each other."""
    turns = []
    for voice in voices:
        edges = sorted(draw(st.sets(st.integers(0, 300), max_size=8)))
        turns += [turn(voice, a / 10, b / 10) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    return turns


@settings(max_examples=40)
@given(speech("abc"), speech("wxyz"), st.sampled_from([(0, 30_000), (5000, 12_000)]))
def test_turn_errors_are_those_of_pyannote_metrics(
    reference: list[Turn], hypothesis: list[Turn], uem: tuple[int, int]
) -> None:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: list[Turn]) -> Any:
        found = Annotation()
        for k, t in enumerate(turns):
            found[Segment(t.start_ms / 1000, t.end_ms / 1000), k] = t.speaker
        return found

    wanted = DiarizationErrorRate(collar=0.0, skip_overlap=False)(
        annotation(reference),
        annotation(hypothesis),
        uem=Timeline([Segment(uem[0] / 1000, uem[1] / 1000)]),
        detailed=True,
    )
    found = turn_errors(reference, hypothesis, [uem])
    assert (found.missed_ms, found.false_alarm_ms, found.confused_ms, found.reference_ms) == tuple(
        round(1000 * wanted[part]) for part in ("missed detection", "false alarm", "confusion", "total")
    )


def test_jaccard_errors_weigh_every_voice_the_same() -> None:
    reference = [turn("okafor", 0, 90), turn("holm", 90, 100)]
    found = score.score_turns(reference, [turn("S1", 0, 80), turn("S2", 80, 100)])
    assert found.jaccard.n_voices == 2
    assert found.jaccard.summed == pytest.approx(1 / 9 + 1 / 2)
    assert found.jaccard.rate == pytest.approx((1 / 9 + 1 / 2) / 2)
    one = score.score_turns(reference, one_speaker(reference))
    assert one.jaccard.summed == pytest.approx(0.1 + 1)  # a voice that nothing answers to is all wrong
    assert one.voices == VoiceCounts(n_recordings=1, n_reference=2, n_found=1, off=1)
    assert (found + one).voices == VoiceCounts(n_recordings=2, n_exact=1, n_reference=4, n_found=3, off=1)
    assert score.score_turns([], []).jaccard.rate is None


def test_jaccard_errors_match_voices_their_own_way() -> None:
    reference = [turn("okafor", 0, 100), turn("holm", 100, 110)]
    found = score.score_turns(reference, [turn("S1", 0, 40), turn("S2", 40, 90), turn("S2", 100, 109)])
    assert found.errors.confused_ms == 49_000  # okafor is S2, for whom most seconds are right
    assert found.jaccard.summed == pytest.approx((1 - 40 / 100) + (1 - 9 / 60))  # okafor is S1


def test_a_long_day_of_turns_is_scored_at_once() -> None:
    turns = [turn(f"v{k % 30}", k, k + 1.5) for k in range(20_000)]
    began = time.process_time()
    assert score.score_turns(turns, turns).errors.rate == 0
    assert time.process_time() - began < 5


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


def test_exact_words_and_words_without_a_voice() -> None:
    reference = said(("okafor", "the vans were parked"), ("holm", "outside"))
    found = speaker_words(reference, said(("S1", "the van were"), (None, "parked"), ("S2", "outside")))
    assert found == SpeakerWords(n_reference=5, n_found=5, n_unvoiced=1, n_right=4, n_exact=3)
    assert found.wrong_rate == 0
    assert found.attributed_error_rate == pytest.approx(0.4)


def test_cpwer_of_meetevals_example(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counts that MeetEval 0.4.3 gives for its own example, which it does not normalise."""
    monkeypatch.setattr(score_voices, "normalise", str)
    folder = shared / "captions" / "scoring"
    reference, hypothesis = references.read(folder / "ref.stm"), references.read(folder / "hyp.stm")
    both = {
        name: score_voices.voice_errors(reference[name].words or (), hypothesis[name].words or ()) for name in reference
    }
    assert both == {
        "recordingA": WordErrors(substitutions=2, n_reference=62),
        "recordingB": WordErrors(deletions=15, insertions=8, n_reference=30),
    }


@given(*[st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["vans", "cameras", "notice"])), max_size=7)] * 2)
def test_cpwer_is_the_least_over_all_ways_to_match_voices(
    reference: list[tuple[str, str]], hypothesis: list[tuple[str, str]]
) -> None:
    found = score_voices.voice_errors(said(*reference), said(*hypothesis))

    def text(parts: list[tuple[str, str]], voice: str) -> str:
        return " ".join(word for speaker, word in parts if speaker == voice)

    ways = [
        sum(
            (score.word_errors(text(reference, a), text(hypothesis, b)) for a, b in zip("ab", way, strict=True)),
            WordErrors(),
        )
        for way in ("ab", "ba")
    ]
    assert found.n_reference == len(reference)
    assert errors_of(found) == min(map(errors_of, ways))


def errors_of(e: WordErrors) -> int:
    return e.substitutions + e.deletions + e.insertions


def test_tcpwer_needs_meeteval_and_says_nothing_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_voices, "can_time", lambda: False)
    words = said(("okafor", "item five"))
    assert score_voices.timed_voice_errors(words, words) is None
    assert score_voices.score_speakers(words, words).tcpwer.rate is None


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


TEN = "we put it out on our channels last week there"


def test_eight_words_lost_in_a_row_are_a_passage_lost() -> None:
    reference = said(("a", f"good evening {TEN} were signs"))
    assert score.score_words(reference, said(("a", "good evening were signs"))).lost_runs == LostRuns(
        n_words=10, n_runs=1
    )
    seven = said(("a", "good evening last week there were signs"))
    assert score.score_words(reference, seven).lost_runs == LostRuns()
    assert score.score_words(reference, []).lost_runs == LostRuns(n_words=14, n_runs=1)


def test_passages_that_were_written_over_are_lost() -> None:
    reference = said(("a", f"good evening {TEN} were signs"))

    def lost(instead: str) -> LostRuns:
        return score.score_words(reference, said(("a", f"good evening {instead} were signs"))).lost_runs

    assert lost("thanks for watching") == LostRuns(n_words=10, n_runs=1)
    assert lost("thank you all so much for watching please subscribe today") == LostRuns(n_words=10, n_runs=1)
    assert lost("see our videos") == LostRuns(n_words=9, n_runs=1)  # "our" is right by chance
    assert lost("we wrote it down on some channels this week then") == LostRuns()  # misheard, not lost
    later = [
        msgspec.structs.replace(w, start_ms=(w.start_ms or 0) + 600_000, end_ms=(w.end_ms or 0) + 600_000)
        for w in reference
    ]
    assert score.score_words(reference, later).lost_runs == LostRuns(n_words=14, n_runs=1)
    assert score.score_words(reference, later).invented == Invented(n_words=14, n_recordings=1)


@given(st.integers(0, 30), st.integers(8, 20), st.lists(st.sampled_from("xyz"), max_size=20))
def test_whatever_stands_in_a_passages_place_it_is_lost(at: int, n: int, instead: list[str]) -> None:
    words = [f"{a}{b}" for a in "bdfgk" for b in ("am", "en", "ip", "ob", "ut", "ash", "ell", "ick", "ond", "urm")]
    heard = [*words[:at], *instead, *words[at + n :]]
    reference, hypothesis = ([Word(text=t, timing="none") for t in texts] for texts in (words, heard))
    assert score.score_words(reference, hypothesis).lost_runs == LostRuns(n_words=n, n_runs=1)


def test_words_instead_of_others_are_invented_where_nobody_speaks() -> None:
    reference = said(("a", "good evening everybody and welcome"))
    late = [
        Word(text=t, start_ms=600_000 + 300 * i, end_ms=600_200 + 300 * i)
        for i, t in enumerate(["thanks", "for", "watching", "please", "subscribe"])
    ]
    assert score.score_words(reference, late).invented == Invented(n_words=5, n_recordings=1)
    assert score.score_words(reference, said(("a", "good morning everybody and come"))).invented.n_words == 0


def test_words_where_nobody_speaks_are_invented() -> None:
    reference = said(("a", "good evening everybody"))  # until 850 ms

    def invented(at_ms: int) -> Invented:
        late = [*reference, Word(text="Thanks", start_ms=at_ms, end_ms=at_ms + 200)]
        return score.score_words(reference, late).invented

    assert invented(1300) == Invented(n_words=0, n_recordings=1)
    assert invented(1400) == Invented(n_words=1, n_recordings=1)
    assert score.score_words([], said(("a", "thank you"))).invented == Invented(n_words=2, n_recordings=1)
    untimed = [Word(text=t, timing="none") for t in ("good", "evening")]
    assert score.score_words(untimed, said(("a", "good evening everybody"))).invented == Invented()


def test_starts_count_for_right_words_with_times_of_their_own() -> None:
    reference = said(("a", "good evening everybody please"))
    late = [
        msgspec.structs.replace(w, start_ms=(w.start_ms or 0) + k)
        for k, w in zip((10, 20, 30, 40), reference, strict=True)
    ]
    late[1] = msgspec.structs.replace(late[1], text="morning")
    late[2] = msgspec.structs.replace(late[2], timing="cue")
    found = score.score_words(reference, late).starts
    assert found == StartErrors(off_ms=(10, 40))
    assert (found.n_words, found.median_ms) == (2, 25)
    assert StartErrors().p95_ms is None


def test_names_are_heard_whole() -> None:
    reference = said(("a", "Councillor Okafor's map of Tannery Park and Park Road for Okafor"))
    hypothesis = said(("a", "councillor okafor's map of tannery bark and Park Road for Oak"))
    found = score.score_words(reference, hypothesis, ["Okafor", "Tannery Park", "Park", "", "Dunmore"]).names
    assert found == NamesHeard(n_reference=4, n_right=2)
    assert found.recall == 0.5


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
    (tmp_path / "a.ctm").write_text(";; made up\nm1 1 0.5 0.25 gates 0.75\nm1 1 0.25 0.25 the\n")
    assert [(w.text, w.start_ms, w.end_ms, w.confidence) for w in references.read_ctm(tmp_path / "a.ctm")["m1"]] == [
        ("the", 250, 500, None),
        ("gates", 500, 750, 0.75),
    ]


def test_files_are_told_by_name_and_content(shared: Path, tmp_path: Path) -> None:
    folder = shared / "captions" / "scoring"
    stm, seglst = references.read(folder / "ref.stm"), references.read(folder / "ref.seglst.json")
    assert stm.keys() == seglst.keys() == {"recordingA", "recordingB"}
    for name in stm:
        assert [(w.speaker, w.text) for w in seglst[name].words or ()] == [
            (w.speaker, w.text) for w in stm[name].words or ()
        ]
    assert {name: len(a.turns or ()) for name, a in references.read(folder / "hyp.rttm").items()} == {
        "recordingA": 4,
        "recordingB": 2,
    }
    ctm = references.read(folder / "hyp1.ctm")
    assert {name: (len(a.words or ()), a.turns) for name, a in ctm.items()} == {
        "recordingA": (55, None),
        "recordingB": (8, None),
    }
    (tmp_path / "jfk.txt").write_text("ask not\nwhat")
    assert [w.text for w in references.read(tmp_path / "jfk.txt")["jfk"].words or ()] == ["ask", "not", "what"]
    (tmp_path / "made.json").write_text(
        '{"schema": "reference/1", "turns": [{"speaker": "holm", "start_ms": 0, "end_ms": 2000}], "sentences":'
        ' [{"speaker": "holm", "start_ms": 0, "end_ms": 900, "text": "Gates open."}]}'
    )
    made = references.read(tmp_path / "made.json")["made"]
    assert (made.turns, made.by_person, len(made.words or ())) == ((turn("holm", 0, 2),), True, 2)
    assert references.called(Path("data/raw/panel/reference/reference.json")) == "panel"
    assert references.called(Path("data/processed/panel/words.json")) == "panel"
    assert references.called(Path("trn00.words.json")) == "trn00"


SEGMENT = b'[{"session_id": "m1", "speaker": %s, "start_time": 0, "end_time": %s, "words": %s}]'
SENTENCE = b'{"schema": "reference/1", "sentences": [{"speaker": %s, "start_ms": 0, "end_ms": %s, "text": %s}]}'


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
        (references.read_ctm, b"m1 1 0.5 gates"),
        (references.read_ctm, b"m1 1 0.5 0.5 gates 7"),
        (references.read_seglst, b'{"words": []}'),
        (references.read_seglst, b'[{"session_id": "m1"}]'),
        (references.read_seglst, b"[" * 100_000),
        (references.read_seglst, SEGMENT % (b'["a"]', b"1", b'"x"')),
        (references.read_seglst, SEGMENT % (b'"a"', b"true", b'"x"')),
        (references.read_seglst, SEGMENT % (b'"a"', b"1" + b"0" * 400, b'"x"')),
        (references.read_seglst, SEGMENT % (b'"a"', b"1", b"null")),
        (references.read_sentences, SENTENCE % (b'"a"', b"10", b"5")),
        (references.read_sentences, SENTENCE % (b'["a"]', b"10", b'"x"')),
        (references.read_sentences, SENTENCE % (b'"a"', b"9.7", b'"x"')),
        (references.read_sentences, SENTENCE % (b'"a"', b"true", b'"x"')),
        (references.read_sentences, SENTENCE % (b'"a"', b"1e300", b'"x"')),
        (references.read_words, b'{"words": [{"start": true, "end": 2, "speaker": "a", "word": "x"}]}'),
        (references.read_words, b'{"words": [{"start": 1, "end": 2, "speaker": "a", "word": ["x"]}]}'),
        (references.read_text, b"x" * (references.LARGEST_BYTES + 1)),
    ],
)
def test_broken_references_are_problems(tmp_path: Path, reader: Callable[[Path], object], content: bytes) -> None:
    path = tmp_path / "reference"
    path.write_bytes(content)
    with pytest.raises(Problem, match="cannot be scored") as caught:
        reader(path)
    assert caught.value.where == str(path)


def test_what_is_wrong_is_named_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.stm").write_text("m1 1 holm 2 3 thank you\n\nm1 1 holm 5 4 good evening\n")
    with pytest.raises(Problem, match="line 3"):
        references.read(tmp_path / "a.stm")
    (tmp_path / "a.json").write_text(
        '[{"session_id": 1, "speaker": 2, "start_time": 0, "end_time": 1, "words": ""}, 7]'
    )
    with pytest.raises(Problem, match="item 2"):
        references.read(tmp_path / "a.json")
    with pytest.raises(Problem, match="no such file"):
        references.read(tmp_path / "b.json")
    with pytest.raises(Problem, match="not a file"):
        references.read(tmp_path)
    crowd = "".join(f"SPEAKER m1 1 {k} 1 <NA> <NA> v{k}\n" for k in range(references.MOST_VOICES + 1))
    (tmp_path / "a.rttm").write_text(crowd)
    with pytest.raises(Problem, match="more than 200 voices of m1"):
        references.read(tmp_path / "a.rttm")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.txt", "a " * 5, "more than 4 words of a"),
        ("a.stm", "m1 1 holm 0 1 a b c\nm1 1 holm 1 2 d e\n", "more than 4 words of m1"),
        ("a.stm", "".join(f"m{k} 1 holm 0 1 a b c\n" for k in range(3)), "more than 8 words of all recordings"),
        ("a.stm", "m1 1 holm 0 1\n" * 4, "more than 3 turns of m1"),
        ("a.ctm", "m1 1 0 1 a\n" * 5, "more than 4 words of m1"),
        ("a.rttm", "SPEAKER m1 1 0 1 <NA> <NA> a\n" * 4, "more than 3 turns of m1"),
        ("a.json", '{"schema": "turns/1", "engine": "x", "recording_sha256": "x", "turns": '
         '[{"speaker": "a", "start_ms": 0, "end_ms": 10000000001}]}', "times that no recording has"),
    ],
)  # fmt: skip
def test_more_than_a_meeting_holds_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, what: str
) -> None:
    for limit, n in (("MOST_WORDS", 4), ("MOST_TURNS", 3), ("MOST_TOGETHER", 8)):
        monkeypatch.setattr(references, limit, n)
    (tmp_path / name).write_text(content)
    with pytest.raises(Problem, match=what):
        references.read(tmp_path / name)


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


@settings(max_examples=10)
@given(st.lists(st.tuples(*[st.integers(0, 30)] * 2, st.integers(1, 60)), min_size=1, max_size=12), st.integers(0, 9))
def test_the_bootstrap_turns_round_with_its_systems(rows: list[tuple[int, int, int]], seed: int) -> None:
    a, b, n = (list(column) for column in zip(*rows, strict=True))
    there, back = score.bootstrap(a, b, n, seed=seed), score.bootstrap(b, a, n, seed=seed)
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert there.low <= there.high
