"""Words to voices: right at the edges, steady inside clauses, and no word ever harmed."""

import itertools
import time
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe.attribute import MARGIN_CAP, REACH_MS, _best_path, attribute
from transcribe.records import Turn, Word


def spoken(text: str, start_ms: int, word_ms: int = 300) -> list[Word]:
    """Words one after another, each `word_ms` long."""
    return [
        Word(text=t, start_ms=start_ms + i * word_ms, end_ms=start_ms + (i + 1) * word_ms)
        for i, t in enumerate(text.split())
    ]


def turn(speaker: str, start_ms: int, end_ms: int, exclusive: bool = True) -> Turn:
    return Turn(speaker=speaker, start_ms=start_ms, end_ms=end_ms, exclusive=exclusive)


def speakers(words: Sequence[Word]) -> list[str | None]:
    return [w.speaker for w in words]


def test_turn_edges_half_a_word_off_do_not_split_a_sentence() -> None:
    words = spoken("We briefed the ward members in March.", 0) + spoken("Which members exactly?", 2400)
    late = attribute(words, [turn("S1", 0, 2350), turn("S2", 2350, 3300)])
    assert speakers(late) == ["S1"] * 7 + ["S2"] * 3
    early = attribute(words, [turn("S1", 0, 1900), turn("S2", 1900, 3300)])
    assert speakers(early) == ["S1"] * 7 + ["S2"] * 3
    assert early[6].speaker_margin is not None
    assert late[6].speaker_margin is not None
    assert early[6].speaker_margin < late[6].speaker_margin < MARGIN_CAP


def test_a_stray_splinter_inside_a_clause_is_overruled() -> None:
    words = spoken("nobody on this estate was asked about the cameras", 0)
    out = attribute(words, [turn("S1", 0, 1200), turn("S2", 1200, 1500), turn("S1", 1500, 2700)])
    assert speakers(out) == ["S1"] * 9


def test_an_answer_of_one_word_after_a_pause_keeps_its_voice() -> None:
    words = [*spoken("Councillor Okafor?", 0), *spoken("Present.", 1200, 400), *spoken("Councillor Lindqvist?", 2200)]
    out = attribute(words, [turn("S1", 0, 600), turn("S2", 1200, 1600), turn("S1", 2200, 2800)])
    assert speakers(out) == ["S1", "S1", "S2", "S1", "S1"]


def test_reach_is_measured_to_the_edge_of_the_turn() -> None:
    words = spoken("yes", 10_000)
    long_turn_ends = 10_000 - REACH_MS
    assert speakers(attribute(words, [turn("S1", 0, long_turn_ends)])) == ["S1"]
    assert speakers(attribute(words, [turn("S1", 0, long_turn_ends - 1)])) == [None]
    assert attribute(words, [turn("S1", 0, long_turn_ends - 1)])[0].speaker_margin is None


def test_overlap_is_flagged_and_the_exclusive_turn_decides() -> None:
    words = spoken("We were never told. Order please.", 0)
    turns = [turn("S1", 0, 1200), turn("S2", 1200, 1800), turn("S1", 0, 1800, False), turn("S2", 1100, 1800, False)]
    out = attribute(words, turns)
    assert speakers(out) == ["S1"] * 4 + ["S2"] * 2
    assert [w.overlap for w in out] == [False, False, False, True, True, True]


def test_turns_that_only_overlap_still_give_labels() -> None:
    words = spoken("Thank you. Good evening.", 0)
    out = attribute(words, [turn("S1", 0, 600, False), turn("S2", 600, 1200, False)])
    assert speakers(out) == ["S1", "S1", "S2", "S2"]


def test_a_tie_has_no_margin_and_a_lone_voice_the_largest() -> None:
    (tie,) = attribute(spoken("Agreed.", 1000), [turn("S1", 1000, 1300, False), turn("S2", 1000, 1300, False)])
    assert tie.speaker_margin == 0.0
    (alone,) = attribute(spoken("Agreed.", 1000), [turn("S1", 0, 5000)])
    assert alone.speaker_margin == MARGIN_CAP


