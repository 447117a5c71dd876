"""Media files: opened safely, the sound track to listen to, and a player's clock over their timestamps.

Files come from anywhere. Nothing here opens anything but the file named, trusts what its header says of its length,
or waits for a file that never ends.
"""

import contextlib
import math
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from transcribe import headers
from transcribe.problem import Problem, reading
from transcribe.records import Record

if TYPE_CHECKING:
    import av.container

T = TypeVar("T")
Progress = Callable[[int, int], None]  # (done, total), of milliseconds where it is not said otherwise

JITTER_S = 0.04  # timestamps of some containers wobble by this much without a gap
RESTART_S = 1.0  # timestamps that go back by more than this began anew, and the sound goes on
SHORT_S = 1.0  # a file that ends this much before it says was cut; sound this much behind its end shows that it lies
LONGEST_S = 100 * 3600
_FAR_S = 60.0  # a gap of more than this is believed only where timestamps go on behind it
_MOST_CHANNELS = 64
_RATES_HZ = (2_000, 768_000)
_LONGEST_PACKET_S = 10.0
_LONGEST_GAP_S = 12 * 3600
_MOST_FAILED_READS = 1_000  # in a row; what comes after a hole in a broadcast is found 64 kB further on at each
_MOST_BROKEN_PACKETS = 10_000
_LARGEST_MP3_FRAME = 2881  # bytes: FFmpeg hands over what is between two frames as part of one
_EVEN = 1.1  # padding changes the size of packets by so much

# What is opened at all: containers of sound and film. Playlists, pictures, subtitles and lists of files are not.
_FORMATS = (
    "3gp aac ac3 aiff amr ape asf au avi caf eac3 flac flv live_flv loas matroska mov mp3 mpc mpc8 mpeg mpegts mxf ogg "
    "rm tta w64 wav webm wtv wv"
)
# Streams without a clock of their own: players count from what comes first, wherever its timestamps begin.
_FROM_FIRST = frozenset({"mpegts", "mpeg", "mp3", "aac", "loas", "ogg"})
# Here the length is that of the data, or of an index: whether sound goes on behind it shows a look there. Elsewhere it
# is a line in a header, or a guess from the bit rate or the last timestamp.
_MEASURED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "wav", "w64", "aiff", "au", "caf"})
SEAMLESS = frozenset({"flac", "ogg"})  # nobody writes gaps into these: one of them is where bytes were lost
_BARE = frozenset({"aac", "loas"})
_GUESSED = frozenset({"mpegts", "mpeg", "mp3", "aac", "ogg", "ac3", "eac3", "loas", "amr"})


