"""Where speech is: Silero's voice activity detector over a recording, and clips of at most 30 s cut at silence.

The detector comes with faster-whisper. It is run over fixed pieces of the recording, each after a little of what
went before, so that memory does not grow and a run that resumes in the middle finds the very same clips.

Of a recording that is soft throughout it would hear next to nothing: that is made louder for it, all by as much.

Muffled and distant voices it half believes in at best, and a few soft words among loud ones not at all, unless all is
made louder still. Where it does so for a while, there is a clip that holds no speech: too little to be heard, too much
to be passed over without a word.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from transcribe.audio import FRAME, RATE_HZ, Audio
from transcribe.ranges import Ranges, joined, without
from transcribe.records import Record, check_range

FRAME_MS = FRAME * 1000 // RATE_HZ  # what the detector judges at once
PIECE = 4096  # frames: 131 s
WARM_UP = 64  # frames before a piece that let the detector settle
SOFT_DB = -35.0  # below full scale: the loudest frames of a recording are brought up to this
MOST_DB = 40.0  # by which they are
ON, OFF = 0.5, 0.35  # probability of speech at which it begins, and below which it ends
FAINT = 0.15  # and from which sound may be speech: never reached outside clear speech, now and then by murmurs
FAINT_DB = 20.0  # louder, it may be speech from `ON` on; louder still, a rustle is, too
FAINT_MS = 400  # how long it must last, pauses included
PAUSE_MS = 400  # shorter silence does not end a stretch of speech
SHORTEST_MS = 96
PAD_MS = 200  # around speech, and part of it: quiet beginnings and ends of words
EDGE_MS = 400  # of sound before a clip's first word and after its last: with less, Whisper mishears them
CLIP_MS = 30_000  # all that Whisper hears at once
GAP_MS = 2_000  # silence inside a clip; longer ones invite invention
CUT_AFTER_MS = 12_000  # speech without a pause is cut at its quietest place after this


class Clip(Record):
    """A contiguous part of the recording, and the stretches of speech inside it (all in ms of the recording).

    Without any, it is sound that may be speech.
    """

    start_ms: int
    end_ms: int
    speech: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)

    @property
    def voiced(self) -> Ranges:
        """The same stretches without the silence around them, which is not there where one was cut from the next."""
        edges = [self.start_ms, *(at_ms for span in self.speech for at_ms in span), self.end_ms]
        found = []
        for before, a, b, after in zip(edges[::2], edges[1::2], edges[2::2], edges[3::2], strict=False):
            start_ms, end_ms = a + PAD_MS * (before < a), b - PAD_MS * (b < after)
            found.append((start_ms, end_ms) if start_ms < end_ms else (a, b))
        return found

    @property
    def speech_ms(self) -> int:
        return sum(end - start for start, end in self.speech)


def clips(audio: Audio, from_ms: int = 0, to_ms: int | None = None) -> Iterator[Clip]:
    """The clips of a recording between two times, in order, together holding all speech that was heard there."""
    held: list[tuple[tuple[int, int], tuple[int, int]]] = []
    faint: Ranges = []
    to_ms = audio.duration_ms if to_ms is None else min(to_ms, audio.duration_ms)
    louder = _probabilities(audio, from_ms, to_ms, FAINT_DB)
    frames = _noting(_probabilities(audio, from_ms, to_ms), louder, faint)
    for speech, sound in _padded(_stretches(frames, to_ms), from_ms, to_ms):
        if held and (sound[1] - held[0][1][0] > CLIP_MS or speech[0] - held[-1][0][1] > GAP_MS):
            yield from _with_faint(_clip(held), faint, to_ms)
            held = []
        held.append((speech, sound))
    if held:
        yield from _with_faint(_clip(held), faint, to_ms)
    yield from _faint(faint)


def _clip(held: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> Clip:
    return Clip(start_ms=held[0][1][0], end_ms=held[-1][1][1], speech=tuple(speech for speech, _ in held))


def _noting(
    frames: Iterator[tuple[int, float]], louder: Iterator[tuple[int, float]], faint: Ranges
) -> Iterator[tuple[int, float]]:
    """The same frames, while the time of those that may be speech is gathered; `louder` are the same made louder."""
    for (at_ms, p), (_, p_louder) in zip(frames, louder, strict=True):
        if p >= FAINT or p_louder >= ON:
            if faint and faint[-1][1] == at_ms:
                faint[-1] = faint[-1][0], at_ms + FRAME_MS
            else:
                faint.append((at_ms, at_ms + FRAME_MS))
        yield at_ms, p


def _with_faint(clip: Clip, faint: Ranges, to_ms: int) -> Iterator[Clip]:
    """A clip after those without speech that come before it; what has been dealt with leaves `faint`."""
    yield from _faint(without(faint, [(clip.start_ms, to_ms)]))
    faint[:] = without(faint, [(0, clip.end_ms)])
    yield clip


def _faint(spans: Ranges) -> Iterator[Clip]:
    """Clips without speech, where there may be some for long enough."""
    near = joined((start, end + GAP_MS) for start, end in spans)
    found = [(start, end - GAP_MS) for start, end in near]
    yield from (Clip(start_ms=a, end_ms=b, speech=()) for a, b in found if b - a >= FAINT_MS)


def _padded(
    stretches: Iterator[tuple[int, int]], from_ms: int, to_ms: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Speech with a little silence on either side, and the sound to hear it in; neither reaches into the next one."""
    before: tuple[int, int] | None = None
    floor_ms = from_ms

    def around(stretch: tuple[int, int], ceiling_ms: int) -> tuple[tuple[int, int], tuple[int, int]]:
        start, end = stretch
        speech, sound = ((max(floor_ms, start - by_ms), min(end + by_ms, ceiling_ms)) for by_ms in (PAD_MS, EDGE_MS))
        return speech, sound

    for after in stretches:
        if before:
            middle = (before[1] + after[0]) // 2
            yield around(before, middle)
            floor_ms = middle
        before = after
    if before:
        yield around(before, to_ms)


