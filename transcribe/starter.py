"""The starter diarisation: segmentation-3.0 and CAM++ in the places that pyannote.audio keeps for such parts.

Imported only where pyannote.audio runs (`transcribe.diarise` sees to telemetry and torchaudio before).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem as Kind
from pyannote.audio.core.task import Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import BaseClustering
from pyannote.core import SlidingWindowFeature
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from transcribe import campplus, voices

STEP_S = 2.5  # between ten-second windows: as good as pyannote's 1 s, and twice as fast
LEAST_SPEECH_S = 0.3  # less than this says nothing about whose voice it is
MOST_SPEECH_S = 3.0  # more than this costs time and tells little more

# Everything but numbers that a checkpoint of pyannote.audio has to hold.
PICKLED = [Kind, Resolution, Specifications, torch.torch_version.TorchVersion]


def build(segmentation: Path, embedding: Path) -> SpeakerDiarization:
    """The pipeline, ready to run, from the two files of weights. Raises ValueError or pickle errors for other files."""
    pipeline = Starter(
        segmentation=_segmentation(segmentation),
        segmentation_step=STEP_S / 10,
        embedding=Voice(campplus.read(embedding)),
        embedding_exclude_overlap=True,
        plda=_NoPLDA(),
        clustering="AgglomerativeClustering",  # the constructor takes only names that it knows
        segmentation_batch_size=8,
        embedding_batch_size=8,
    )
    pipeline.clustering = Grouping()
    return pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}})


def _segmentation(path: Path) -> PyanNet:
    with torch.serialization.safe_globals(PICKLED):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    try:
        network = PyanNet(**{k: checkpoint["hyper_parameters"].get(k) for k in ("sincnet", "lstm", "linear")})
        network.on_load_checkpoint(checkpoint)
        network.load_state_dict(checkpoint["state_dict"])
    except (KeyError, AttributeError, TypeError, RuntimeError) as e:
        raise ValueError(f"not the weights of a segmentation network: {e}") from e
    return network.eval()


class _NoPLDA(PLDA):  # type: ignore[misc]
    """Stands where pyannote wants a model that only its own clustering uses."""

    def __init__(self) -> None:
        pass


class Voice(Model):  # type: ignore[misc]
    """CAM++ as an embedding model of pyannote."""

    def __init__(self, network: campplus.CamPlusPlus) -> None:
        super().__init__(sample_rate=campplus.RATE_HZ)
        self.network = network
        self.specifications = Specifications(
            problem=Kind.REPRESENTATION, resolution=Resolution.CHUNK, duration=MOST_SPEECH_S
        )

    @property
    def dimension(self) -> int:
        return campplus.DIMENSION

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:
        """Vectors (batch, 192) of `waveforms` (batch, 1, samples) where `weights` (batch, frames) are not zero.

        A row with too little speech gives NaN, and so do waveforms too short as a whole: ValueError.
        """
        if waveforms.shape[-1] < LEAST_SPEECH_S * campplus.RATE_HZ:
            raise ValueError("too short for a voice")
        vectors = waveforms.new_full((len(waveforms), self.dimension), torch.nan)
        for i, waveform in enumerate(waveforms[:, 0]):
            if weights is not None and not weights[i].any():
                continue
            heard = campplus.features(waveform)
            if weights is not None:
                on = torch.nn.functional.interpolate(weights[i][None, None], len(heard), mode="nearest")[0, 0] > 0.5
                heard = heard[on]
            if len(heard) < LEAST_SPEECH_S * 100:
                continue
            # Few different lengths: torch keeps what it prepares for each, and memory would grow with the recording.
            n = min(len(heard) // 20 * 20, round(MOST_SPEECH_S * 100))
            start = (len(heard) - n) // 2  # the middle: edges of turns are where segmentation errs
            heard = heard[start : start + n]
            vectors[i] = self.network((heard - heard.mean(0))[None])[0]
        return vectors


class Grouping(BaseClustering):  # type: ignore[misc]
    """`voices.tell_apart` in place of pyannote's clustering."""

    expects_num_clusters = False

    def __call__(
        self,
        embeddings: np.ndarray,
        segmentations: SlidingWindowFeature,
        min_clusters: int | None = None,
        max_clusters: float | None = None,
        **_: Any,
    ) -> tuple[np.ndarray, None, None]:
        """Which voice (windows, 3) each window's local speakers are; -2 where nobody speaks or nothing tells who.

        `embeddings` is (windows, 3, dimension) and `segmentations` (windows, frames, 3). Within a window two
        speakers are two voices as long as there are voices enough.
        """
        speaks = segmentations.data.any(axis=1)
        known = speaks & ~np.isnan(embeddings).any(axis=2)
        hard = np.full(known.shape, -2, dtype=np.intp)
        _, window, speaker = self.filter_embeddings(embeddings, segmentations)
        if len(window) == 0:  # nobody spoke alone for long: take what there is
            window, speaker = np.nonzero(known)
        if len(window) == 0:
            return hard, None, None
        at_most = None if max_clusters is None or np.isinf(max_clusters) else int(max_clusters)
        learnt = embeddings[window, speaker]
        labels = voices.tell_apart(learnt, at_least=min_clusters or 1, at_most=at_most)
        means = voices.centroids(learnt, labels)
        norms = np.linalg.norm(embeddings, axis=2, keepdims=True)
        alike = np.where(known[..., None], embeddings / norms, 0) @ means.T
        for w in range(len(hard)):
            here = np.flatnonzero(known[w])
            hard[w, here] = alike[w, here].argmax(1)
            rows, columns = linear_sum_assignment(alike[w, here], maximize=True)
            hard[w, here[rows]] = columns
        return hard, None, None


class Starter(SpeakerDiarization):  # type: ignore[misc]
    """pyannote's pipeline, but for how windows become one timeline."""

    def reconstruct(
        self, segmentations: SlidingWindowFeature, hard_clusters: np.ndarray, count: SlidingWindowFeature
    ) -> SlidingWindowFeature:
        """Who speaks in each frame, (frames, voices) of 0 and 1: the `count` voices that most windows heard there.

        A voice that no window heard is never put in to make up the count, and one table over all frames is kept
        instead of one per window: a tenth of the memory on a long recording.
        """
        n_frames, n_voices = len(count.data), max(1, int(hard_clusters.max()) + 1)
        heard = np.zeros((n_frames, n_voices), dtype=np.float32)
        frames = count.sliding_window
        for (window, active), voice_of in zip(segmentations, hard_clusters, strict=True):
            start = frames.closest_frame(window.start + 0.5 * frames.duration)
            stop = min(n_frames, start + len(active))
            for voice in set(voice_of[voice_of >= 0]):
                heard[start:stop, voice] += active[: stop - start, voice_of == voice].max(axis=1)
        rank = np.argsort(np.argsort(-heard, axis=1, kind="stable"), axis=1)
        return SlidingWindowFeature(((rank < count.data) & (heard > 0)).astype(np.float32), frames)
