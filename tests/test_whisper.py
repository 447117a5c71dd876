"""The `whisper` engine: clips keep their own words, blocks resume, nothing is fetched, and real weights hear."""

import itertools
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import tiny_whisper
from tests.bench.speech import speechless
from tests.make_media import write_sound
from transcribe import engines, whisper
from transcribe.audio import Audio, Source, decode
from transcribe.gates import Heard
from transcribe.hearing import BEAM, Listener
from transcribe.problem import LACKING, Problem
from transcribe.records import check_words, text_of

pytest.importorskip("faster_whisper")


def load(folder: Path) -> Listener:
    return whisper.load(folder, fingerprint="f", device="cpu", compute_type="int8", n_threads=2)


def words_of(engine: Any, audio: Audio, language: str | None = "en", vocabulary: tuple[str, ...] = ()) -> Any:
    return list(engine.words(audio, language=language, vocabulary=vocabulary))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("whisper")
    return tiny_whisper.write_ct2(tmp_path_factory.mktemp("tiny") / "model", tiny_whisper.network())


def silent(path: Path, n_s: int) -> Audio:
    np.zeros(n_s * 16_000, "<i2").tofile(path)
    return Audio(path=path)


def test_silence_gives_no_words(tiny: Path, tmp_path: Path) -> None:
    (block,) = words_of(load(tiny), silent(tmp_path / "a.s16", 40))
    assert (block.start_ms, block.end_ms, block.words, block.stretches) == (0, 40_000, (), ())


@pytest.mark.parametrize("n_ms", [0, 1, 31])
def test_next_to_no_sound_gives_no_words(tiny: Path, tmp_path: Path, n_ms: int) -> None:
    np.zeros(n_ms * 16, "<i2").tofile(tmp_path / "a.s16")
    (block,) = words_of(load(tiny), Audio(path=tmp_path / "a.s16"))
    assert (block.end_ms, block.words) == (n_ms, ())