def _stretches(frames: Iterator[tuple[int, float]], to_ms: int) -> Iterator[tuple[int, int]]:
    """Speech between pauses, none longer than fits a clip with its edges."""
    start: int | None = None
    last = 0  # end of the last frame of speech, in ms
    since: list[float] = []  # probabilities from `start` on
    longest_ms = CLIP_MS - 2 * EDGE_MS
    for at_ms, p in frames:
        if start is None:
            if p >= ON:
                start, last, since = at_ms, at_ms + FRAME_MS, [p]
            continue
        since.append(p)
        if p >= OFF:
            last = at_ms + FRAME_MS
        if at_ms + FRAME_MS - last >= PAUSE_MS:
            if last - start >= SHORTEST_MS:
                yield start, last
            start = None
        elif at_ms + FRAME_MS - start >= longest_ms:
            first = CUT_AFTER_MS // FRAME_MS
            cut = first + int(np.argmin(since[first:-1]))
            middle = start + cut * FRAME_MS
            yield start, middle
            start, since = middle, since[cut:]
            last = max(last, middle)
    if start is not None and last - start >= SHORTEST_MS:
        yield start, min(last, to_ms)


def nearest_pause(audio: Audio, at_ms: int, from_ms: int, to_ms: int) -> int:
    """`at_ms` if nobody speaks then, or else the middle of the pause between two times that is nearest to it.

    Where nobody pauses between them, the quietest frame there.
    """
    frames = list(_probabilities(audio, max(0, from_ms - PAUSE_MS), to_ms + PAUSE_MS))
    n_frames = PAUSE_MS // FRAME_MS
    loudest = [max(p for _, p in frames[i : i + n_frames]) for i in range(len(frames) - n_frames + 1)]
    pauses = [frames[i][0] + PAUSE_MS // 2 for i, p in enumerate(loudest) if p < OFF]
    if any(abs(pause - at_ms) <= PAUSE_MS // 2 for pause in pauses):
        return at_ms
    inside = [pause for pause in pauses if from_ms <= pause <= to_ms]
    if inside:
        return min(inside, key=lambda pause: abs(pause - at_ms))
    return min((f for f in frames if from_ms <= f[0] <= to_ms), key=lambda frame: frame[1], default=(at_ms, 0.0))[0]


def _probabilities(audio: Audio, from_ms: int, to_ms: int, louder_db: float = 0.0) -> Iterator[tuple[int, float]]:
    """(start of a frame in ms, probability of speech), for frames that begin between two times."""
    n_frames = min(audio.n_samples // FRAME, -(-to_ms // FRAME_MS))
    model, gain_db = _model(), louder_db + min(MOST_DB, max(0.0, SOFT_DB - audio.loud_db))
    first = from_ms // FRAME_MS // PIECE * PIECE
    for piece in range(first, n_frames, PIECE):
        warm = max(0, piece - WARM_UP)
        end = min(piece + PIECE, n_frames)
        part = audio.slice(warm * FRAME_MS, end * FRAME_MS) * np.float32(10 ** (gain_db / 20))
        for i, p in enumerate(np.asarray(model(part)).reshape(-1)[piece - warm :]):
            at_ms = (piece + i) * FRAME_MS
            if at_ms >= from_ms:
                yield at_ms, float(p)


def _model() -> Any:
    from faster_whisper.vad import get_vad_model

    return get_vad_model()
