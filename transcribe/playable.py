"""A small copy that every browser plays, and seeks in exactly: sound only, on the meeting's timeline."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe.audio import samples_in, timeline
from transcribe.records import Media

RATE_HZ = 48_000
BIT_RATE = 64_000
_ENCODERS = {".m4a": ("aac", "mp4", {"movflags": "+faststart"}), ".webm": ("libopus", "webm", {})}

# What Chrome, Firefox and Safari all play from a file of this name. MP3 and bare AAC they play too, but seek in by
# guessing, which in a long recording lands seconds off.
_SOUND = {
    ".mp4": {"aac", "mp3", "opus", "flac"},
    ".m4a": {"aac", "flac"},
    ".m4v": {"aac", "mp3"},
    ".webm": {"opus", "vorbis"},
    ".wav": {"pcm_s16le", "pcm_u8"},
    ".flac": {"flac"},
    ".opus": {"opus"},
    ".ogg": {"opus", "vorbis", "flac"},
    ".oga": {"opus", "vorbis", "flac"},
}
_PICTURES = {"h264", "vp8", "vp9", "av1", "libdav1d"}


def needs_copy(media: Media) -> str:
    """Why browsers cannot play this file, or not seek in it to within 100 ms; empty where they can."""
    suffix = Path(media.file).suffix.lower()
    codec = next((s.codec for s in media.streams if s.kind == "audio"), "none")
    if suffix in (".mp3", ".aac"):
        return f"browsers seek in {suffix[1:].upper()} files only roughly"
    if suffix not in _SOUND:
        return f"browsers do not play {suffix or 'nameless'} files"
    if codec.removesuffix("float") not in _SOUND[suffix]:
        return f"browsers do not play {codec} sound in {suffix} files"
    for stream in media.streams:
        if stream.kind == "video" and stream.codec not in _PICTURES:
            return f"browsers do not play {stream.codec} pictures"
    return ""


def make(
    sources: Sequence[tuple[Path, int]],
    out: Path,
    *,
    silence: Sequence[tuple[int, int]] = (),
    progress: Callable[[int], None] = lambda done_ms: None,
) -> None:
    """Write the sound of media files, each with its start in ms, to `out`: AAC in .m4a or Opus in .webm, mono.

    0 ms of the meeting is 0:00 of the copy. Stretches in `silence` are silent in it: their sound never reaches the
    encoder. `progress` is told how many ms are done, about every ten seconds of sound. Raises Problem where a file has
    no sound.
    """
    import av

    codec, container_format, options = _ENCODERS[out.suffix]
    with av.open(str(out), "w", format=container_format, options=options) as container:
        stream: Any = container.add_stream(codec, rate=RATE_HZ)
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE_HZ)
        at = 0
        for samples in _unbroken(sources, silence):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), at
            at += len(samples)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
            progress(at * 1000 // RATE_HZ)
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))


def _unbroken(sources: Sequence[tuple[Path, int]], silence: Sequence[tuple[int, int]]) -> Iterator[NDArray[np.int16]]:
    """The sound of a meeting with its gaps filled, at most ten seconds or so at a time."""
    at, most = 0, samples_in(10_000, RATE_HZ)
    for first, samples in timeline(sources, rate_hz=RATE_HZ, silence=silence, lost=[]):
        while at < first:
            gap = np.zeros(min(first - at, most), np.int16)
            yield gap
            at += len(gap)
        yield samples
        at = first + len(samples)
