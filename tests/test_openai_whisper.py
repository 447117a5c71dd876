"""The `openai-whisper` engine: the same weights give the same network, and much the same words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import tiny_whisper
from tests.make_media import tone
from transcribe import ct2, openai_whisper, whisper
from transcribe.audio import Audio, Source, decode
from transcribe.hearing import Listener
from transcribe.problem import LACKING, Problem
from transcribe.records import check_words, text_of

pytest.importorskip("whisper")
pytest.importorskip("faster_whisper")


def model_in(path: Path, cache: Path) -> Any:
    ears: Any = load(path, cache).ears
    return ears.model


def load(path: Path, cache: Path) -> Listener:
    return openai_whisper.load(path, fingerprint="f", device="cpu", n_threads=1, cache=cache)


@pytest.fixture(scope="module")
def network() -> Any:
    return tiny_whisper.network(seed=1)


@pytest.fixture(scope="module")
def folder(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper.write_ct2(tmp_path_factory.mktemp("tiny") / "model", network)


def test_converting_gives_every_weight_back(network: Any, folder: Path, tmp_path: Path) -> None:
    import torch

    made = torch.load(ct2.convert(folder, tmp_path / "made.pt"), weights_only=True)
    assert made["dims"] == vars(network.dims)
    state = network.state_dict()
    assert made["model_state_dict"].keys() == state.keys()
    for name, weights in made["model_state_dict"].items():
        assert torch.equal(weights, state[name]), name


def test_both_libraries_compute_the_same_from_a_folder(folder: Path, tmp_path: Path) -> None:
    """What makes the test above more than a mirror: CTranslate2 itself agrees on what the weights mean."""
    import ctranslate2
    import torch
    import whisper as openai

    model = model_in(folder, tmp_path)
    mel = openai.log_mel_spectrogram(openai.pad_or_trim(tone(5_000)))
    with torch.no_grad():
        ours = model.encoder(mel[None]).numpy()
        prompt = torch.tensor([[50_258, 50_259, 50_359, 50_363]])
        logits = model.decoder(prompt, torch.from_numpy(ours))[0, -1]
    theirs = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32")
    features = ctranslate2.StorageView.from_array(mel[None].numpy())
    assert np.allclose(np.array(theirs.encode(features)), ours, atol=1e-4)
    (result,) = theirs.generate(features, [prompt[0].tolist()], beam_size=1, max_length=5, suppress_blank=False)
    assert result.sequences_ids[0][0] == int(logits.argmax())


def test_the_heads_that_follow_the_sound_come_along(folder: Path, tmp_path: Path) -> None:
    heads = model_in(folder, tmp_path).alignment_heads.to_dense()
    assert heads.nonzero().tolist() == [[tiny_whisper.LAYERS - 1, 0]]


def test_converting_happens_once_and_leaves_nothing_half_done(folder: Path, tmp_path: Path) -> None:
    load(folder, tmp_path)
    (made,) = tmp_path.iterdir()
    before = made.stat().st_mtime_ns
    load(folder, tmp_path)
    assert [p.stat().st_mtime_ns for p in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize("cut", [0, 3, 100, 50_000])
def test_weights_cut_short_are_a_problem(folder: Path, tmp_path: Path, cut: int) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:cut])
    with pytest.raises(Problem) as caught:
        load(broken, tmp_path / "cache")
    assert caught.value.where == str(broken / "model.bin")
    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize("what", ["missing", "folder", "text", "pickle"])
def test_what_is_no_checkpoint_is_a_problem(tmp_path: Path, what: str) -> None:
    path = tmp_path / "base"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("not a model")
    elif what == "pickle":
        path.write_bytes(b"cposix\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(Problem) as caught:
        load(path, tmp_path / "cache")
    assert caught.value.exit_code == LACKING
    assert not (tmp_path / "owned").exists()


def test_a_checkpoint_of_its_own_runs(tmp_path: Path) -> None:
    path = tiny_whisper.write_pt(tmp_path / "tiny.en.pt", tiny_whisper.network(english_only=True))
    np.zeros(160_000, "<i2").tofile(tmp_path / "a.s16")
    english, audio = load(path, tmp_path), Audio(path=tmp_path / "a.s16")
    (block,) = english.words(audio, language=None, vocabulary=())
    assert (block.language, block.words, block.end_ms) == ("en", (), 10_000)
    for language, others in (("cy", ()), ("en", ("cy",))):
        with pytest.raises(Problem, match="English alone, not 'cy'"):
            list(english.words(audio, language=language, others=others, vocabulary=()))


@pytest.mark.weights
def test_both_engines_hear_the_same(starter: Path, shared: Path, tmp_path: Path) -> None:
    audio = decode([Source(shared / "audio/read/jfk.flac")], tmp_path / "a.s16")
    reference = load(starter / "whisper-base", tmp_path)
    fast = whisper.load(starter / "whisper-base", fingerprint="f", device="cpu", compute_type="int8", n_threads=2)
    heard = []
    for engine in (reference, fast):
        (block,) = engine.words(audio, language=None, vocabulary=())
        check_words(block.words, audio.duration_ms)
        assert block.language == "en"
        heard.append(block.words)
    assert _plain(text_of(heard[0])) == _plain(text_of(heard[1]))
    for a, b in zip(*heard, strict=True):
        assert a.start_ms == pytest.approx(b.start_ms, abs=300)


@pytest.mark.weights
def test_both_engines_hear_much_the_same_of_a_meeting(starter: Path, sample: Path, tmp_path: Path) -> None:
    import jiwer

    whole = decode([Source(sample / "meeting.opus")], tmp_path / "whole.s16")
    np.array(whole.samples[: 15_800 * 16]).tofile(tmp_path / "beginning.s16")  # ms; the sentence ends there
    audio = Audio(path=tmp_path / "beginning.s16")
    reference = load(starter / "whisper-base", tmp_path)
    fast = whisper.load(starter / "whisper-base", fingerprint="f", device="cpu", compute_type="int8", n_threads=2)
    texts = [
        " ".join(_plain(text_of([w for b in engine.words(audio, language="en", vocabulary=()) for w in b.words])))
        for engine in (reference, fast)
    ]
    assert len(texts[0].split()) > 30
    assert jiwer.wer(*texts) < 0.05


def _plain(text: str) -> list[str]:
    return "".join(c for c in text.lower() if c.isalnum() or c == " ").split()