# -- opening --------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened(path: Path) -> "Iterator[av.container.InputContainer]":
    """A media file opened for reading. Raises Problem for all that can't be one, and where it changes meanwhile."""
    import av

    before, head = _looked_at(path)
    options = {"protocol_whitelist": "file", "format_whitelist": ",".join(_FORMATS.split())}
    joined = headers.joined(path)
    other = joined.other if joined else headers.second_mp4(path)
    if other is not None:
        raise _another(path, other)
    if joined or ((pcm := headers.pcm(path)) and pcm.goes_on):
        options["ignore_length"] = "1"
    with headers.Spliced(path, joined.spans) if joined else contextlib.nullcontext() as spliced:
        try:
            # Through the `file:` protocol, and no other, so that no name or reference can make it open anything else.
            container = av.open(spliced or f"file:{os.fspath(path)}", options=options, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as e:
            raise _unreadable(path, head) from e
        with container:
            yield container
    if _looked_at(path)[0] != before:
        raise Problem(
            "this file changed while it was being read", where=path, fix="wait until all of it is there, then run again"
        )


def _looked_at(path: Path) -> tuple[tuple[int, int], bytes]:
    """A regular file's size and time, and its first bytes."""
    with reading(path):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise Problem(f"this is {what}, not a file", where=path, fix="put the audio or video file there")
        if found.st_size == 0:
            raise Problem("this file is empty (0 bytes)", where=path, fix="copy it again from where it came from")
        with path.open("rb") as f:
            return (found.st_size, found.st_mtime_ns), f.read(4096)


def _another(path: Path, at: int) -> Problem:
    size = path.stat().st_size
    return Problem(
        f"another recording begins in this file, {at:,} bytes from its start: players leave out the last "
        f"{size - at:,} of its {size:,} bytes",
        where=path,
        fix="cut it there, and name the parts in meeting.toml, each as a [[media]] table",
    )


def _unreadable(path: Path, head: bytes) -> Problem:
    if head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
        return Problem(
            "this recording is cut short or damaged: its index cannot be read",
            where=path,
            fix="copy or download it again; if this is all there is, repair it with another program first",
        )
    if b"\0" not in head:
        return Problem(
            "this is not a recording: it is text, or a playlist", where=path, fix="put the audio or video file there"
        )
    return Problem(
        "this is not a recording, or of a kind that cannot be read",
        where=path,
        fix="check that it plays; convert it, to FLAC or AAC",
    )


# -- tracks ---------------------------------------------------------------------------------------


def tracks(container: "av.container.InputContainer") -> tuple[Any, ...]:
    """The sound tracks of a file, in its order; `audio_track` counts them from 1."""
    return tuple(container.streams.audio)


def is_default(stream: Any) -> bool:
    """Whether the file says that this track is to be played when nobody chooses."""
    import av

    return bool(stream.disposition & av.stream.Disposition.default)


def pick(container: "av.container.InputContainer", path: Path, track: int | None) -> int:
    """The number of the track to listen to: the one asked for, or else what a player would take.

    Raises Problem where there is none that can be decoded.
    """
    found = tracks(container)
    if not found:
        raise Problem(
            "cannot read audio: the file has no audio stream",
            where=path,
            fix='check that the file plays with sound, or name another with `media = "..."` in meeting.toml',
        )
    if track is None:
        track = next((i for i, t in enumerate(found, 1) if is_default(t)), 1)
    if not 1 <= track <= len(found):
        there = "only one sound track" if len(found) == 1 else f"{len(found)} sound tracks"
        raise Problem(
            f"there is no sound track {track}: the file has {there}",
            where=path,
            fix="mend `audio_track` in meeting.toml, or leave it away"
            if len(found) == 1
            else f"write a number from 1 to {len(found)} as `audio_track` in meeting.toml",
        )
    _check(found[track - 1], container, path, track)
    return track


def _check(stream: Any, container: "av.container.InputContainer", path: Path, track: int) -> None:
    context = stream.codec_context
    if "mp4" in container.format.name and headers.is_encrypted(path, track):
        raise Problem("this recording is encrypted", where=path, fix="get an unprotected copy")
    if not context or not context.name or context.name == "none":
        raise Problem("the sound is in a format that cannot be decoded", where=path, fix="convert it, to FLAC or AAC")
    rate_hz, n_channels = context.sample_rate, context.channels
    if (rate_hz or n_channels) and not is_audible(rate_hz, n_channels):
        raise Problem(
            f"this is no sound that people can hear: {rate_hz} Hz, {n_channels} channels",
            where=path,
            fix="check that it plays",
        )


def is_audible(rate_hz: int, n_channels: int) -> bool:
    """Whether sound of this kind is anything but a lie, which resampling would take gigabytes to follow."""
    return _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1] and 1 <= n_channels <= _MOST_CHANNELS


# -- packets --------------------------------------------------------------------------------------


def packets(
    container: "av.container.InputContainer", stream: Any = None, broken: Callable[[], None] = lambda: None
) -> Iterator[Any]:
    """Packets of a stream (or of all), as far as the file can be read; `broken` is called where some of it can't be."""
    import av

    is_bare = container.format.name in _BARE
    at = 0  # where the next packet of bare AAC goes, by its own clock
    n_failed = 0  # since the last packet
    while n_failed <= _MOST_FAILED_READS:
        try:
            for packet in container.demux(*([] if stream is None else [stream])):
                if packet.size:
                    n_failed = 0
                    if is_bare:
                        _time(packet, at)
                        at += packet.duration or 0
                yield packet
            return
        except av.FFmpegError:
            broken()
        except IndexError:
            pass  # a track that began halfway, of which the bindings to FFmpeg know nothing: go on after it
        n_failed += 1


