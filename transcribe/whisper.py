"""The `whisper` engine: faster-whisper (CTranslate2), batched, every clip judged by `transcribe.hearing`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe import hearing
from transcribe.audio import RATE_HZ, Audio
from transcribe.engines import Block
from transcribe.hearing import Heard
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

BATCH = 8
BEAM = 5
SILENCE_S = 0.5  # between clips handed over together, so that they can be told apart
WORST_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Whisper(Record):
    """A recogniser (see `transcribe.engines.Recogniser`) with its model loaded."""

    fingerprint: str
    model: Any  # faster_whisper.WhisperModel

    def words(
        self, audio: Audio, *, language: str | None, vocabulary: Sequence[str], from_ms: int = 0
    ) -> Iterator[Block]:
        yield from hearing.blocks(
            _Ears(self.model),
            audio,
            language=language,
            vocabulary=vocabulary,
            from_ms=from_ms,
            multilingual=self.model.model.is_multilingual,
        )


def load(folder: Path, *, fingerprint: str, device: str, compute_type: str, n_threads: int) -> Whisper:
    """The recogniser in a CTranslate2 folder. Opens no socket. Raises Problem where the folder holds no such model."""
    if not (folder / "model.bin").is_file() or not (folder / "tokenizer.json").is_file():
        raise Problem(
            "this folder holds no Whisper model for CTranslate2: model.bin or tokenizer.json is missing",
            where=folder,
            fix="onrecord models get whisper-base, or name another folder",
            exit_code=LACKING,
        )
    try:
        model = _model(folder, device, compute_type, n_threads)
    except (RuntimeError, ValueError) as e:
        raise Problem(
            f"this Whisper model cannot be loaded: {e}",
            where=folder,
            fix="onrecord models verify shows whether a file is damaged",
            exit_code=LACKING,
        ) from e
    return Whisper(fingerprint=fingerprint, model=model)


def _model(folder: Path, device: str, compute_type: str, n_threads: int) -> Any:
    from faster_whisper import WhisperModel

    return WhisperModel(
        str(folder), device=device, compute_type=compute_type, cpu_threads=n_threads, local_files_only=True
    )


class _Ears:
    def __init__(self, model: Any) -> None:
        from faster_whisper import BatchedInferencePipeline

        self._model = model
        self._batched = BatchedInferencePipeline(model)

    def detect(self, samples: NDArray[np.float32]) -> str:
        language, *_ = self._model.detect_language(samples)
        return str(language)

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> list[list[Heard]]:
        """All clips of a block through the batched path, laid out one after another with a little silence between."""
        gap = np.zeros(int(SILENCE_S * RATE_HZ), np.float32)
        spans, parts, at = [], [], 0
        for sound in samples:
            spans.append({"start": at / RATE_HZ, "end": (at + len(sound)) / RATE_HZ})
            parts += [sound, gap]
            at += len(sound) + len(gap)
        segments, _ = self._batched.transcribe(
            np.concatenate(parts),
            language=language,
            vad_filter=False,
            clip_timestamps=[dict(s) for s in spans],
            batch_size=BATCH,
            beam_size=BEAM,
            word_timestamps=True,
            without_timestamps=True,
            hotwords=prompt or None,
        )
        heard: list[list[Heard]] = [[] for _ in samples]
        starts = np.array([s["start"] for s in spans])
        for segment in segments:
            # Offsets are rounded down to frames of 10 ms, so a clip can seem to begin in the silence before it.
            i = int(np.searchsorted(starts, segment.start + SILENCE_S / 2, side="right")) - 1
            heard[i].append(_heard(segment, offset_s=float(starts[i])))
        return heard

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        segments, _ = self._model.transcribe(
            samples,
            language=language,
            beam_size=BEAM,
            temperature=list(WORST_TEMPERATURES),
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
        )
        return [_heard(s, offset_s=0.0) for s in segments]


def _heard(segment: Any, *, offset_s: float) -> Heard:
    return Heard(
        words=tuple(
            (str(w.word), float(w.start) - offset_s, float(w.end) - offset_s, float(w.probability))
            for w in segment.words or ()
        ),
        logprob=float(segment.avg_logprob),
        no_speech=float(segment.no_speech_prob),
        compression=float(segment.compression_ratio),
    )
