"""The `openai-whisper` engine: the reference implementation, over the same clips and behind the same judgement."""

import hashlib
import pickle
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe import ct2
from transcribe.gates import Heard
from transcribe.hearing import BEAM, SEED, SURE, TEMPERATURES, Listener, surest
from transcribe.problem import LACKING, Problem


def load(path: Path, *, fingerprint: str, device: str, n_threads: int, cache: Path) -> Listener:
    """The recogniser in a `.pt` file, or of the weights in a CTranslate2 folder, converted once into `cache`.

    Opens no socket. Raises Problem where there is no such model, or it cannot be loaded.
    """
    import torch
    import whisper

    source = path.absolute()  # a bare name would be looked up, and fetched
    if source.is_dir():
        path = _converted(source, cache)
    elif source.is_file():
        path = source
    else:
        raise Problem(
            "there is no such model", where=path, fix="name a file or a folder that exists", exit_code=LACKING
        )
    if n_threads:
        torch.set_num_threads(n_threads)
    try:
        model = whisper.load_model(str(path), device=device)
    except (RuntimeError, OSError, LookupError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as e:
        raise Problem(
            f"this Whisper checkpoint cannot be loaded: {str(e).splitlines()[0] if str(e) else type(e).__name__}",
            where=path,
            fix="name another, or get it again",
            exit_code=LACKING,
        ) from e
    if source.is_dir():
        ct2.set_alignment_heads(model, source)
    return Listener(fingerprint=fingerprint, ears=_Ears(model))


def _converted(folder: Path, cache: Path) -> Path:
    weights = folder / "model.bin"
    if not weights.is_file():
        raise Problem(
            "this folder holds no Whisper model for CTranslate2: model.bin is missing",
            where=folder,
            fix="onrecord models get whisper-base, or name another folder",
            exit_code=LACKING,
        )
    with weights.open("rb") as f:
        key = hashlib.file_digest(f, "sha256").hexdigest()[:16]
    return ct2.convert(folder, cache / f"openai-{folder.name}-{key}.pt")


class _Ears:
    def __init__(self, model: Any) -> None:
        from whisper.tokenizer import LANGUAGES

        self.model = model
        self.languages = frozenset(LANGUAGES if model.is_multilingual else ["en"])

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        import whisper

        if not self.model.is_multilingual:
            return "en", 1.0
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(samples), n_mels=self.model.dims.n_mels)
        _, probabilities = self.model.detect_language(mel.to(self.model.device))
        return surest(probabilities, among)

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> Iterator[list[Heard]]:
        for sound in samples:
            found, p = self.detect(sound)
            foreign = found if found != language and p >= SURE else ""
            yield self._hear(sound, language, prompt=prompt or None, temperature=0.0, foreign=foreign)

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        import torch

        torch.manual_seed(SEED)
        return self._hear(samples, language, prompt=None, temperature=TEMPERATURES)

    def _hear(
        self,
        samples: NDArray[np.float32],
        language: str,
        *,
        prompt: str | None,
        temperature: float | tuple[float, ...],
        foreign: str = "",
    ) -> list[Heard]:
        import whisper

        result = whisper.transcribe(
            self.model,
            samples,
            language=language,
            temperature=temperature,
            beam_size=BEAM,
            condition_on_previous_text=False,
            initial_prompt=prompt,
            word_timestamps=True,
            fp16=self.model.device.type == "cuda",
        )
        return [
            Heard(
                words=tuple(
                    (str(w["word"]), float(w["start"]), float(w["end"]), float(w["probability"]))
                    for w in segment.get("words", ())
                ),
                logprob=float(segment["avg_logprob"]),
                no_speech=float(segment["no_speech_prob"]),
                compression=float(segment["compression_ratio"]),
                foreign=foreign,
            )
            for segment in result["segments"]
        ]