def _time(packet: Any, at: int) -> None:
    """Place a packet of bare AAC, in units of its clock. FFmpeg gives them all the length of the first, though files
    that were joined may change their sample rate; in LATM it gives the first seconds none."""
    context = packet.stream.codec_context
    if context.name == "aac_latm":  # its packets do not always say: the one decoded before this did
        sounds_s = Fraction(context.frame_size, context.sample_rate) if context.sample_rate else Fraction(0)
    else:
        sounds_s = headers.adts_s(bytes(memoryview(packet)[: headers.ADTS_BYTES]))
    packet.pts = packet.dts = at
    if sounds_s:
        packet.duration = round(sounds_s / packet.time_base)


def has_sound(container: "av.container.InputContainer", stream: Any) -> bool:
    """Whether anything can be decoded; thousands of broken packets in a row are enough to say no."""
    import av

    for n, packet in enumerate(packets(container, stream)):
        with contextlib.suppress(av.FFmpegError):
            if packet.decode():
                return True
        if n >= _MOST_BROKEN_PACKETS:
            break
    return False


def length_s(packet: Any) -> float:
    """How long a packet says it sounds; 0 where it does not say, or lies."""
    stated = _seconds(packet.duration or 0, packet.time_base) if packet.time_base else 0.0
    return stated if 0 <= stated <= _LONGEST_PACKET_S else 0.0


# -- time -----------------------------------------------------------------------------------------


class Clock:
    """A player's clock over timestamps that may begin anywhere, wobble, leave gaps, begin anew, or lie."""

    def __init__(self, container: "av.container.InputContainer") -> None:
        self.origin_s = 0.0  # the container's own time of what a player shows as 0:00
        if container.format.name in _FROM_FIRST and container.start_time is not None:
            self.origin_s = max(0.0, float(container.start_time) / 1_000_000)
        self._started = False

    def place(self, stamp_s: float, next_s: float | None, at_s: float) -> float:
        """Where what bears a timestamp goes, when all before it ends at `at_s`: there, or after a gap. A leap is
        believed where the timestamp after it goes on from there."""
        due_s = stamp_s - self.origin_s
        ahead_s = due_s - at_s
        leaps = ahead_s < -RESTART_S or ahead_s > _FAR_S
        if leaps and (next_s is None or not 0 <= next_s - stamp_s <= _LONGEST_PACKET_S):
            due_s = at_s
        elif ahead_s < -RESTART_S or ahead_s > _LONGEST_GAP_S:
            self.origin_s += ahead_s
            due_s = at_s
        elif self._started and abs(ahead_s) <= JITTER_S:
            due_s = at_s
        self._started = True
        return due_s


def stamp_s(frame: Any) -> float | None:
    """When a packet or frame is to be played, on the container's own clock, where it says."""
    if frame is None or frame.pts is None or not frame.time_base:
        return None
    return _seconds(frame.pts, frame.time_base)


def _seconds(n: int, unit: Fraction) -> float:
    return n * unit.numerator / unit.denominator  # as a product of fractions it is ten times as slow


