"""The `whisper` engine: faster-whisper (CTranslate2), batched, every clip judged by `transcribe.hearing`."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe import engines, memory, placing
from transcribe.align import Placed, Walk
from transcribe.audio import RATE_HZ
from transcribe.gates import Heard
from transcribe.hearing import BEAM, SEED, SURE, TEMPERATURES, Listener, surest
from transcribe.problem import LACKING, Problem

DOUBTFUL_LOGPROB = -0.12  # a token; below it, clips heard together with one beam are decoded with BEAM
BATCH = 8  # clips at once on a CPU, where more gain nothing
MOST_AT_ONCE = 24  # on a GPU
SILENCE_S = 0.5  # between clips handed over together, so that they can be told apart
N_FRAMES = 3000  # of features in 30 s, all that the encoder takes
BRIEF_FRAMES, BRIEF_REST = 1000, 200  # tell the language of so little sound; its words are misheard in less than 30 s


def load(folder: Path, *, fingerprint: str, device: str, compute_type: str, n_threads: int) -> Listener:
    """The recogniser in a CTranslate2 folder. Opens no socket. Raises Problem where the folder holds no such model."""
    if not (folder / "model.bin").is_file() or not (folder / "tokenizer.json").is_file():
        raise Problem(
            "this folder holds no Whisper model for CTranslate2: model.bin or tokenizer.json is missing",
            where=folder,
            fix="onrecord models get whisper-base, or name another folder",
            exit_code=LACKING,
        )
    if device == "cpu":
        memory.keep()
    try:
        model = _model(folder, device, compute_type, n_threads)
    except MemoryError:
        raise
    except Exception as e:  # CTranslate2 and tokenizers raise all kinds, some of them bare
        raise Problem(
            f"this Whisper model cannot be loaded: {str(e).splitlines()[0] if str(e) else type(e).__name__}",
            where=folder,
            fix="onrecord models verify shows whether a file is damaged",
            exit_code=LACKING,
        ) from e
    ears = _Ears(model, n_at_once=_room(folder, device))
    return Listener(fingerprint=fingerprint, ears=ears, aligner=ears)


def _room(folder: Path, device: str) -> int:
    """How many clips are heard at once. A clip takes about half as much memory as the weights, at most."""
    if device == "cpu":
        return BATCH
    free_bytes, weights_bytes = engines.free_gpu_bytes(), (folder / "model.bin").stat().st_size
    return max(1, min(MOST_AT_ONCE, free_bytes // weights_bytes))


def _model(folder: Path, device: str, compute_type: str, n_threads: int) -> Any:
    from faster_whisper.feature_extractor import FeatureExtractor

    model = _thrifty(
        str(folder), device=device, compute_type=compute_type, cpu_threads=n_threads, local_files_only=True
    )
    n_mels = model.model.n_mels
    if len(model.feature_extractor.mel_filters) != n_mels:  # a folder without preprocessor_config.json
        model.feature_extractor = FeatureExtractor(feature_size=n_mels)
    return model


def _thrifty(*where: Any, **how: Any) -> Any:
    """faster-whisper's model, which on a CPU encodes clips one by one, and gives words the times of
    `transcribe.placing`.

    With eight at once the encoder spends half of its time on getting memory. What was encoded lately is kept, so that a
    clip whose language was told, or that is heard again, is encoded once. On a GPU clips go together, and stay there.
    """
    import ctranslate2
    from faster_whisper import WhisperModel

    class Thrifty(WhisperModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(*where, **how)
            self.lately: dict[bytes, NDArray[np.float32]] = {}

        def encode(self, features: NDArray[np.float32]) -> Any:
            if self.model.device != "cpu":
                return super().encode(features)
            encoded = [self._encoded(one) for one in features.reshape(-1, *features.shape[-2:])]
            return ctranslate2.StorageView.from_array(np.concatenate(encoded))

        def _encoded(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
            key = hashlib.blake2b(features.tobytes()).digest()
            if key not in self.lately:
                while len(self.lately) >= BATCH:
                    del self.lately[next(iter(self.lately))]
                self.lately[key] = np.array(super().encode(features))
            return self.lately[key]

        def add_word_timestamps(
            self,
            segments: Any,
            tokenizer: Any,
            encoder_output: Any,
            num_frames: Any,
            prepend_punctuations: str,
            append_punctuations: str,
            last_speech_timestamp: float,
        ) -> float:
            """Gives each part of each segment, which is a clip, its words. Called by faster-whisper."""
            parts = [[placing.heard(tokenizer, part["tokens"]) for part in segment] for segment in segments]
            n_frames = [num_frames] * len(segments) if isinstance(num_frames, int) else num_frames
            texts = [[word for part in segment for word in part] for segment in parts]
            align = _align(self, tokenizer, encoder_output, n_frames)
            for segment, written, places in zip(segments, parts, placing.placed(texts, tokenizer, align), strict=True):
                offset_s, left = segment[0]["seek"] / self.frames_per_second, iter(places)
                for part, words in zip(segment, written, strict=True):
                    part["words"] = [
                        {"word": w.text, "start": offset_s + p.start_s, "end": offset_s + p.end_s, "probability": p.p}
                        for w, p in zip(words, left, strict=False)
                    ]
            if isinstance(num_frames, int) and segments[0] and (words := segments[0][-1]["words"]):
                # Heard again, a clip goes on from its last word's end: a pause after it is not heard once more.
                words[-1]["end"] = max(words[-1]["end"], segments[0][-1]["end"])
            return last_speech_timestamp

    return Thrifty()


def _align(model: Any, tokenizer: Any, sound: Any, n_frames: Sequence[int]) -> placing.Align:
    """On a CPU texts are put on their sound one by one, as their clips are encoded, and each of them once."""
    if model.model.device != "cpu":
        return lambda texts: model.model.align(sound, tokenizer.sot_sequence, texts, n_frames)

    import ctranslate2

    encoded, paths = np.asarray(sound), dict[tuple[int, ...], Any]()

    def align(texts: Sequence[Sequence[int]]) -> list[Any]:
        for i, text in enumerate(texts):
            if (i, *text) not in paths:
                one = ctranslate2.StorageView.from_array(encoded[i : i + 1])
                (paths[i, *text],) = model.model.align(one, tokenizer.sot_sequence, [text], [n_frames[i]])
        return [paths[i, *text] for i, text in enumerate(texts)]

    return align


class _Ears:
    def __init__(self, model: Any, n_at_once: int = BATCH) -> None:
        self.model = model
        self.n_at_once = n_at_once
        self._batched = _batched(model)
        self.languages = frozenset(model.supported_languages)

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        if not self.model.model.is_multilingual:
            return "en", 1.0
        features = self.model.feature_extractor(samples)[:, :-1][:, :N_FRAMES]  # as the batched path has them
        n_frames = BRIEF_FRAMES if features.shape[1] <= BRIEF_FRAMES - BRIEF_REST else N_FRAMES
        with _enough_memory():
            (likely,) = self.model.model.detect_language(self.model.encode(_padded(features, n_frames)))
        return surest({token.strip("<|>"): p for token, p in likely}, among)

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> Iterator[list[Heard]]:
        """A few clips at a time, so that no more of their features are in memory at once: half as many from where the
        memory runs out."""
        done = 0
        while done < len(samples):
            try:
                with _enough_memory():
                    heard = self._batch(samples[done : done + self.n_at_once], language, prompt)
            except Problem:
                if self.n_at_once == 1:
                    raise
                self.n_at_once //= 2
                continue
            yield from heard
            done += len(heard)

    def _batch(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        """A few clips, laid out one after another with a little silence between them."""
        gap = np.zeros(int(SILENCE_S * RATE_HZ), np.float32)
        spans, parts, at = [], [], 0
        for sound in samples:
            # faster-whisper rounds down to samples, and a clip must be the same sound that it is alone.
            spans.append({"start": (at + 0.5) / RATE_HZ, "end": (at + 0.5 + len(sound)) / RATE_HZ})
            parts += [sound, gap]
            at += len(sound) + len(gap)
        self._batched.sure = []
        segments, _ = self._batched.transcribe(
            np.concatenate(parts),
            language=language,
            vad_filter=False,
            clip_timestamps=spans,
            batch_size=len(samples),
            beam_size=1,
            word_timestamps=True,
            without_timestamps=True,
            hotwords=prompt or None,
        )
        heard: list[list[Heard]] = [[] for _ in samples]
        # A segment tells its clip by `seek`, in hundredths of a second; its own times may lie before the clip.
        starts = np.array([s["start"] for s in spans])
        for segment in segments:
            i = int(np.searchsorted(starts, segment.seek / 100 + SILENCE_S / 2)) - 1
            sure = self._batched.sure[i] if self._batched.sure else language
            heard[i].append(_heard(segment, offset_s=float(starts[i]), foreign="" if sure == language else sure))
        return heard

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        import ctranslate2

        ctranslate2.set_random_seed(SEED)
        with _enough_memory():
            segments, _ = self.model.transcribe(
                samples,
                language=language,
                beam_size=BEAM,
                temperature=list(TEMPERATURES),
                condition_on_previous_text=False,
                word_timestamps=True,
                vad_filter=False,
            )
            return [_heard(s, offset_s=0.0) for s in segments]

    def walk(self, samples: NDArray[np.float32], language: str) -> Walk:
        from faster_whisper.tokenizer import Tokenizer

        features = self.model.feature_extractor(samples)[:, :N_FRAMES]
        n_frames = min(N_FRAMES, len(samples) // self.model.feature_extractor.hop_length)
        with _enough_memory():
            sound = self.model.encode(_padded(features, N_FRAMES))
        tokenizer = Tokenizer(self.model.hf_tokenizer, self.model.model.is_multilingual, "transcribe", language)

        def places(words: Sequence[str]) -> list[Placed]:
            texts = [placing.given(tokenizer, words)]
            if not 0 < sum(len(word.tokens) for word in texts[0]) <= placing.MOST_TOKENS or n_frames < 1:
                return []
            with _enough_memory():
                (found,) = placing.placed(texts, tokenizer, _align(self.model, tokenizer, sound, [n_frames]))
            return found

        return places


def _padded(features: NDArray[np.float32], n_frames: int) -> NDArray[np.float32]:
    return np.pad(features, ((0, 0), (0, n_frames - features.shape[1])))


def _batched(model: Any) -> Any:
    """The batched path, which decodes with more beams what it doubts with one, and also notes of each clip which
    language it surely is in (`sure`, "" where it may be any).

    It has encoded the clips by then, so that this costs little.
    """
    from faster_whisper import BatchedInferencePipeline

    class Batched(BatchedInferencePipeline):  # type: ignore[misc]
        sure: list[str]

        def generate_segment_batched(self, features: Any, tokenizer: Any, options: Any) -> Any:
            encoded, output = super().generate_segment_batched(features, tokenizer, options)
            doubtful = [i for i, found in enumerate(output) if found["avg_logprob"] < DOUBTFUL_LOGPROB]
            if doubtful:
                options = dataclasses.replace(options, beam_size=BEAM)
                _, more = super().generate_segment_batched(features[doubtful], tokenizer, options)
                for i, found in zip(doubtful, more, strict=True):
                    output[i] = found
            if self.model.model.is_multilingual:
                best = (found[0] for found in self.model.model.detect_language(encoded))
                self.sure += [token.strip("<|>") if p >= SURE else "" for token, p in best]
            return encoded, output

    return Batched(model)


@contextlib.contextmanager
def _enough_memory() -> Iterator[None]:
    """Raises Problem where the engine has run out of memory. CTranslate2 says so in a RuntimeError of many words."""
    try:
        yield
    except (RuntimeError, MemoryError) as e:
        if isinstance(e, RuntimeError) and not any(words in str(e) for words in ("out of memory", "ALLOC_FAILED")):
            raise
        raise Problem(
            "there is not enough memory for this Whisper model",
            fix="name a smaller one, as in --asr whisper:base, or end what else uses the memory",
            exit_code=LACKING,
        ) from e


def _heard(segment: Any, *, offset_s: float, foreign: str = "") -> Heard:
    return Heard(
        words=tuple(
            (str(w.word), float(w.start) - offset_s, float(w.end) - offset_s, float(w.probability))
            for w in segment.words or ()
        ),
        logprob=float(segment.avg_logprob),
        no_speech=float(segment.no_speech_prob),
        compression=float(segment.compression_ratio),
        foreign=foreign,
    )