def test_voices_from_captions_stay_and_steady_their_neighbours() -> None:
    named = [msgspec.structs.replace(w, speaker="Cllr Okafor") for w in spoken("Thank you, Chair.", 0)]
    assert attribute(named, []) == tuple(named)
    out = attribute(named, [turn("S1", 0, 900)])
    assert speakers(out) == ["Cllr Okafor"] * 3
    assert all(w.speaker_margin is None for w in out)


def test_words_without_times_have_no_voice() -> None:
    words = [Word(text="hello", timing="none"), *spoken("there", 0)]
    assert speakers(attribute(words, [turn("S1", 0, 900)])) == [None, "S1"]


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[Word], list[Turn]]:
    at, words = 0, []
    for text in draw(st.lists(st.sampled_from(["yes", "no.", "and,", "why?", "—", "…”"]), max_size=25)):
        if draw(st.integers(0, 9)) == 0:
            words.append(Word(text=text, timing="none"))
            continue
        at += draw(st.integers(0, 2500))
        voice = draw(st.sampled_from([None, None, None, "Priya"]))
        words.append(Word(text=text, start_ms=at, end_ms=at + draw(st.integers(0, 3000)), speaker=voice))
    moments = st.integers(0, 40_000)
    turns = [
        Turn(speaker=speaker, start_ms=min(a, b), end_ms=max(a, b), exclusive=exclusive)
        for speaker, a, b, exclusive in draw(
            st.lists(st.tuples(st.sampled_from(["S1", "S2", "S3"]), moments, moments, st.booleans()), max_size=12)
        )
    ]
    return words, turns


@given(meetings())
def test_no_word_is_lost_doubled_moved_or_changed(meeting: tuple[list[Word], list[Turn]]) -> None:
    words, turns = meeting
    out = attribute(words, turns)
    blank = {"speaker": None, "speaker_margin": None, "overlap": False}
    assert [msgspec.structs.replace(w, **blank) for w in out] == [msgspec.structs.replace(w, **blank) for w in words]
    for before, after in zip(words, out, strict=True):
        if before.speaker is not None:
            assert (after.speaker, after.speaker_margin) == (before.speaker, None)
        if after.speaker is not None and before.speaker is None:
            assert after.start_ms is not None
            assert after.end_ms is not None
            mine = [t for t in turns if t.speaker == after.speaker]
            nearest = min(max(t.start_ms - after.end_ms, after.start_ms - t.end_ms, 0) for t in mine)
            assert nearest <= REACH_MS
            assert after.speaker_margin is not None
            assert 0 <= after.speaker_margin <= MARGIN_CAP


@given(st.data())
def test_path_and_margins_are_those_of_trying_everything(data: st.DataObject) -> None:
    n, n_voices = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 3))
    some = st.floats(-8, 0)
    scores = np.array(data.draw(st.lists(some, min_size=n * n_voices, max_size=n * n_voices))).reshape(n, n_voices)
    costs = np.array([0.0, *(-c for c in data.draw(st.lists(some, min_size=n - 1, max_size=n - 1)))])
    path, margins = _best_path(scores, costs)

    def score(p: Sequence[int]) -> float:
        changes = sum(costs[i] for i in range(1, n) if p[i] != p[i - 1])
        return float(sum(scores[i, k] for i, k in enumerate(p)) - changes)

    every = list(itertools.product(range(n_voices), repeat=n))
    best = score([int(k) for k in path])
    assert best == pytest.approx(max(map(score, every)))
    for i in range(n):
        other = max(score(p) for p in every if p[i] != path[i])
        assert margins[i] == pytest.approx(min(best - other, MARGIN_CAP), abs=1e-9)


def test_a_four_hour_meeting_takes_under_two_seconds() -> None:
    n, n_speakers = 30_000, 20
    words = [Word(text="word." if i % 12 == 11 else "word", start_ms=480 * i, end_ms=480 * i + 300) for i in range(n)]
    turns = [
        turn(f"S{k % n_speakers}", 480 * 12 * k - (k % 7) * 40 if k else 0, 480 * 12 * (k + 1) - 200)
        for k in range(n // 12)
    ]
    began = time.perf_counter()
    out = attribute(words, turns)
    assert time.perf_counter() - began < 2
    assert sum(w.speaker == f"S{i // 12 % n_speakers}" for i, w in enumerate(out)) == pytest.approx(n, rel=0.001)
