"""Clips and judgement: all speech is in a clip, no clip is too long, and what cannot be trusted is left out openly."""

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.make_media import write_sound
from transcribe import hearing, vad
from transcribe.audio import FRAME, RATE_HZ, Audio, Source, decode
from transcribe.engines import Block
from transcribe.gates import UNHEARD_MS, Heard, compression, echoes, judge, loops, unheard
from transcribe.hearing import to_words
from transcribe.ranges import length, within, without
from transcribe.records import check_words, text_of
from transcribe.vad import Clip


def heard(
    text: str, *, start_s: float = 0.0, each_s: float = 0.3, logprob: float = -0.3, no_speech: float = 0.0
) -> Heard:
    words = tuple(
        (f" {word}", start_s + i * each_s, start_s + (i + 1) * each_s, 0.9) for i, word in enumerate(text.split())
    )
    return Heard(words=words, logprob=logprob, no_speech=no_speech, compression=compression(text))


def clip(*speech: tuple[int, int]) -> Clip:
    return Clip(start_ms=speech[0][0], end_ms=speech[-1][1], speech=speech)


# -- clips ----------------------------------------------------------------------------------------

SPEECH = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 1_500)), max_size=8)  # frames of silence, of speech


def probabilities_of(runs: Sequence[tuple[int, int]]) -> list[float]:
    return [p for silence, speech in runs for p in [0.0] * silence + [0.9] * speech]


@settings(max_examples=60)
@given(runs=SPEECH)
def test_clips_hold_all_speech_and_are_short_and_in_order(runs: list[tuple[int, int]]) -> None:
    probabilities = probabilities_of(runs)
    found = clips_of(probabilities)
    for a, b in itertools.pairwise(found):
        assert a.end_ms <= b.start_ms
    for c in found:
        assert 0 < c.end_ms - c.start_ms <= vad.CLIP_MS
        assert 0 <= c.speech[0][0] - c.start_ms <= vad.EDGE_MS - vad.PAD_MS
        assert 0 <= c.end_ms - c.speech[-1][1] <= vad.EDGE_MS - vad.PAD_MS
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


@settings(max_examples=60)
@given(runs=SPEECH, faint=st.tuples(st.integers(0, 400), st.integers(1, 200)))
def test_faint_sound_takes_no_speech_away_and_is_not_passed_over(
    runs: list[tuple[int, int]], faint: tuple[int, int]
) -> None:
    """A murmur of some length anywhere: the clips of speech stay, and what lies outside them has one of its own."""
    clear = probabilities_of([*runs, (700, 0)])
    first, end = faint[0], faint[0] + faint[1]
    murmured = [max(p, vad.FAINT) if first <= i < end else p for i, p in enumerate(clear)]
    found = clips_of(murmured)
    assert [c for c in found if c.speech] == [c for c in clips_of(clear) if c.speech]
    held = {ms for c in found for ms in range(c.start_ms, c.end_ms)}
    left = [ms for ms in range(first * vad.FRAME_MS, end * vad.FRAME_MS) if ms not in held]
    assert len(left) < vad.FAINT_MS * (len(found) + 1)
    assert not any(c.end_ms - c.start_ms < vad.FAINT_MS for c in found if not c.speech)


