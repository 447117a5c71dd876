"""Sound: what a media file holds, and a recording decoded once to 16 kHz mono samples on disk.

Everything goes through PyAV, streamed; a recording is never held in memory. Samples are placed by their
presentation times, so that 0 ms is what a player shows as 0:00, a late start or a gap is silence, and time never
drifts however long the file is.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from transcribe.problem import Problem
from transcribe.records import Media, Record, Stream

if TYPE_CHECKING:
    import av.container

RATE_HZ = 16_000
JITTER_MS = 40  # timestamps of some containers wobble by this much without a gap
LONGEST_S = 100 * 3600


class Audio(Record):
    """A decoded recording: a file of raw little-endian 16-bit samples, 16 kHz, mono."""

    path: Path

    @property
    def n_samples(self) -> int:
        return self.path.stat().st_size // 2

    @property
    def duration_ms(self) -> int:
        return self.n_samples * 1000 // RATE_HZ

    @property
    def samples(self) -> NDArray[np.int16]:
        """All samples, mapped from the file: shape (n_samples,)."""
        if not self.n_samples:
            return np.zeros(0, np.int16)
        return np.memmap(self.path, dtype="<i2", mode="r")

    def slice(self, start_ms: int, end_ms: int) -> NDArray[np.float32]:
        """Samples of a stretch as floats in [-1, 1]: shape (at most (end_ms - start_ms) * 16,)."""
        part = self.samples[start_ms * RATE_HZ // 1000 : end_ms * RATE_HZ // 1000]
        return part.astype(np.float32) / 32768.0


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[av.container.InputContainer]":
    """A media file opened for reading. Raises Problem for all that can't be one."""
    import av

    try:
        if path.stat().st_size == 0:
            raise Problem("this file is empty (0 bytes)", where=path, fix="copy it again from where it came from")
        with path.open("rb"):
            pass
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    except PermissionError as e:
        raise Problem("this file may not be read", where=path, fix="give yourself the right to: chmod u+r") from e
    try:
        # Through the `file:` protocol, and no other, so that no name or playlist can make it open anything else.
        container = av.open(f"file:{os.fspath(path)}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, ValueError, UnicodeError) as e:
        raise _unreadable(path, e) from e
    with container:
        yield container


def _unreadable(path: Path, error: Exception) -> Problem:
    with path.open("rb") as f:
        head = f.read(4096)
    if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
        return Problem(
            "this recording is cut short: its index at the end is missing",
            where=path,
            fix="copy or download it again; if this is all there is, repair it with another program first",
        )
    if head and b"\0" not in head:
        return Problem("this is not a recording: it is text", where=path, fix="put the audio or video file there")
    return Problem(f"this is not a recording that can be read ({error})", where=path, fix="check that it plays")


def probe(path: Path, *, sha256: str) -> Media:
    """What a media file holds. `sha256` is its hash, taken by the caller. Raises Problem where there is no sound in it."""
    import av

    with _opened(path) as container:
        streams = tuple(_stream(s) for s in container.streams)
        if not container.streams.audio:
            raise Problem(
                "cannot read audio: the file has no audio stream",
                where=path,
                fix='check that the file plays with sound, or name another with `media = "..."` in meeting.toml',
            )
        stream = container.streams.audio[0]
        if _encrypted(container, stream):
            raise Problem("this recording is encrypted", where=path, fix="get an unprotected copy")
        duration_ms = _stated_ms(container, stream)
        if duration_ms is None:
            duration_ms = _counted_ms(container, stream)
        elif duration_ms > LONGEST_S * 1000:
            raise Problem("this file says that it is longer than 100 hours", where=path, fix="check that it plays")
        else:
            try:
                next(container.decode(stream), None)
            except av.FFmpegError as e:
                raise Problem(f"the sound in this file cannot be decoded ({e})", where=path, fix="check that it plays") from e
    return Media(file=path.name, sha256=sha256, size=path.stat().st_size, duration_ms=duration_ms, streams=streams)


def _encrypted(container: Any, stream: Any) -> bool:
    names = {*container.metadata, *stream.metadata}
    return "encryption" in names or stream.codec_context is None or stream.codec_context.name in ("", "none")


def _stream(stream: Any) -> Stream:
    kind = stream.type if stream.type in ("audio", "video") else "other"
    context = getattr(stream, "codec_context", None)
    codec = context.name if context else "unknown"
    if kind == "audio" and context:
        return Stream(kind="audio", codec=codec, rate_hz=context.sample_rate, channels=context.channels)
    return Stream(kind=kind, codec=codec)


def _stated_ms(container: Any, stream: Any) -> int | None:
    """When the last sample ends on a player's clock, as the container says it."""
    if stream.duration is not None and stream.time_base:
        start = stream.start_time or 0
        return max(0, round((start + stream.duration) * float(stream.time_base) * 1000) - _origin_ms(container))
    if container.duration is not None:
        return round(container.duration / 1000)
    return None


def _counted_ms(container: Any, stream: Any) -> int:
    end_ms = 0.0
    for packet in container.demux(stream):
        if packet.pts is not None:
            end_ms = max(end_ms, float((packet.pts + (packet.duration or 0)) * packet.time_base) * 1000)
    return max(0, round(end_ms) - _origin_ms(container))


def _origin_ms(container: Any) -> int:
    """The container's own time of what a player shows as 0:00. Broadcast streams begin anywhere."""
    if container.format.name in ("mpegts", "mpeg") and container.start_time is not None:
        return round(container.start_time / 1000)
    return 0


def decode(
    sources: Sequence[tuple[Path, int]],
    out: Path,
    *,
    silence: Sequence[tuple[int, int]] = (),
    duration_ms: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Audio:
    """Decode media, each with its start on the meeting's timeline in ms, into a file of samples.

    Stretches in `silence` are zero. A file that breaks off is decoded as far as it goes; one that gives no
    sample at all raises Problem. With `duration_ms` the result has exactly that length.
    """
    with out.open("wb") as f:
        for path, start_ms in sources:
            _decode_one(path, start_ms, f)
            if progress and duration_ms:
                progress(min(f.tell() // (2 * RATE_HZ // 1000), duration_ms), duration_ms)
        end = f.seek(0, os.SEEK_END)
        if duration_ms is not None:
            f.truncate(2 * (duration_ms * RATE_HZ // 1000))
            end = f.seek(0, os.SEEK_END)
        for start_ms, end_ms in silence:
            first, last = (min(end, 2 * (ms * RATE_HZ // 1000)) for ms in (start_ms, end_ms))
            _write_zeros(f, first, last)
    return Audio(path=out)


def _write_zeros(f: Any, first: int, last: int) -> None:
    f.seek(first)
    while first < last:
        n = min(1 << 20, last - first)
        f.write(bytes(n))
        first += n


def _decode_one(path: Path, start_ms: int, f: Any) -> None:
    """Write one file's samples where its timestamps put them."""
    import av

    with _opened(path) as container:
        stream = container.streams.audio[0]
        stream.thread_type = "AUTO"
        origin_ms = _origin_ms(container)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        at: int | None = None  # where the resampler's next sample goes, in samples of the meeting
        n_decoded = 0

        def put(frames: Sequence[Any]) -> None:
            nonlocal at, n_decoded
            for frame in frames:
                samples = frame.to_ndarray().reshape(-1).astype("<i2")
                n_decoded += len(samples)
                if at is None:
                    at = 0
                skip = max(0, -at)  # what a player never shows, before its 0:00
                if skip < len(samples):
                    f.seek(2 * (at + skip))
                    f.write(samples[skip:].tobytes())
                at += len(samples)

        try:
            for frame in _frames(container, stream):
                if frame.pts is not None and frame.time_base:
                    seconds = float(frame.pts * frame.time_base) - origin_ms / 1000
                    if seconds > LONGEST_S:
                        break
                    due = round(seconds * RATE_HZ) + start_ms * RATE_HZ // 1000
                    if at is None or abs(due - at) > JITTER_MS * RATE_HZ // 1000:
                        put(resampler.resample(None) if at is not None else [])
                        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
                        at = due
                frame.pts = None
                put(resampler.resample(frame))
            put(resampler.resample(None))
        except av.FFmpegError:
            pass  # what was decoded so far stays
        if not n_decoded:
            raise Problem("no sound could be decoded from this file", where=path, fix="check that it plays")


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; single broken packets are passed over, as players do."""
    import av

    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue
