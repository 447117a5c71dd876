"""Words to voices: right at the edges, steady inside clauses, and no word ever harmed."""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.attribution import judged
from transcribe.attribute import ISLAND_PAUSE_MS, MARGIN_CAP, REACH_MS, _best_path, attribute
from transcribe.records import Turn, Word
from transcribe.references import read_rttm


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


def test_an_utterance_that_starts_inside_another_turn_goes_where_the_voice_says() -> None:
    words = [*spoken("There were signs up.", 0, 250), *spoken("It was a tweet!", 1000, 200), *spoken("Please,", 1900)]
    crossing = [turn("S1", 0, 1650, False), turn("S2", 950, 1850, False), turn("S3", 1880, 2300, False)]
    late = [turn("S1", 0, 1650), turn("S2", 1650, 1850), turn("S3", 1880, 2300)]  # the louder voice has the overlap
    out = attribute(words, [*late, *crossing])
    assert speakers(out) == ["S1"] * 4 + ["S2"] * 4 + ["S3"]
    assert [w.overlap for w in out] == [False] * 4 + [True] * 4 + [False]
    assert speakers(attribute(words, late)) == ["S1"] * 8 + ["S3"]  # nothing says that S2 came in sooner


def test_one_word_is_not_cut_out_of_unbroken_speech() -> None:
    words = spoken("We asked. Nobody. Answered us.", 0, 400)  # sentence ends make changes cheap
    splinter = [turn("S1", 0, 700), turn("S2", 700, 1300), turn("S1", 1300, 2000)]
    assert speakers(attribute(words, splinter)) == ["S1"] * 5
    aye = [*spoken("Those in favour?", 0), *spoken("Aye.", 1200), *spoken("Carried.", 1500)]
    assert speakers(attribute(aye, [turn("S1", 0, 900), turn("S2", 1200, 1500), turn("S1", 1500, 1800)])) == [
        *["S1"] * 3,
        "S2",
        "S1",
    ]
    between_others = [turn("S1", 0, 800), turn("S2", 800, 1200), turn("S3", 1200, 2000)]
    assert speakers(attribute(words, between_others)) == ["S1", "S1", "S2", "S3", "S3"]


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


def test_a_voice_is_cut_out_at_commas_sooner_than_inside_a_clause() -> None:
    turns = [turn("S1", 0, 1200), turn("S2", 1200, 2400), turn("S1", 2400, 3600)]

    def heard(text: str) -> list[str | None]:
        return speakers(attribute(spoken(text, 0), turns))

    assert heard("we said that the cameras were up all day before anybody knew") == ["S1"] * 12
    assert heard("we said so twice, and the cameras went, all day before anybody") == [
        *["S1"] * 4,
        *["S2"] * 4,
        *["S1"] * 4,
    ]


def test_a_word_between_two_turns_goes_to_the_nearer() -> None:
    words = spoken("Yes. So it is.", 0) + spoken("Indeed.", 1500) + spoken("And what then?", 2100)

    def said_by(end_ms: int, start_ms: int) -> str | None:
        return attribute(words, [turn("S1", 0, end_ms), turn("S2", start_ms, 3000)])[4].speaker

    assert [said_by(1400, 2100), said_by(1200, 1900)] == ["S1", "S2"]


def test_who_comes_in_leads_no_longer_than_they_speak() -> None:
    words = [*spoken("So that is.", 0, 160), *spoken("Quite.", 950, 400), *spoken("Clear.", 2400)]
    cough = [turn("S1", 0, 3000), turn("S1", 0, 3000, False), turn("S2", 880, 940, False)]
    assert speakers(attribute(words, cough)) == ["S1"] * 5


@given(
    st.lists(st.tuples(st.sampled_from(["S1", "S2"]), st.integers(0, 5_000), st.integers(2, 4_000)), min_size=1),
    st.booleans(),
    st.data(),
)
def test_turns_in_pieces_or_told_twice_say_what_whole_ones_say(
    spans: list[tuple[str, int, int]], exclusive: bool, data: st.DataObject
) -> None:
    words = spoken("yes. and so no. we did, as I said before that was so.", 0, 400)
    if exclusive:
        at, turns = 0, []
        for voice, _, length_ms in spans:
            turns.append(turn(voice, at, at + length_ms))
            at += length_ms
    else:
        turns = [turn(voice, start_ms, start_ms + length_ms, False) for voice, start_ms, length_ms in spans]
    k = data.draw(st.integers(0, len(turns) - 1))
    assert attribute(words, [*turns, turns[k]]) == attribute(words, turns)
    if exclusive:
        t, cut = turns[k], data.draw(st.integers(turns[k].start_ms + 1, turns[k].end_ms - 1))
        pieces = [turn(t.speaker, t.start_ms, cut), turn(t.speaker, cut, t.end_ms)]
        assert attribute(words, [*turns[:k], *pieces, *turns[k + 1 :]]) == attribute(words, turns)


