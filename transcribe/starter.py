"""The starter diarisation: segmentation-3.0 and CAM++ in the places that pyannote.audio keeps for such parts.

Imported only where pyannote.audio runs (`transcribe.diarise` sees to telemetry and torchaudio before).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from pyannote.audio import Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.core.task import Problem as Kind
from pyannote.audio.core.task import Resolution, Specifications
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import BaseClustering
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.core import Annotation, Segment, SlidingWindowFeature
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from transcribe import campplus, voices

STEP_S = 2.5  # between ten-second windows: as good as pyannote's 1 s, and twice as fast
LEAST_SPEECH_S = 0.3  # less than this says nothing about whose voice it is
MOST_SPEECH_S = 3.0  # more than this costs time and tells little more
BATCH = 32  # windows or pieces that are handed over together
ON_CPU = 4  # of them, what a thread of a CPU takes at once
LEARN_FROM_S = 1.5  # speech alone in a window, from which on it is learnt from who there is
PIECE_S = 2.0  # the longest piece of a turn whose voice is looked at again
MARGIN = 0.1  # how much more a piece must be like another voice (cosine) before it gets that one
PAUSE_S = 0.5  # shorter ones within what one voice says are part of its turn

T = TypeVar("T")
U = TypeVar("U")

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
        segmentation_batch_size=BATCH,
        embedding_batch_size=BATCH,
    )
    pipeline.clustering = Grouping()
    return pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}})


class Segmentation(PyanNet):  # type: ignore[misc]
    """segmentation-3.0, every thread of a CPU with windows of its own."""

    def forward(self, waveforms: Tensor) -> Tensor:
        return torch.cat(side_by_side(super().forward, waveforms.split(_at_once(waveforms.device)), waveforms.device))


def _segmentation(path: Path) -> Segmentation:
    with torch.serialization.safe_globals(PICKLED):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    try:
        network: Segmentation = Segmentation(
            **{k: checkpoint["hyper_parameters"].get(k) for k in ("sincnet", "lstm", "linear")}
        )
        network.on_load_checkpoint(checkpoint)
        network.load_state_dict(checkpoint["state_dict"])
    except (KeyError, AttributeError, TypeError, RuntimeError) as e:
        raise ValueError(f"not the weights of a segmentation network: {e}") from e
    network.eval()
    return network


def side_by_side(work: Callable[[T], U], items: Sequence[T], device: torch.device) -> list[U]:
    """`work` done on each of `items`, on a CPU in as many threads as torch may use, on a GPU one after another.

    Layers are too small to be shared between threads: where they wait for each other at every one, two are slower
    than one.
    """
    n_threads = torch.get_num_threads() if device.type == "cpu" else 1
    if n_threads == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(n_threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(torch.inference_mode()(work), items))


def _at_once(device: torch.device) -> int:
    """How many windows or pieces go through a network together. It does not depend on the number of threads, so that
    they give the same vectors with any."""
    return ON_CPU if device.type == "cpu" else BATCH


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

        A row with too little speech gives NaN. Without weights, waveforms too short for any raise ValueError: so it is
        that pyannote finds out how long they must be.
        """
        if weights is None and waveforms.shape[-1] < LEAST_SPEECH_S * campplus.RATE_HZ:
            raise ValueError("too short for a voice")
        masks = [None] * len(waveforms) if weights is None else list(weights)
        rows = list(zip(waveforms[:, 0], masks, strict=True))
        heard = side_by_side(lambda row: self._heard(*row), rows, waveforms.device)
        of_length: dict[int, list[int]] = {}  # those of one length go through the network together
        for i, features in enumerate(heard):
            if features is not None:
                of_length.setdefault(len(features), []).append(i)
        n = _at_once(waveforms.device)
        groups = [same[k : k + n] for same in of_length.values() for k in range(0, len(same), n)]
        vectors = waveforms.new_full((len(waveforms), self.dimension), torch.nan)
        batches = [torch.stack([heard[i] for i in group]) for group in groups]
        for group, found in zip(groups, side_by_side(self.network, batches, waveforms.device), strict=True):
            vectors[group] = found
        return vectors

    def _heard(self, waveform: Tensor, mask: Tensor | None) -> Tensor | None:
        """Features (frames, 80) of a voice in `waveform` (samples,) where `mask` (frames,) is not zero; None if few."""
        if mask is not None and not mask.any():
            return None
        heard = campplus.features(waveform)
        if mask is not None:
            on = torch.nn.functional.interpolate(mask[None, None], len(heard), mode="nearest")[0, 0] > 0.5
            heard = heard[on]
        if len(heard) < LEAST_SPEECH_S * 100:
            return None
        # Few different lengths: torch keeps what it prepares for each, and memory would grow with the recording.
        n = min(len(heard) // 20 * 20, round(MOST_SPEECH_S * 100))
        start = (len(heard) - n) // 2  # the middle: edges of turns are where segmentation errs
        heard = heard[start : start + n]
        return heard - heard.mean(0)


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
    ) -> tuple[np.ndarray, None, np.ndarray]:
        """Which voice (windows, 3) each window's local speakers are; -2 where nobody speaks or nothing tells who.

        `embeddings` is (windows, 3, dimension) and `segmentations` (windows, frames, 3). Within a window two
        speakers are two voices as long as there are voices enough. Returned last are the voices' mean directions.
        """
        active = segmentations.data > 0
        alone = active & (active.sum(axis=2, keepdims=True) == 1)
        known = active.any(axis=1) & ~np.isnan(embeddings).any(axis=2)
        hard = np.full(known.shape, -2, dtype=np.intp)
        window = segmentations.sliding_window
        learn_from = known & (alone.mean(axis=1) * window.duration >= LEARN_FROM_S)
        if not learn_from.any():  # nobody spoke alone for long: take what there is
            learn_from, alone = known, active
        if not learn_from.any():
            return hard, None, np.zeros((1, embeddings.shape[2]))
        at_most = None if max_clusters is None or np.isinf(max_clusters) else int(max_clusters)
        vectors = np.where(known[..., None], embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True), 0)
        windows, speakers = np.nonzero(learn_from)
        tenths = 10 * np.linspace(0, window.duration, active.shape[1], endpoint=False)  # where a window's frames are
        heard = [
            np.unique((10 * window.step * w + tenths[alone[w, :, speaker]]).astype(np.intp))
            for w, speaker in zip(windows, speakers, strict=True)
        ]
        labels = voices.tell_apart(vectors[learn_from], windows, heard, at_least=min_clusters or 1, at_most=at_most)
        means = voices.centroids(vectors[learn_from], labels)
        alike = vectors @ means.T
        for w in range(len(hard)):
            here = np.flatnonzero(known[w])
            hard[w, here] = alike[w, here].argmax(1)
            rows, columns = linear_sum_assignment(alike[w, here], maximize=True)
            hard[w, here[rows]] = columns
        return hard, None, means


