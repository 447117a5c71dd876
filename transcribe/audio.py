"""Sound: what a media file holds, and a recording decoded once to 16 kHz mono samples on disk.

Everything goes through PyAV, streamed; a recording is never held in memory. Samples are placed by their
presentation times, so that 0 ms is what a player shows as 0:00, a late start or a gap is silence, and time never
drifts however long the file is.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.problem import Problem
from transcribe.records import Media, Record, Stream, Stretch

if TYPE_CHECKING:
    import av.container

RATE_HZ = 16_000
JITTER_S = 0.04  # timestamps of some containers wobble by this much without a gap
RESTART_S = 1.0  # timestamps that go back by more than this began anew, and the sound goes on
SHORT_S = 1.0  # a file that ends this much before it says was cut
LONGEST_S = 100 * 3600
_LARGEST_INDEX = 100_000_000  # bytes of an MP4's index that are looked at

# Streams without a clock of their own: players count from what comes first, wherever its timestamps begin.
_FROM_FIRST = frozenset({"mpegts", "mpeg", "mp3", "aac", "ogg"})
# Here the stated length is a guess from the bit rate, or counts from elsewhere.
_GUESSED = frozenset({"mp3", "aac", "ogg"})
_PLAYLISTS = frozenset({"hls", "concat", "dash", "sdp", "rtsp", "applehttp"})
_LOCKED = (b"enca", b"drms")  # kinds of sound in an MP4 that need a key

Lost = Callable[[float, float, str], None]  # from and to, in seconds of the file; why


class Audio(Record):
    """A decoded recording: a file of raw little-endian 16-bit samples, 16 kHz, mono. Beside it lies what was lost."""

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

    @property
    def lost(self) -> tuple[Stretch, ...]:
        """Stretches (`partial`) that the files should hold and that could not be decoded."""
        try:
            return msgspec.json.decode(_lost_path(self.path).read_bytes(), type=tuple[Stretch, ...])
        except FileNotFoundError:
            return ()

    def slice(self, start_ms: int, end_ms: int) -> NDArray[np.float32]:
        """Samples of a stretch as floats in [-1, 1]: shape (at most (end_ms - start_ms) * 16,)."""
        part = self.samples[start_ms * RATE_HZ // 1000 : end_ms * RATE_HZ // 1000]
        return part.astype(np.float32) / 32768.0


def _lost_path(path: Path) -> Path:
    return path.with_name(path.name + ".lost.json")


# -- what a file holds ----------------------------------------------------------------------------


def probe(path: Path, *, sha256: str) -> Media:
    """What a media file holds. `sha256` is its hash, taken by the caller. Raises Problem where it has no sound."""
    with _opened(path) as container:
        streams = tuple(_stream(s) for s in container.streams)
        stream = _sound(container, path)
        duration_ms = _stated_ms(container, stream)
        if duration_ms is not None and duration_ms > LONGEST_S * 1000:
            raise Problem("this file says that it is longer than 100 hours", where=path, fix="check that it plays")
        if not any(_sounds(packet) for packet in _packets(container, stream)):
            raise Problem("no sound could be decoded from this file", where=path, fix="check that it plays")
    if duration_ms is None:
        duration_ms = _counted_ms(path)
    return Media(file=path.name, sha256=sha256, size=path.stat().st_size, duration_ms=duration_ms, streams=streams)


def tags(path: Path) -> dict[str, str]:
    """What a media file says about itself: "title", "date", "creation_time" ..., whatever it likes. Raises Problem."""
    with _opened(path) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[av.container.InputContainer]":
    """A media file opened for reading. Raises Problem for all that can't be one."""
    import av

    try:
        if path.stat().st_size == 0:
            raise Problem("this file is empty (0 bytes)", where=path, fix="copy it again from where it came from")
        with path.open("rb") as f:
            head = f.read(4096)
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    except PermissionError as e:
        raise Problem("this file may not be read", where=path, fix="give yourself the right to: chmod u+r") from e
    except OSError as e:
        raise Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the disk and the file") from e
    try:
        # Through the `file:` protocol, and no other, so that no name or playlist can make it open anything else.
        container = av.open(
            f"file:{os.fspath(path)}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, ValueError) as e:
        raise _unreadable(path, head, e) from e
    with container:
        if set(container.format.name.split(",")) & _PLAYLISTS:
            raise Problem("this is a playlist, not a recording", where=path, fix="put the audio or video file there")
        yield container


def _unreadable(path: Path, head: bytes, error: Exception) -> Problem:
    if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
        return Problem(
            "this recording is cut short: its index at the end is missing",
            where=path,
            fix="copy or download it again; if this is all there is, repair it with another program first",
        )
    if b"\0" not in head:
        return Problem("this is not a recording: it is text", where=path, fix="put the audio or video file there")
    return Problem(f"this is not a recording that can be read ({error})", where=path, fix="check that it plays")


def _sound(container: "av.container.InputContainer", path: Path) -> Any:
    """The stream to listen to. Raises Problem where there is none that can be decoded."""
    if not container.streams.audio:
        raise Problem(
            "cannot read audio: the file has no audio stream",
            where=path,
            fix='check that the file plays with sound, or name another with `media = "..."` in meeting.toml',
        )
    stream: Any = container.streams.audio[0]
    context = stream.codec_context
    if "mp4" in container.format.name and _is_locked(path):
        raise Problem("this recording is encrypted", where=path, fix="get an unprotected copy")
    if not context or not context.name or context.name == "none":
        raise Problem("the sound is in a format that cannot be decoded", where=path, fix="convert it, to FLAC or AAC")
    return stream


def _is_locked(path: Path) -> bool:
    """Whether an MP4's index says that its sound is encrypted, which FFmpeg keeps to itself and decodes as noise."""
    with path.open("rb") as f:
        at, size = 0, path.stat().st_size
        while at + 8 <= size:
            f.seek(at)
            length, kind = int.from_bytes(f.read(4)), f.read(4)
            if length == 1:
                length = int.from_bytes(f.read(8))
            if kind == b"moov":
                index = f.read(min(length, _LARGEST_INDEX))
                return any(tag in index for tag in _LOCKED)
            at += length if length >= 8 else size
    return False


def _stream(stream: Any) -> Stream:
    import av

    context = stream.codec_context
    codec = (context.name if context else None) or "unknown"
    if stream.type == "audio" and context:
        return Stream(kind="audio", codec=codec, rate_hz=context.sample_rate, channels=context.channels)
    picture = bool(stream.disposition & av.stream.Disposition.attached_pic)  # a cover is not a film
    return Stream(kind="video" if stream.type == "video" and not picture else "other", codec=codec)


def _stated_ms(container: "av.container.InputContainer", stream: Any) -> int | None:
    """When the last sample ends on a player's clock, as the container says it; None where it does not, or guesses."""
    if container.format.name in _GUESSED:
        return None
    if stream.duration is not None and stream.time_base:
        end_s = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        return max(0, round(1000 * (end_s - _origin_s(container))))
    if container.duration is not None:
        return int(container.duration // 1000)
    return None


def _counted_ms(path: Path) -> int:
    """When the last sample ends, by looking at every packet."""
    with _opened(path) as container:
        stream = container.streams.audio[0]
        end_s = max((_end_s(p) for p in _packets(container, stream)), default=0.0)
        return max(0, round(1000 * (end_s - _origin_s(container))))


def _sounds(packet: Any) -> bool:
    import av

    try:
        return bool(packet.decode())
    except av.FFmpegError:
        return False


def _end_s(packet: Any) -> float:
    if packet.pts is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _origin_s(container: "av.container.InputContainer") -> float:
    """The container's own time of what a player shows as 0:00."""
    if container.format.name in _FROM_FIRST and container.start_time is not None:
        return max(0.0, float(container.start_time) / 1_000_000)
    return 0.0


# -- decoding -------------------------------------------------------------------------------------


def decode(
    sources: Sequence[tuple[Path, int]],
    out: Path,
    *,
    silence: Sequence[tuple[int, int]] = (),
    duration_ms: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Audio:
    """Decode media, each with its start on the meeting's timeline in ms, into a file of samples.

    Stretches in `silence` are zero, and nothing is kept after `duration_ms`. A file that breaks off is decoded as
    far as it goes and `Audio.lost` says what is missing; one that gives no sample at all raises Problem. `out` is
    there only when all of it is; until then the work lies beside it.
    """
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    lost: list[Stretch] = []
    try:
        with part.open("wb") as f:
            for first, samples in timeline(sources, silence=silence, lost=lost):
                f.seek(2 * first)
                f.write(samples.astype("<i2").tobytes())
                if progress and duration_ms:
                    progress(min(first * 1000 // RATE_HZ, duration_ms), duration_ms)
            if duration_ms is not None and f.seek(0, os.SEEK_END) > 2 * samples_in(duration_ms):
                f.truncate(2 * samples_in(duration_ms))
        _lost_path(out).write_bytes(msgspec.json.encode(lost))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Audio(path=out)


def excerpt(audio: Audio, ranges: Sequence[tuple[int, int]], out: Path) -> Audio:
    """Stretches of a recording, in ms, one straight after the other, in a file of their own."""
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    with part.open("wb") as f:
        for start_ms, end_ms in ranges:
            audio.samples[samples_in(start_ms) : samples_in(end_ms)].tofile(f)
    part.replace(out)
    return Audio(path=out)


def samples_in(ms: int, rate_hz: int = RATE_HZ) -> int:
    return ms * rate_hz // 1000


def timeline(
    sources: Sequence[tuple[Path, int]],
    *,
    rate_hz: int = RATE_HZ,
    silence: Sequence[tuple[int, int]] = (),
    lost: list[Stretch],
) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """The sound of a meeting: (place of the first sample, mono samples), in order, never overlapping, gaps left out.

    `sources` are files with their starts in ms, in order; each is heard until the next begins. Stretches in `silence`
    are zero. What should be there and cannot be decoded is added to `lost`. Raises Problem for a file without sound.
    """
    quiet = [(samples_in(start_ms, rate_hz), samples_in(end_ms, rate_hz)) for start_ms, end_ms in silence]
    ends = [samples_in(start_ms, rate_hz) for _, start_ms in sources[1:]]
    for (path, start_ms), end in itertools.zip_longest(sources, ends):
        for first, samples in _placed(path, start_ms, rate_hz, lost):
            kept = samples if end is None else samples[: max(0, end - first)]
            for a, b in quiet:
                kept[max(0, a - first) : max(0, b - first)] = 0
            if len(kept):
                yield first, kept


def _placed(path: Path, start_ms: int, rate_hz: int, lost: list[Stretch]) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """The sound of one file that starts at `start_ms`, about ten seconds at a time, in order and never overlapping."""

    def miss(from_s: float, to_s: float, why: str) -> None:
        from_ms, to_ms = (start_ms + max(0, round(s * 1000)) for s in (from_s, to_s))
        lost.append(Stretch(kind="partial", start_ms=from_ms, end_ms=to_ms, reason=why))

    base = samples_in(start_ms, rate_hz)
    floor = base  # nothing goes before this: a player never shows what lies before its 0:00, nor plays twice
    held: list[NDArray[np.int16]] = []
    held_at = n_held = n_found = 0
    for at, samples in _timed(path, rate_hz, miss):
        n_found += len(samples)
        skip = max(0, floor - (base + at))
        if skip >= len(samples):
            continue
        first, samples = base + at + skip, samples[skip:]
        if held and (first != held_at + n_held or n_held > 10 * rate_hz):
            yield held_at, np.concatenate(held)
            held, n_held = [], 0
        if not held:
            held_at = first
        held.append(samples)
        n_held += len(samples)
        floor = first + len(samples)
    if held:
        yield held_at, np.concatenate(held)
    if not n_found:
        raise Problem("no sound could be decoded from this file", where=path, fix="check that it plays")


def _timed(path: Path, rate_hz: int, miss: Lost) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """(place of the first sample in the file, mono samples), as they are decoded."""
    import av

    with _opened(path) as container:
        stream = _sound(container, path)
        stream.thread_type = "AUTO"
        origin_s = _origin_s(container)
        stated_ms = _stated_ms(container, stream)
        reach_s = 0.0  # where the last packet ended, of any stream where only the whole file's length is stated
        damaged = started = False
        at = 0  # where the next sample goes

        def frames() -> Iterator[Any]:
            nonlocal reach_s, damaged
            for packet in _packets(container, stream, every=stream.duration is None):
                reach_s = max(reach_s, _end_s(packet))
                if packet.stream_index == stream.index:
                    try:
                        yield from packet.decode()
                    except av.FFmpegError:
                        damaged = True  # players pass over single broken packets, too

        def resampled(frame: Any) -> Iterator[tuple[int, NDArray[np.int16]]]:
            nonlocal at
            for made in resampler.resample(frame):
                samples = made.to_ndarray().reshape(-1)
                yield at, samples
                at += len(samples)

        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
        for frame in frames():
            if frame.pts is not None and frame.time_base:
                due_s = float(frame.pts * frame.time_base) - origin_s
                ahead_s = due_s - at / rate_hz
                if started and (ahead_s < -RESTART_S or due_s > LONGEST_S):
                    origin_s += ahead_s
                elif not started or abs(ahead_s) > JITTER_S:
                    if started:
                        yield from resampled(None)
                        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
                        if damaged and ahead_s > SHORT_S:
                            miss(at / rate_hz, due_s, "the file is damaged here")
                    at = round(due_s * rate_hz)
                damaged = False
            started = True
            frame.pts = None
            yield from resampled(frame)
        if started:
            yield from resampled(None)
            if stated_ms is not None and stated_ms / 1000 - max(at / rate_hz, reach_s - origin_s) > SHORT_S:
                miss(at / rate_hz, stated_ms / 1000, "the file breaks off here")


def _packets(container: Any, stream: Any, *, every: bool = False) -> Iterator[Any]:
    """Packets of a stream (or of all), as far as the file can be read."""
    import av

    with contextlib.suppress(av.FFmpegError):
        yield from container.demux(*([] if every else [stream]))