def with_next(items: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Each item with the one after it."""
    before: list[T] = []
    for item in items:
        if before:
            yield before.pop(), item
        before.append(item)
    if before:
        yield before.pop(), None


def stated_ms(path: Path, container: "av.container.InputContainer", stream: Any) -> int | None:
    """When the last sample ends on a player's clock, as the file says it; None where it does not, or guesses."""
    end_s = _indexed_s(path, container, stream)
    if end_s is None and is_measured(container) and stream.duration is not None and stream.time_base:
        end_s = float(((stream.start_time or 0) + stream.duration) * stream.time_base) - Clock(container).origin_s
    elif end_s is None and container.duration is not None and container.format.name not in _GUESSED:
        end_s = container.duration / 1_000_000
    return round(end_s * 1000) if end_s is not None and end_s > 0 else None


def _indexed_s(path: Path, container: "av.container.InputContainer", stream: Any) -> float | None:
    """The end that a file states, where FFmpeg tells another that it took from the file's size; None without one."""
    kind, context = container.format.name, stream.codec_context
    end_s = 0.0
    if kind in ("wav", "w64") and context and context.name.startswith("pcm_") and context.bit_rate:
        pcm = headers.pcm(path)
        if pcm and pcm.stated and (kind == "w64" or pcm.stated > pcm.there) and not pcm.goes_on:
            end_s = pcm.stated * 8 / context.bit_rate
    elif kind == "caf" and context and context.name.startswith("pcm_") and context.sample_rate:
        end_s = stream.frames / context.sample_rate
    elif kind == "mp3" and context and context.frame_size and context.sample_rate:
        end_s = (headers.mp3_frames(path) or 0) * context.frame_size / context.sample_rate - Clock(container).origin_s
    return end_s if 0 < end_s <= LONGEST_S else None


def goes_on(path: Path, container: "av.container.InputContainer", stream: Any, end_ms: int) -> bool:
    """Whether a track has sound more than a second behind this end, or at all where files were joined; where nobody
    can look there, it may have."""
    import av

    if headers.joined(path):
        return True
    end_s = end_ms / 1000 + Clock(container).origin_s
    try:
        container.seek(max(0, round((end_s - SHORT_S) * 1_000_000)))
    except av.FFmpegError:
        return True
    return any((stamp_s(p) or 0.0) + length_s(p) > end_s + SHORT_S for p in packets(container, stream))


def is_measured(container: "av.container.InputContainer") -> bool:
    """Whether the stated length is that of the data or its index, and no mere line in a header."""
    return container.format.name in _MEASURED


class Counted(Record):
    """What only a look at every packet shows: when the last sample ends on a player's clock, whether equal bytes are
    equal time, and how much of an MP3 is neither a frame nor at its end, with the place of the first such bytes."""

    duration_ms: int
    even: bool
    junk_bytes: int = 0
    junk_at_ms: int = 0


def count(
    container: "av.container.InputContainer", stream: Any, progress: Progress = lambda done_ms, total_ms: None
) -> Counted:
    import av

    clock = Clock(container)
    total_ms = (container.duration or 0) // 1000
    at_s = told_s = 0.0
    least, most = math.inf, 0.0  # bytes of a packet
    is_mp3 = container.format.name == "mp3"
    junk_bytes = junk_at_ms = 0
    for packet, after in with_next(packets(container, stream)):
        stamp = stamp_s(packet)
        if stamp is not None:
            at_s = clock.place(stamp, stamp_s(after), at_s)
        lasts_s = length_s(packet)
        if packet.size and (not lasts_s or container.format.name == "loas"):  # only its frames tell
            with contextlib.suppress(av.FFmpegError):
                lasts_s = sum(f.samples / f.sample_rate for f in packet.decode() if f.sample_rate) or lasts_s
        if is_mp3 and packet.size > _LARGEST_MP3_FRAME and after and after.size:
            junk_at_ms = junk_at_ms if junk_bytes else round(at_s * 1000)
            junk_bytes += packet.size
        at_s += lasts_s
        if packet.size:
            least, most = min(least, packet.size), max(most, packet.size)
        if at_s - told_s > 60:
            told_s = at_s
            progress(round(at_s * 1000), max(total_ms, round(at_s * 1000)))
    return Counted(
        duration_ms=max(0, round(at_s * 1000)),
        even=most <= least * _EVEN,
        junk_bytes=junk_bytes,
        junk_at_ms=junk_at_ms,
    )