@settings(max_examples=30)
@given(runs=SPEECH, data=st.data())
def test_listening_resumes_with_the_same_clips(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    probabilities = probabilities_of(runs)
    found = clips_of(probabilities)
    if len(found) > 1:
        n = data.draw(st.integers(1, len(found) - 1))
        middle = (found[n - 1].end_ms + found[n].start_ms) // 2
        if found[n].start_ms - found[n - 1].end_ms > vad.GAP_MS:
            assert clips_of(probabilities, middle) == found[n:]


@settings(max_examples=30)
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

    def frames(audio: Audio, from_ms: int, to_ms: int, louder_db: float = 0.0) -> Iterator[tuple[int, float]]:
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


@pytest.mark.parametrize("loud_db", [-90.0, -60.0, -40.0, -20.0])
def test_a_recording_that_is_soft_throughout_is_made_louder_for_the_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loud_db: float
) -> None:
    """In all its pieces by as much, wherever listening begins; one that is loud enough is left as it is."""
    loudest: list[float] = []

    def detector(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        loudest.append(20 * np.log10(float(np.abs(samples).max()) + 1e-9))
        return np.zeros(len(samples) // FRAME, np.float32)

    monkeypatch.setattr(vad, "_model", lambda: detector)
    monkeypatch.setattr(vad, "PIECE", 300)
    square = np.sign(np.sin(np.arange(30 * 16_000) / 50))
    square[: 10 * 16_000] *= 0.1
    np.round(square * 2**15 * 10 ** (loud_db / 20)).astype("<i2").tofile(tmp_path / "a.s16")
    audio = Audio(path=tmp_path / "a.s16")
    list(vad._probabilities(audio, 0, audio.duration_ms))
    whole = loudest[:]
    list(vad._probabilities(audio, 25_000, audio.duration_ms))
    assert loudest[len(whole) :] == whole[-len(loudest[len(whole) :]) :]
    raised_db = min(vad.MOST_DB, max(0.0, vad.SOFT_DB - loud_db))
    assert loudest[-1] == pytest.approx(loud_db + raised_db, abs=0.6)


def test_how_loud_a_recording_is_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many passes go over it: a later one reads only what it listens to."""
    read: list[int] = []
    piece_ms, before_ms, whole = 300 * vad.FRAME_MS, vad.WARM_UP * vad.FRAME_MS, Audio.slice

    def sliced(self: Audio, start_ms: int, end_ms: int) -> NDArray[np.float32]:
        read.append(start_ms)
        return whole(self, start_ms, end_ms)

    monkeypatch.setattr(vad, "_model", lambda: lambda samples: np.zeros(len(samples) // FRAME))
    monkeypatch.setattr(vad, "PIECE", 300)
    np.ones(60 * RATE_HZ, "<i2").tofile(tmp_path / "a.s16")
    audio = Audio(path=tmp_path / "a.s16")
    list(vad._probabilities(audio, 0, audio.duration_ms))
    monkeypatch.setattr(Audio, "slice", sliced)
    list(vad._probabilities(audio, 5 * piece_ms, audio.duration_ms))
    assert read == [5 * piece_ms - before_ms, 6 * piece_ms - before_ms]


@pytest.mark.parametrize("softer_db", [20, 40])
def test_speech_is_found_however_soft_the_recording_is(shared: Path, tmp_path: Path, softer_db: int) -> None:
    pytest.importorskip("faster_whisper")
    audio = decode([Source(shared / "audio" / "ami" / "trn09_EN2009b.flac")], tmp_path / "a.s16")
    loud = length(span for c in vad.clips(audio) for span in c.speech)
    samples = np.fromfile(audio.path, "<i2") / 10 ** (softer_db / 20)
    np.round(samples).astype("<i2").tofile(tmp_path / "b.s16")
    soft = length(span for c in vad.clips(Audio(path=tmp_path / "b.s16")) for span in c.speech)
    assert soft == pytest.approx(loud, rel=0.1)


@pytest.mark.parametrize(
    ("level", "offset"),
    [
        (0.1, lambda t: 0.9 + 0 * t),
        (0.1, lambda t: 0.9 * np.cos(t / 3)),
        (0.1, lambda t: 0.9 * np.sign(t - 15)),
        (0.001, lambda t: -0.01 + 0 * t),
    ],
)
def test_an_offset_takes_no_speech_away(
    sample: Path, tmp_path: Path, level: float, offset: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    """Nobody hears one, constant or drifting, of a recording loud or soft; a detector or a recogniser beside it hears
    nothing else."""
    pytest.importorskip("faster_whisper")
    said = decode([Source(sample / "meeting.opus")], tmp_path / "all.s16").samples[: 30 * RATE_HZ] / 32768
    found = []
    for name, samples in (("a", said), ("b", level * said + offset(np.arange(len(said)) / RATE_HZ))):
        path = write_sound(tmp_path / f"{name}.wav", [(0, samples.astype(np.float32))])
        audio = decode([Source(path)], tmp_path / f"{name}.s16")
        found.append(length(span for c in vad.clips(audio) for span in c.speech))
        assert abs(audio.slice(2_000, 28_000).mean()) < 1e-3
    assert found[0] > 15_000
    assert found[1] == pytest.approx(found[0], rel=0.02)


def test_what_is_said_in_a_long_silence_is_no_softer_for_that(shared: Path, tmp_path: Path) -> None:
    """Else a few loud seconds in a long adjournment would be made too loud to be heard, and its murmur speech."""
    pytest.importorskip("faster_whisper")
    said = decode([Source(shared / "audio" / "read" / "libri_1088-134315-0000.wav")], tmp_path / "a.s16")
    loud = length(span for c in vad.clips(said) for span in c.speech)
    quiet = np.random.default_rng(0).normal(0, 30, 10 * 60 * RATE_HZ)
    quiet[: said.n_samples] += said.samples
    np.round(np.clip(quiet, -32768, 32767)).astype("<i2").tofile(tmp_path / "b.s16")
    found = [span for c in vad.clips(Audio(path=tmp_path / "b.s16")) for span in c.speech]
    assert length(found) == pytest.approx(loud, rel=0.05)
    assert max(end for _, end in found) <= said.duration_ms + vad.EDGE_MS


def test_a_few_soft_words_among_loud_ones_leave_a_trace(sample: Path, tmp_path: Path) -> None:
    """They are too soft to be heard. Hiss before and after is none, nor is what was loud."""
    pytest.importorskip("faster_whisper")
    said = decode([Source(sample / "meeting.opus")], tmp_path / "a.s16").samples[: 62 * RATE_HZ] / 32768
    loud, soft = said[: 20 * RATE_HZ], said[60 * RATE_HZ :][: 3 * RATE_HZ // 2]
    samples = np.random.default_rng(0).normal(0, 0.001, 30 * RATE_HZ)
    samples[: len(loud)] += loud
    samples[23 * RATE_HZ :][: len(soft)] += soft * 10 ** (-50 / 20) / soft.std()
    np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(tmp_path / "b.s16")
    *heard, last = vad.clips(Audio(path=tmp_path / "b.s16"))
    assert all(c.speech and c.end_ms < 21_000 for c in heard)
    assert last.speech == ()
    assert 23_000 < last.start_ms < last.end_ms < 24_600


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
    assert judge(ten_s, [heard(good, logprob=-0.7)]) == judge(ten_s, [heard(good, no_speech=0.9)]) == ""
    assert "more words" in judge(clip((0, 1_000)), [heard(good)])
    assert "more words" in judge(clip((0, 3_900), (8_000, 12_000)), [heard(f"{good}. {good}")])  # at 3.9 to 8.1 s
    assert "fewer words" in judge(ten_s, [heard("the motion falls", each_s=3.3)])
    # What nobody's words cover is told as unheard: it does not speak against the words beside it.
    assert judge(clip((0, 5_000), (6_000, 30_000)), [heard("the motion falls", each_s=1.5)]) == ""
    assert "repeats" in judge(clip((0, 30_000)), [heard("go on and on " * 20)])


def test_names_in_the_order_in_which_they_were_prompted_are_an_echo() -> None:
    names = ["Cooper Street", "Councillor Jo Okafor", "Superintendent Alison Tranter"]
    assert echoes([heard("Cooper Street, Councillor Jo Okafor, Superintendent Alison Tranter.")], names)
    assert echoes([heard("thank you"), heard("Councillor Jo Okafor: Superintendent Alison Tranter")], names)
    assert not echoes([heard("Superintendent Alison Tranter, Councillor Jo Okafor asked about Cooper Street")], names)
    assert not echoes([heard("Councillor Jo Okafor?")], names)
    assert not echoes([], names)


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("Cooper Street.", True),
        ("Cooper Street, Cooper Street!", True),
        ("Cooper Street is shut.", False),
        ("Cooper", False),
        ("", False),
    ],
)
def test_a_list_of_one_name_is_echoed_by_nothing_else(text: str, is_so: bool) -> None:
    assert echoes([heard(text)], ["Cooper Street"]) is is_so
    assert not echoes([heard(text)], ["—"])


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

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        return "cy", 0.9

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
            vocabulary=["Okafor", "Tranter"],
            from_ms=0,
            to_ms=None,
        )
        return block

    return listen


LOOP = heard("thank you " * 8)
TWO = clip((2_000, 5_000), (6_000, 8_000))  # 6000 ms as a whole, 3200 and 2200 in halves, which have their edges


def test_what_passes_is_kept_in_the_language_that_was_detected(hear: Hear) -> None:
    block = hear(TWO, {6_000: ([heard("we were never asked at all about this", each_s=0.6)], [])})
    assert block.language == "cy"
    assert text_of(block.words) == "we were never asked at all about this"
    assert block.stretches == ()


def test_what_fails_is_heard_again(hear: Hear) -> None:
    block = hear(TWO, {6_000: ([LOOP], [heard("we were never asked at all about this", each_s=0.6)])})
    assert text_of(block.words) == "we were never asked at all about this"
    assert block.stretches == ()


def test_an_echo_of_the_prompt_is_heard_again_without_it(hear: Hear) -> None:
    echo, said = heard("Okafor, Tranter.", each_s=2.5), heard("we were never asked at all about this", each_s=0.6)
    assert text_of(hear(TWO, {6_000: ([echo], [said])}).words) == text_of(hear(TWO, {6_000: ([said], [])}).words)


def test_what_is_said_in_another_language_is_a_gap_that_says_so(hear: Hear) -> None:
    translated = msgspec.structs.replace(heard("we were never asked at all about this", each_s=0.6), foreign="en")
    welsh = heard("ni ofynnwyd i ni", each_s=0.6)
    block = hear(TWO, {6_000: ([translated], []), 3_200: ([welsh], []), 2_200: ([translated], [])})
    assert text_of(block.words) == "ni ofynnwyd i ni"
    assert [(s.start_ms, s.end_ms) for s in block.stretches] == [(6_000, 8_000)]
    assert "another language (en)" in block.stretches[0].reason
    brief = msgspec.structs.replace(heard("diolch yn fawr"), foreign="en")
    assert text_of(hear(clip((2_000, 4_000)), {2_000: ([brief], [])}).words) == "diolch yn fawr"


def test_sound_that_may_be_speech_is_a_gap_and_is_not_listened_to(hear: Hear) -> None:
    block = hear(Clip(start_ms=2_000, end_ms=3_500, speech=()), {})
    assert block.words == ()
    assert [(s.start_ms, s.end_ms) for s in block.stretches] == [(2_000, 3_500)]


LOUD = 20_000  # all along, so that no part of the recording passes for a pause


class Forgetful:
    """Ears that hear a word every 0.4 s, but never those of one stretch of time, however often they listen."""

    languages = frozenset({"en"})

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self.from_ms, self.to_ms = from_ms, to_ms

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        return "en", 0.9

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        return [self.again(sound, language) for sound in samples]

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        start_ms = (round(float(samples[0] - samples[1]) * 16_384) - LOUD) * 10  # the recording tells its own time
        times = [at for at in range(0, len(samples) // 16 - 400, 400) if not self._forgets(start_ms + at)]
        words = tuple((f" w{start_ms + at}", at / 1000, at / 1000 + 0.4, 0.9) for at in times)
        return [Heard(words=words, logprob=-0.1, no_speech=0, compression=1)] if words else []

    def _forgets(self, at_ms: int) -> bool:
        return self.from_ms - 400 < at_ms < self.to_ms


@settings(max_examples=40)
@given(
    pauses=st.lists(st.integers(20, 250).map(lambda n: 10 * n), min_size=12, max_size=12),
    n_in_clip=st.integers(1, 3),
    hole_ms=st.integers(0, 5_000).map(lambda n: 10 * n),
)
def test_a_passage_that_the_ears_skip_is_in_the_stretches(
    tmp_path_factory: pytest.TempPathFactory, pauses: list[int], n_in_clip: int, hole_ms: int
) -> None:
    """20 s that no way of hearing finds, anywhere in speech: all of it is shown, and all that was heard is kept."""
    ends = list(itertools.accumulate(pause + 6_000 for pause in pauses))
    speech = [(end - 6_000, end) for end in ends]
    parts = [tuple(speech[i : i + n_in_clip]) for i in range(0, len(speech), n_in_clip)]
    found = [Clip(start_ms=part[0][0], end_ms=part[-1][1], speech=part) for part in parts]
    path = tmp_path_factory.mktemp("sound") / "a.s16"
    level = np.repeat(LOUD + np.arange(ends[-1] // 10 + 1), 160)
    np.where(np.arange(len(level)) % 2, -level, level).astype("<i2").tofile(path)
    hole = (hole_ms, hole_ms + 20_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hearing, "clips", lambda audio, from_ms=0, to_ms=None: iter(found))
        (block,) = hearing.blocks(
            Forgetful(*hole), Audio(path=path), language="en", vocabulary=(), from_ms=0, to_ms=None
        )
    skipped = within(speech, [hole])
    shown = [(s.start_ms, s.end_ms) for s in block.stretches]
    assert all(end - start <= UNHEARD_MS for start, end in without(skipped, shown))
    assert length(shown) <= length(skipped) + 12 * UNHEARD_MS
    heard_ms = [(w.start_ms or 0, w.end_ms or 0) for w in block.words]
    assert all(end - start <= UNHEARD_MS for start, end in without(speech, [*shown, *heard_ms]))


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
    script = {6_000: ([LOOP], [LOOP]), 3_200: ([heard("we were never asked")], []), 2_200: ([LOOP], [LOOP])}
    block = hear(TWO, script)
    assert text_of(block.words) == "we were never asked"
    assert [(s.kind, s.start_ms, s.end_ms) for s in block.stretches] == [("untranscribed", 6_000, 8_000)]
    assert "repeats" in block.stretches[0].reason


def test_words_around_speech_without_words_are_kept(hear: Hear) -> None:
    said = heard("we were never asked")
    script = {6_500: ([said], [said]), 3_200: ([said], [said]), 2_700: ([], [])}
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
