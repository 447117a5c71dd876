"""A small copy that every browser plays, and seeks in exactly: sound only, on the meeting's timeline."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe.audio import Source, samples_in, timeline
from transcribe.media import Progress
from transcribe.records import Media

RATE_HZ = 48_000
BIT_RATE = 64_000
_ENCODERS = {".m4a": ("aac", "mp4", {"movflags": "+faststart"}), ".webm": ("libopus", "webm", {})}

# What Chrome, Firefox and Safari all play and seek in exactly: by suffix, the container (FFmpeg's name) that a file of
# this name must be, and codecs. Of MP3 they know the length, but where its bit rate changes find a moment only by
# guessing, up to minutes off; of bare AAC (ADTS) not even the length.
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_SOUND = {
    ".mp4": (_MP4, {"aac", "mp3", "opus", "flac"}),
    ".m4a": (_MP4, {"aac", "flac"}),
    ".m4v": (_MP4, {"aac", "mp3"}),
    ".webm": ("matroska,webm", {"opus", "vorbis"}),
    ".wav": ("wav", {"pcm_s16le", "pcm_u8"}),
    ".flac": ("flac", {"flac"}),
    ".mp3": ("mp3", {"mp3"}),
    ".opus": ("ogg", {"opus"}),
    ".ogg": ("ogg", {"opus", "vorbis", "flac"}),
    ".oga": ("ogg", {"opus", "vorbis", "flac"}),
}
_PICTURES = {"h264", "vp8", "vp9", "av1", "libdav1d"}
_WRONG_MS = 100  # a quote that plays from further off is not the quote


def needs_copy(media: Sequence[Media]) -> str:
    """Why browsers cannot play a recording as it is, or not seek in it to within 100 ms; empty where they can."""
    if len(media) > 1:
        return "the meeting is in several files"
    return next((reason for m in media if (reason := _amiss(m))), "")


def _amiss(media: Media) -> str:
    suffix = Path(media.file).suffix.lower()
    if suffix == ".aac":
        return "browsers only guess the length of bare AAC"
    if suffix not in _SOUND:
        return f"browsers do not play {suffix or 'nameless'} files"
    container, codecs = _SOUND[suffix]
    tracks = [s for s in media.streams if s.kind == "audio"]
    codec = tracks[media.audio_track - 1].codec.removesuffix("float") if tracks else "none"
    if media.container not in ("", container):
        return f"this {suffix} file is none: it holds {media.container}"
    if codec not in codecs:
        return f"browsers do not play {codec} sound in {suffix} files"
    for stream in media.streams:
        if stream.kind == "video" and stream.codec not in _PICTURES:
            return f"browsers do not play {stream.codec} pictures"
    if suffix == ".mp3" and not media.even:
        return "browsers find a moment in an MP3 file only roughly where its bit rate changes"
    if not media.states_length:
        return "the file does not say, or not rightly, how long it is, and browsers cannot seek in it"
    if media.first_ms > _WRONG_MS:
        return "the file's clock does not begin at nought, and browsers differ in what they make of that"
    if media.channel:
        return "its channels cancel each other on one loudspeaker"
    # Some take the first track, others the one that the file marks.
    marked = [n for n, track in enumerate(tracks, 1) if track.default] or [1]
    if len(tracks) > 1 and not media.audio_track == 1 == marked[0]:
        return "browsers may play another of its sound tracks"
    return ""


def make(
    sources: Sequence[Source],
    out: Path,
    *,
    silence: Sequence[tuple[int, int]] = (),
    duration_ms: int,
    progress: Progress = lambda done_ms, total_ms: None,
) -> None:
    """Write the sound of media, each where it starts in the meeting, to `out`: AAC in .m4a or Opus in .webm, mono.

    0 ms of the meeting is 0:00 of the copy, which ends after `duration_ms` at the latest. Stretches in `silence` are
    silent in it: their sound never reaches the encoder. Raises Problem where a file has no sound.
    """
    import av

    codec, container_format, options = _ENCODERS[out.suffix]
    with av.open(str(out), "w", format=container_format, options=options) as container:
        stream: Any = container.add_stream(codec, rate=RATE_HZ)
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE_HZ)
        at = 0
        for samples in _unbroken(sources, silence, samples_in(duration_ms, RATE_HZ)):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), at
            at += len(samples)
            progress(min(at * 1000 // RATE_HZ, duration_ms), duration_ms)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))


def _unbroken(
    sources: Sequence[Source], silence: Sequence[tuple[int, int]], n_samples: int
) -> Iterator[NDArray[np.int16]]:
    """The sound of a meeting with its gaps filled, ten seconds or so at a time, and at most `n_samples` in all."""
    at, most = 0, samples_in(10_000, RATE_HZ)
    for first, samples in timeline(sources, rate_hz=RATE_HZ, silence=silence, lost=[]):
        while at < min(first, n_samples):
            gap = np.zeros(min(first, n_samples, at + most) - at, np.int16)
            yield gap
            at += len(gap)
        kept = samples[: n_samples - at]
        if not len(kept):
            break
        yield kept
        at += len(kept)
