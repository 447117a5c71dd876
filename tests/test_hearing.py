"""Clips and judgement: all speech is in a clip, no clip is too long, and what cannot be trusted is left out openly."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transcribe import hearing, vad
from transcribe.audio import Audio
from transcribe.engines import Block
from transcribe.hearing import Heard, judge, loops, to_words, unheard
from transcribe.records import check_words, text_of
from transcribe.vad import Clip


def heard(
    text: str, *, start_s: float = 0.0, each_s: float = 0.3, logprob: float = -0.3, no_speech: float = 0.0
) -> Heard:
    words = tuple(
        (f" {word}", start_s + i * each_s, start_s + (i + 1) * each_s, 0.9) for i, word in enumerate(text.split())
    )
    return Heard(words=words, logprob=logprob, no_speech=no_speech, compression=hearing.compression(text))


def clip(*speech: tuple[int, int]) -> Clip:
    return Clip(start_ms=speech[0][0], end_ms=speech[-1][1], speech=speech)


# -- clips ----------------------------------------------------------------------------------------

SPEECH = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 1_500)), max_size=8)  # frames of silence, of speech


def probabilities_of(runs: Sequence[tuple[int, int]]) -> list[float]:
    return [p for silence, speech in runs for p in [0.0] * silence + [0.9] * speech]


@settings(max_examples=60, deadline=None)
@given(runs=SPEECH)
def test_clips_hold_all_speech_and_are_short_and_in_order(runs: list[tuple[int, int]]) -> None:
    probabilities = probabilities_of(runs)
    found = clips_of(probabilities)
    for a, b in itertools.pairwise(found):
        assert a.end_ms <= b.start_ms
    for c in found:
        assert 0 < c.end_ms - c.start_ms <= vad.CLIP_MS
        assert (c.start_ms, c.end_ms) == (c.speech[0][0], c.speech[-1][1])
        for before, after in itertools.pairwise(c.speech):
            assert before[1] <= after[0] <= before[1] + vad.GAP_MS
    inside = np.zeros(len(probabilities) * vad.FRAME_MS + 1, bool)
    for c in found:
        for start, end in c.speech:
            inside[start:end] = True
    at = 0
    for silence, speech in runs:
        at += silence * vad.FRAME_MS
        if speech * vad.FRAME_MS >= vad.SHORTEST_MS:
            assert inside[at : at + speech * vad.FRAME_MS].all()
        at += speech * vad.FRAME_MS


@settings(max_examples=30, deadline=None)
@given(runs=SPEECH, data=st.data())
def test_listening_resumes_with_the_same_clips(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    probabilities = probabilities_of(runs)
    found = clips_of(probabilities)
    if len(found) > 1:
        n = data.draw(st.integers(1, len(found) - 1))
        middle = (found[n - 1].end_ms + found[n].start_ms) // 2
        if found[n].start_ms - found[n - 1].end_ms > vad.GAP_MS:
            assert clips_of(probabilities, middle) == found[n:]


@settings(max_examples=30, deadline=None)
@given(runs=SPEECH, at=st.floats(0, 1))
def test_a_stretch_widened_to_its_pauses_tears_no_speech(runs: list[tuple[int, int]], at: float) -> None:
    """Two parts that meet in a pause hold all the speech of the whole."""
    probabilities = probabilities_of(runs)
    whole_ms = len(probabilities) * vad.FRAME_MS
    with frames_of(probabilities) as audio:
        seam = vad.nearest_pause(audio, round(at * whole_ms), 0, whole_ms)
        pauses = [a for a in range(0, whole_ms, vad.FRAME_MS) if is_pause(probabilities, a)]
        before, after = list(vad.clips(audio, 0, seam)), list(vad.clips(audio, seam))
    assert all(c.end_ms <= seam for c in before)
    assert all(c.start_ms >= seam for c in after)
    if pauses:
        assert speech_in(clips_of(probabilities), probabilities) <= speech_in([*before, *after], probabilities)


def speech_in(found: Sequence[Clip], probabilities: Sequence[float]) -> set[int]:
    """Frames of speech that some clip holds."""
    frames = {f for c in found for a, b in c.speech for f in range(-(-a // vad.FRAME_MS), b // vad.FRAME_MS)}
    return {f for f in frames if probabilities[f] >= vad.ON}


def is_pause(probabilities: Sequence[float], at_ms: int) -> bool:
    first = at_ms // vad.FRAME_MS
    n = vad.PAUSE_MS // vad.FRAME_MS
    return first + n <= len(probabilities) and max(probabilities[first : first + n]) < vad.OFF


def clips_of(probabilities: Sequence[float], from_ms: int = 0) -> list[Clip]:
    with frames_of(probabilities) as audio:
        return list(vad.clips(audio, from_ms))


@contextlib.contextmanager
def frames_of(probabilities: Sequence[float]) -> Iterator[Audio]:
    """A recording of which the detector thinks so."""

    class Length:
        duration_ms = len(probabilities) * vad.FRAME_MS

    def frames(audio: Audio, from_ms: int, to_ms: int) -> Iterator[tuple[int, float]]:
        timed = ((i * vad.FRAME_MS, p) for i, p in enumerate(probabilities))
        return (frame for frame in timed if from_ms <= frame[0] < to_ms)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vad, "_probabilities", frames)
        yield Length()  # type: ignore[misc]


def test_pieces_join_without_a_seam_and_begin_at_the_same_places_when_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("faster_whisper")
    noise = np.random.default_rng(0).normal(0, 2_000, 60 * 16_000)
    (noise * (np.sin(np.arange(len(noise)) / 20_000) > 0)).astype("<i2").tofile(tmp_path / "a.s16")
    audio = Audio(path=tmp_path / "a.s16")
    whole = dict(vad._probabilities(audio, 0, audio.duration_ms))
    monkeypatch.setattr(vad, "PIECE", 300)
    pieces = dict(vad._probabilities(audio, 0, audio.duration_ms))
    assert whole.keys() == pieces.keys()
    assert np.mean([(whole[at] >= vad.ON) != (pieces[at] >= vad.ON) for at in whole]) < 0.02
    resumed = dict(vad._probabilities(audio, 25_000, audio.duration_ms))
    assert resumed == {at: p for at, p in pieces.items() if at >= 25_000}


# -- judgement ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("I'm sorry. I'm sorry. I'm sorry. I'm sorry.", True),
        ("thank you " * 4, True),
        ("so we will go round again and so we will go round again and " * 2, True),
        ("no no no no no", False),
        ("Hear, hear. Hear, hear.", False),
        ("All those in favour? Those against? Those abstaining?", False),
        ("", False),
    ],
)
def test_loops(text: str, looping: bool) -> None:
    assert loops(text) is looping


def test_judgement() -> None:
    good = "Councillors were briefed three times before the cameras went up on the high street"
    ten_s = clip((0, 10_000))
    assert judge(ten_s, [heard(good)]) == ""
    assert judge(ten_s, []) == ""
    assert "unsure" in judge(ten_s, [heard(good, logprob=-1.2)])
    assert "not speech" in judge(ten_s, [heard(good, logprob=-0.7, no_speech=0.9)])
    assert "more words" in judge(clip((0, 1_000)), [heard(good)])
    assert "fewer words" in judge(ten_s, [heard("the motion falls", each_s=3.3)])
    assert "repeats" in judge(clip((0, 30_000)), [heard("go on and on " * 20)])


def test_speech_that_no_word_covers() -> None:
    long = clip((1_000, 9_000), (10_000, 14_000))
    assert unheard(long, [heard("one two", each_s=4.0)]) == [(9_000 + 1_000, 14_000)]
    assert unheard(long, []) == [(1_000, 14_000)]
    assert unheard(clip((0, 500)), []) == []
    drawn_out = Heard(words=((" well", 0.0, 8.0, 0.9),), logprob=-0.1, no_speech=0, compression=1)
    assert (2_000, 8_000) in unheard(long, [drawn_out])


class Scripted:
    """Ears that say what the script has for a clip of that length in ms, first and again."""

    languages = frozenset({"en", "cy"})

    def __init__(self, script: dict[int, tuple[list[Heard], list[Heard]]]) -> None:
        self.script = script

    def detect(self, samples: NDArray[np.float32]) -> str:
        return "cy"

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        return [self.script[len(s) // 16][0] for s in samples]

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        return self.script[len(samples) // 16][1]


Hear = Callable[[Clip, dict[int, tuple[list[Heard], list[Heard]]]], Block]


@pytest.fixture
def hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hear:
    def listen(only: Clip, script: dict[int, tuple[list[Heard], list[Heard]]]) -> Block:
        np.zeros(40 * 16_000, "<i2").tofile(tmp_path / "a.s16")
        monkeypatch.setattr(hearing, "clips", lambda audio, from_ms=0, to_ms=None: iter([only]))
        (block,) = hearing.blocks(
            Scripted(script),
            Audio(path=tmp_path / "a.s16"),
            language=None,
            vocabulary=["Okafor"],
            from_ms=0,
            to_ms=None,
        )
        return block

    return listen


LOOP = heard("thank you " * 8)
TWO = clip((2_000, 5_000), (6_000, 8_000))  # 6000 ms as a whole, 3000 and 2000 in halves


def test_what_passes_is_kept_in_the_language_that_was_detected(hear: Hear) -> None:
    block = hear(TWO, {6_000: ([heard("we were never asked at all about this", each_s=0.6)], [])})
    assert block.language == "cy"
    assert text_of(block.words) == "we were never asked at all about this"
    assert block.stretches == ()


def test_what_fails_is_heard_again(hear: Hear) -> None:
    block = hear(TWO, {6_000: ([LOOP], [heard("we were never asked at all about this", each_s=0.6)])})
    assert text_of(block.words) == "we were never asked at all about this"
    assert block.stretches == ()


def test_progress_is_told_after_each_clip_and_whenever_one_is_heard_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.zeros(40 * 16_000, "<i2").tofile(tmp_path / "a.s16")
    two = [clip((2_000, 5_000), (6_000, 8_000)), clip((10_000, 11_000))]
    monkeypatch.setattr(hearing, "clips", lambda audio, from_ms=0, to_ms=None: iter(two))
    said = heard("we were never asked at all about this", each_s=0.6)
    told: list[tuple[int, int]] = []
    ears = Scripted({6_000: ([LOOP], [said]), 1_000: ([heard("never")], [])})
    audio = Audio(path=tmp_path / "a.s16")
    list(
        hearing.blocks(
            ears,
            audio,
            language="en",
            vocabulary=[],
            from_ms=0,
            to_ms=None,
            progress=lambda done, total: told.append((done, total)),
        )
    )
    assert told == [(2_000, 40_000), (8_000, 40_000), (11_000, 40_000)]


def test_what_fails_again_is_cut_and_its_good_half_kept(hear: Hear) -> None:
    script = {6_000: ([LOOP], [LOOP]), 3_000: ([heard("we were never asked")], []), 2_000: ([LOOP], [LOOP])}
    block = hear(TWO, script)
    assert text_of(block.words) == "we were never asked"
    assert [(s.kind, s.start_ms, s.end_ms) for s in block.stretches] == [("untranscribed", 6_000, 8_000)]
    assert "repeats" in block.stretches[0].reason


def test_words_around_speech_without_words_are_kept(hear: Hear) -> None:
    said = heard("we were never asked")
    script = {6_500: ([said], [said]), 3_000: ([said], [said]), 2_500: ([], [])}
    block = hear(clip((2_000, 5_000), (6_000, 8_500)), script)
    assert text_of(block.words) == "we were never asked"
    assert [(s.start_ms, s.end_ms) for s in block.stretches] == [(6_000, 8_500)]


TIMES = st.floats(-1, 40, allow_nan=False)
PIECES = st.tuples(
    st.sampled_from([" aye", "-no", " £", "250", " we were", "", " "]), TIMES, TIMES, st.floats(-0.1, 1.1)
)


@settings(max_examples=200)
@given(pieces=st.lists(PIECES, max_size=20), gap_ms=st.integers(0, 5_000))
def test_words_lie_in_their_clip_in_order_with_all_their_letters(
    pieces: list[tuple[str, float, float, float]], gap_ms: int
) -> None:
    where = clip((3_000, 6_000), (6_000 + gap_ms, 12_000 + gap_ms))
    made = to_words(where, [Heard(words=tuple(pieces), logprob=0, no_speech=0, compression=1)], list(where.speech))
    ordered = tuple(hearing._in_order(made, where.end_ms))
    check_words(ordered, where.end_ms)
    assert all((w.start_ms or 0) >= where.start_ms for w in ordered)
    assert "".join(w.text for w in ordered) == "".join("".join(text.split()) for text, *_ in pieces)