def test_a_tie_has_no_margin_and_a_lone_voice_the_largest() -> None:
    (tie,) = attribute(spoken("Agreed.", 1000), [turn("S1", 500, 900), turn("S2", 1400, 1800)])
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
        at += draw(st.sampled_from([0, 0, 0, 100, 299, 300, 800, 2500]))
        voice = draw(st.sampled_from([None, None, None, "Priya"]))
        start_ms, at = at, at + draw(st.integers(0, 1000))
        words.append(Word(text=text, start_ms=start_ms, end_ms=at, speaker=voice))
    moments = st.integers(0, 20_000)
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


@given(meetings())
def test_no_single_word_stands_alone_inside_unbroken_speech(meeting: tuple[list[Word], list[Turn]]) -> None:
    words, turns = meeting
    timed = [(before, after) for before, after in zip(words, attribute(words, turns), strict=True) if after.end_ms]
    for (_, a), (before, b), (_, c) in zip(timed, timed[1:], timed[2:], strict=False):
        assert a.end_ms is not None
        assert b.start_ms is not None
        assert b.end_ms is not None
        assert c.start_ms is not None
        unbroken = b.start_ms - a.end_ms < ISLAND_PAUSE_MS and c.start_ms - b.end_ms < ISLAND_PAUSE_MS
        if before.speaker is None and b.speaker is not None and a.speaker == c.speaker is not None and unbroken:
            assert b.speaker == a.speaker


@given(meetings(), st.integers(1, 10**7))
def test_a_later_start_moves_nothing_else(meeting: tuple[list[Word], list[Turn]], by_ms: int) -> None:
    words, turns = meeting

    def later(x: Any) -> Any:
        return (
            x
            if x.start_ms is None
            else msgspec.structs.replace(x, start_ms=x.start_ms + by_ms, end_ms=x.end_ms + by_ms)
        )

    out = attribute(words, turns)
    assert attribute([*map(later, words)], [*map(later, turns)]) == tuple(map(later, out))


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 400)), max_size=20), st.booleans())
def test_two_far_voices_are_never_mixed(speeches: list[tuple[bool, int, int]], exclusive: bool) -> None:
    """However long or short their speeches are, with more than the reach of silence between them."""
    at, words, turns, voices = 0, [], [], []
    for second, n_words, off_ms in speeches:
        speaker = "S2" if second else "S1"
        words += spoken("word " * n_words, at)
        voices += [speaker] * n_words
        turns.append(turn(speaker, max(at - off_ms, 0), at + 300 * n_words + off_ms, exclusive))
        at += 300 * n_words + REACH_MS + 1000
    assert speakers(attribute(words, turns)) == voices


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


def test_words_of_real_meetings_find_their_voices_though_times_are_shaken(shared: Path) -> None:
    folder = shared / "audio" / "ami"
    found = judged(folder, sorted(read_rttm(folder / "ami.rttm")), n_shakes=3)

    def right(kind: str, way: str) -> float:
        return found[kind, way]["right"] / found[kind, way].total()

    assert right("outside overlap", "as written") >= 0.97
    assert right("within 0.5 s of a change", "best voice") > right("within 0.5 s of a change", "maximum overlap")


def test_a_four_hour_meeting_takes_under_two_seconds() -> None:
    n, n_speakers = 30_000, 20
    words = [Word(text="word." if i % 12 == 11 else "word", start_ms=480 * i, end_ms=480 * i + 300) for i in range(n)]
    turns = [
        turn(f"S{k % n_speakers}", 480 * 12 * k - (k % 7) * 40 if k else 0, 480 * 12 * (k + 1) - 200)
        for k in range(n // 12)
    ]
    began = time.process_time()
    out = attribute(words, turns)
    assert time.process_time() - began < 2
    assert sum(w.speaker == f"S{i // 12 % n_speakers}" for i, w in enumerate(out)) == pytest.approx(n, rel=0.001)