def test_nonsense_from_a_random_model_is_kept_out(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector is told that noise is speech; what random weights make of it must not become words."""
    from transcribe import vad

    clip = vad.Clip(start_ms=500, end_ms=9_000, speech=((500, 4_000), (4_500, 9_000)))
    monkeypatch.setattr(whisper, "TEMPERATURES", (0.0,))
    monkeypatch.setattr("transcribe.hearing.clips", lambda audio, from_ms=0, to_ms=None: iter([clip]))
    np.random.default_rng(0).integers(-3_000, 3_000, 160_000).astype("<i2").tofile(tmp_path / "a.s16")
    (block,) = words_of(load(tiny), Audio(path=tmp_path / "a.s16"))
    assert block.words == ()
    assert block.stretches
    assert all(s.kind == "untranscribed" and s.reason for s in block.stretches)
    assert {(s.start_ms, s.end_ms) for s in block.stretches} == {(500, 4_000), (4_500, 9_000)}


def test_a_clip_is_taken_in_once_however_often_it_is_heard(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its language told, heard among others, and heard again; each by itself, since many at once take longer."""
    from faster_whisper import WhisperModel

    taken_in: list[bytes] = []
    encode = WhisperModel.encode

    def noted(model: Any, features: NDArray[np.float32]) -> Any:
        assert features.ndim == 2
        taken_in.append(features.tobytes())
        return encode(model, features)

    monkeypatch.setattr(WhisperModel, "encode", noted)
    monkeypatch.setattr(whisper, "TEMPERATURES", (0.0,))
    noise = np.random.default_rng(0).normal(0, 0.1, 540_000).astype(np.float32)
    clips = [noise[at : at + n] for at, n in ((0, 160_001), (170_003, 159_999), (340_007, 191_111))]
    ears = load(tiny).ears
    ears.detect(clips[1])
    assert len(list(ears.first(clips, "en", ""))) == len(clips)
    assert len(taken_in) == len(clips)
    for clip in clips:
        ears.again(clip, "en")
    assert len(set(taken_in)) == len(taken_in)  # windows within a clip come on top


@pytest.mark.parametrize("damage", ["cut", "gone", "tokenizer", "empty"])
def test_a_damaged_model_is_a_problem(tiny: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    if damage == "cut":
        data = (folder / "model.bin").read_bytes()
        (folder / "model.bin").write_bytes(data[: len(data) // 2])
    elif damage == "gone":
        (folder / "model.bin").unlink()
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text("{")
    else:
        (folder / "model.bin").write_bytes(b"")
    with pytest.raises(Problem) as caught:
        load(folder)
    assert caught.value.exit_code == LACKING
    assert caught.value.where == str(folder)


def test_a_language_that_whisper_lacks_is_a_problem(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="Klingon"):
        words_of(load(tiny), silent(tmp_path / "a.s16", 1), language="Klingon")
    (block,) = words_of(load(tiny), silent(tmp_path / "a.s16", 1), language="en-GB")
    assert block.language == "en"


def test_loading_opens_no_socket(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *args: asked.append(args))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: asked.append(args))
    load(tiny)
    assert asked == []


def test_a_model_for_which_there_is_no_memory_is_not_said_to_be_broken(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(whisper, "_model", too_large)
    with pytest.raises(MemoryError):
        load(tiny)


# -- beams ----------------------------------------------------------------------------------------


@dataclass
class Options:
    beam_size: int


def test_only_clips_that_one_beam_leaves_in_doubt_are_decoded_with_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip is its number here, and as likely as that number says."""
    import faster_whisper

    asked = []

    def generate(self: Any, features: NDArray[np.float32], tokenizer: Any, options: Any) -> Any:
        asked.append((options.beam_size, features.tolist()))
        return None, [{"avg_logprob": float(f), "text": f"{f} by {options.beam_size}"} for f in features]

    monkeypatch.setattr(faster_whisper.BatchedInferencePipeline, "generate_segment_batched", generate)
    batched = whisper._batched(SimpleNamespace(model=SimpleNamespace(is_multilingual=False)))
    monkeypatch.setattr(whisper, "DOUBTFUL_LOGPROB", -0.25)
    features, options = np.array([-0.125, -0.5, -0.25, -1.5]), Options(beam_size=1)
    _, found = batched.generate_segment_batched(features, None, options)
    assert asked == [(1, features.tolist()), (BEAM, [-0.5, -1.5])]
    assert [f["text"] for f in found] == ["-0.125 by 1", "-0.5 by 5", "-0.25 by 1", "-1.5 by 5"]
    asked.clear()
    batched.generate_segment_batched(features[:1], None, options)
    assert asked == [(1, [-0.125])]


# -- memory ---------------------------------------------------------------------------------------


class Model:
    """Whisper on a device that has room for so many clips at once."""

    supported_languages = ("en",)

    def __init__(self, room: int, trouble: str = "CUDA failed with error out of memory") -> None:
        self.room, self.trouble = room, trouble
        self.tried: list[int] = []

    def hear(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        self.tried.append(len(samples))
        if len(samples) > self.room:
            raise RuntimeError(self.trouble)
        return [
            [Heard(words=((f" {sound[0]:g}", 0, 1, 1),), logprob=0, no_speech=0, compression=1)] for sound in samples
        ]


def heard_by(model: Model, n_clips: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ears = whisper._Ears(model, n_at_once=8)
    monkeypatch.setattr(ears, "_batch", model.hear)
    sounds = [np.full(16, number, np.float32) for number in range(n_clips)]
    return [h.words[0][0].strip() for heard in ears.first(sounds, "en", "") for h in heard]


@pytest.mark.parametrize(("room", "tried"), [(9, [8, 5]), (4, [8, 4, 4, 4, 1]), (1, [8, 4, 2, *[1] * 13])])
def test_a_full_gpu_hears_fewer_clips_at_once_and_loses_none(
    room: int, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(room)
    assert heard_by(model, 13, monkeypatch) == [str(number) for number in range(13)]
    assert model.tried == tried


def test_no_room_for_a_single_clip_is_a_problem_and_other_trouble_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Problem, match="not enough memory") as caught:
        heard_by(Model(0), 3, monkeypatch)
    assert caught.value.exit_code == LACKING
    with pytest.raises(RuntimeError, match="illegal"):
        heard_by(Model(0, "an illegal memory access was encountered"), 3, monkeypatch)


@pytest.mark.parametrize(("free_mb", "n"), [(0, 1), (2_500, 2), (12_000, 12), (80_000, whisper.MOST_AT_ONCE)])
def test_a_gpu_hears_as_many_clips_at_once_as_there_is_room_for(
    free_mb: int, n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "model.bin").open("wb") as f:
        f.truncate(1_000_000_000)
    monkeypatch.setattr(engines, "free_gpu_bytes", lambda: free_mb * 1_000_000)
    assert whisper._room(tmp_path, "cuda") == n
    assert whisper._room(tmp_path, "cpu") == whisper.BATCH


class Driver:
    """A CUDA driver that knows of one card."""

    def __init__(self, total: int, free: int) -> None:
        self.total, self.free, self.held = total, free, 0

    def cuDeviceGet(self, device: Any, number: int) -> int:
        return 0

    def cuDeviceTotalMem_v2(self, total: Any, device: Any) -> int:
        total._obj.value = self.total
        return 0

    def cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> int:
        self.held += 1
        return 0

    def cuCtxPushCurrent_v2(self, context: Any) -> int:
        return 0

    def cuMemGetInfo_v2(self, free: Any, total: Any) -> int:
        free._obj.value, total._obj.value = self.free, self.total
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, device: Any) -> int:
        self.held -= 1
        return 0


def test_a_small_card_computes_with_smaller_weights(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (tiny / "model.bin").stat().st_size
    for total, compute_type in ((3 * size, "int8_float16"), (5 * size, "float16")):
        driver = Driver(total, free=size)
        monkeypatch.setattr(engines, "_driver", lambda driver=driver: driver)
        choice = engines.choose_recogniser(f"whisper:{tiny}")
        assert (choice.device, choice.compute_type) == ("cuda", compute_type)
        assert f"cuda {compute_type}" in choice.fingerprint
        assert engines.free_gpu_bytes() == size
        assert driver.held == 0


# -- real weights ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(starter: Path) -> Listener:
    return load(starter / "whisper-base")


ASK_NOT = "and so my fellow americans ask not what your country can do for you ask what you can do for your country"


def plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalnum() or c == " ").split()


@pytest.mark.weights
@pytest.mark.parametrize(("model", "language"), [("whisper-base", None), ("whisper-tiny.en", "en-GB")])
def test_a_speech_word_for_word(starter: Path, shared: Path, tmp_path: Path, model: str, language: str | None) -> None:
    folder = starter / model
    if not folder.is_dir():
        pytest.skip(f"{model} is not here: onrecord models get {model}")
    audio = decode([Source(shared / "audio/read/jfk.flac")], tmp_path / "a.s16")
    (block,) = words_of(load(folder), audio, language)
    assert block.language == "en"
    assert plain(text_of(block.words)) == ASK_NOT.split()
    check_words(block.words, audio.duration_ms)
    americans = next(w for w in block.words if w.text.startswith("Americans"))
    assert americans.end_ms == pytest.approx(1_900, abs=400)
    assert all(w.confidence is not None and 0 < w.confidence <= 1 for w in block.words)
    assert block.stretches == ()


@pytest.mark.weights
def test_a_model_for_english_alone_tells_no_other_language(starter: Path) -> None:
    folder = starter / "whisper-tiny.en"
    if not folder.is_dir():
        pytest.skip("whisper-tiny.en is not here: onrecord models get whisper-tiny.en")
    assert load(folder).ears.detect(np.zeros(48_000, np.float32)) == ("en", 1.0)


@pytest.mark.weights
def test_clips_of_a_batch_keep_their_own_words(base: Listener, shared: Path, tmp_path: Path) -> None:
    """Clips of odd lengths that begin in the middle of speech are heard together as each is alone."""
    audio = decode([Source(shared / "audio/read/two_cities_16k.wav")], tmp_path / "a.s16")
    spans_ms = [(at, at + 2_500 + 413 * i) for i, at in enumerate(range(700, 24_000, 6_917))]
    sounds = [audio.slice(start, end) for start, end in spans_ms]
    ears = base.ears
    together = ears.first(sounds, "en", "")
    for (start, end), sound, heard in zip(spans_ms, sounds, together, strict=True):
        (alone,) = ears.first([sound], "en", "")
        assert [w[0] for h in heard for w in h.words] == [w[0] for h in alone for w in h.words]
        assert all(-0.02 <= w[1] <= w[2] <= (end - start) / 1000 + 0.02 for h in heard for w in h.words)


@pytest.mark.weights
def test_blocks_end_in_silence_and_a_run_resumes_at_one(
    base: Listener, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcribe.hearing.BLOCK_MS", 20_000)
    speech = decode([Source(shared / "audio/read/two_cities_16k.wav")], tmp_path / "two.s16").slice(0, 44_000)
    audio = decode([Source(write_sound(tmp_path / "a.wav", [(0, speech)]))], tmp_path / "a.s16")
    whole = words_of(base, audio)
    assert len(whole) >= 2
    assert whole[0].start_ms == 0
    assert whole[-1].end_ms == audio.duration_ms
    for before, after in itertools.pairwise(whole):
        assert before.end_ms == after.start_ms
        assert before.words[-1].end_ms <= before.end_ms <= after.words[0].start_ms
    resumed = list(base.words(audio, language="en", vocabulary=(), from_ms=whole[0].end_ms))
    assert resumed == whole[1:]


@pytest.mark.weights
def test_nothing_is_heard_in_what_is_no_speech(base: Listener, tmp_path: Path) -> None:
    """Silence, tones, hum, noise, knocks, and music such as is played while a meeting is adjourned."""
    for samples in speechless(n_s=8):
        (np.clip(samples, -1, 1) * 32_767).astype("<i2").tofile(tmp_path / "a.s16")
        assert [
            w.text for b in words_of(base, Audio(path=tmp_path / "a.s16"), vocabulary=("Okafor",)) for w in b.words
        ] == []


@pytest.mark.weights
@pytest.mark.parametrize("damage", ["clipped", "telephone"])
def test_bad_sound_adds_no_words(base: Listener, shared: Path, tmp_path: Path, damage: str) -> None:
    samples = decode([Source(shared / "audio/read/jfk.flac")], tmp_path / "a.s16").slice(0, 11_000)
    if damage == "clipped":
        worse = np.clip(20 * samples, -1, 1)
    else:  # 8 kHz, and 256 steps of loudness
        worse = np.repeat(samples[::2], 2)
        worse = np.sign(worse) * np.round(np.log1p(255 * np.abs(worse)) / np.log(256) * 127) / 127
        worse = np.sign(worse) * (256 ** np.abs(worse) - 1) / 255
    (worse * 32_767).astype("<i2").tofile(tmp_path / "b.s16")
    (block,) = words_of(base, Audio(path=tmp_path / "b.s16"))
    said = plain(text_of(block.words))
    assert len(said) <= len(ASK_NOT.split())
    assert len(set(said) - set(ASK_NOT.split())) <= 1


@pytest.mark.weights
def test_another_language_in_the_middle_does_not_become_english(base: Listener, shared: Path, tmp_path: Path) -> None:
    """English, and after 3.6 s the same licence in German, which Whisper, told to write English, translates."""
    whole = decode([Source(shared / "audio/multichannel/multilingual.mp3")], tmp_path / "whole.s16")
    np.array(whole.samples[27 * 16_000 : 36 * 16_000]).tofile(tmp_path / "a.s16")
    (block,) = words_of(base, Audio(path=tmp_path / "a.s16"))
    assert "substantial portions of the software" in text_of(block.words)
    assert all((w.end_ms or 0) < 3_600 for w in block.words)
    (gap,) = block.stretches
    assert "another language (de)" in gap.reason
    assert (gap.start_ms, gap.end_ms) == (pytest.approx(3_800, abs=300), pytest.approx(9_000, abs=300))


@pytest.mark.weights
def test_almost_nothing_said_gives_almost_no_words(base: Listener, shared: Path, tmp_path: Path) -> None:
    """Plain Whisper hears "I'm sorry" again and again in these: distant murmurs, two words each."""
    for name in ("trn01_EN2001b.flac", "trn02_EN2001d.flac"):
        audio = decode([Source(shared / "audio/ami" / name)], tmp_path / "a.s16")
        assert [w.text for b in words_of(base, audio) for w in b.words] == []