Span = tuple[float, float, int]  # start and end in seconds, and a voice


class Starter(SpeakerDiarization):  # type: ignore[misc]
    """pyannote's pipeline, but for how windows become one timeline, and with a second look at every piece of it.

    A window of ten seconds is told apart into three speakers at most, and a short answer is easily taken to be part
    of a longer turn. So each piece of a turn between two pauses is heard once more, alone, and goes to the voice
    that it is like.
    """

    progress: ClassVar = {
        "segmentation": (0.0, 0.2),
        "embeddings": (0.2, 0.5),
        "pieces": (0.7, 0.3),
    }  # shares of the time

    def apply(self, file: Any, hook: Callable[..., None] | None = None, **bounds: Any) -> DiarizeOutput:
        """As pyannote's own. `hook` hears of one step more, `pieces`."""
        said = super().apply(file, hook=hook, **bounds)
        labels = said.speaker_diarization.labels()
        alone, all_turns = (
            [(s.start, s.end, labels.index(label)) for s, _, label in turns.itertracks(yield_label=True)]
            for turns in (said.exclusive_speaker_diarization, said.speaker_diarization)
        )
        for piece, voice in self._misplaced(file, alone, said.speaker_embeddings, hook):
            alone = list(_given(alone, piece, voice))
            all_turns = list(_given(all_turns, piece, voice))
        return replace(
            said,
            exclusive_speaker_diarization=_annotation(alone, labels, said.exclusive_speaker_diarization.uri),
            speaker_diarization=_annotation(all_turns, labels, said.speaker_diarization.uri),
        )

    def _misplaced(
        self, file: Any, turns: Sequence[Span], means: np.ndarray, hook: Callable[..., None] | None
    ) -> Iterator[tuple[Span, int]]:
        """Pieces of `turns` that sound more like another voice than like their own, and which."""
        pieces = [p for turn in turns for p in _pieces(turn) if p[1] - p[0] >= LEAST_SPEECH_S]
        if len(means) < 2:
            return
        for first in range(0, len(pieces), self.embedding_batch_size):
            batch = pieces[first : first + self.embedding_batch_size]
            crops = [self._audio.crop(file, Segment(start_s, end_s), mode="pad")[0][0] for start_s, end_s, _ in batch]
            masks = [torch.ones(len(sound) * 100 // campplus.RATE_HZ) for sound in crops]
            sounds, spoken = (pad_sequence(rows, batch_first=True) for rows in (crops, masks))
            for piece, vector in zip(batch, self._embedding(sounds[:, None], masks=spoken), strict=True):
                alike = means @ vector / np.linalg.norm(vector)
                if alike.max() >= alike[piece[2]] + MARGIN:
                    yield piece, int(alike.argmax())
            if hook is not None:
                hook("pieces", None, total=len(pieces), completed=first + len(batch))

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


def _pieces(turn: Span) -> list[Span]:
    """A turn in equal parts of at most PIECE_S."""
    start_s, end_s, voice = turn
    edges = np.linspace(start_s, end_s, max(1, int(np.ceil((end_s - start_s) / PIECE_S))) + 1)
    return [(float(a), float(b), voice) for a, b in pairwise(edges)]


def _given(turns: Sequence[Span], piece: Span, voice: int) -> Iterator[Span]:
    """`turns`, in which the stretch of `piece` is that of `voice`, and its own only where both were speaking."""
    start_s, end_s, wrong = piece
    both = [(max(a, start_s), min(b, end_s)) for a, b, who in turns if who == voice and a < end_s and b > start_s]
    for a, b, who in turns:
        if who == wrong and a < end_s and b > start_s:
            for c, d in ((a, start_s), (end_s, b), *both):
                if max(a, c) < min(b, d):
                    yield max(a, c), min(b, d), who
        else:
            yield a, b, who
    yield start_s, end_s, voice


def _annotation(turns: Iterable[Span], labels: Sequence[str], uri: str) -> Annotation:
    """Turns for pyannote. What a voice says before and after a short pause is one turn, unless another speaks there."""
    joined: list[Span] = []
    latest: dict[int, int] = {}  # voice -> where in `joined` its last turn is
    for start_s, end_s, voice in sorted(turns):
        others_until_s = max((joined[i][1] for v, i in latest.items() if v != voice), default=0.0)
        if voice in latest:
            before = joined[latest[voice]]
            pause_s = start_s - before[1]
            if pause_s <= 0 or (pause_s < PAUSE_S and others_until_s <= before[1]):
                joined[latest[voice]] = before[0], max(before[1], end_s), voice
                continue
        latest[voice] = len(joined)
        joined.append((start_s, end_s, voice))
    annotation = Annotation(uri=uri)
    for track, (start_s, end_s, voice) in enumerate(joined):
        annotation[Segment(start_s, end_s), track] = labels[voice]
    return annotation
