"""Sound: what a media file holds, and a recording decoded once to 16 kHz mono samples on disk.

Everything goes through PyAV, streamed; a recording is never held in memory. Samples are placed by their
presentation times, so that 0 ms is what a player shows as 0:00, a late start or a gap is silence, and time never
drifts however long the file is.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.channels import look
from transcribe.media import (
    LONGEST_S,
    SEAMLESS,
    SHORT_S,
    Clock,
    Counted,
    Progress,
    count,
    goes_on,
    has_sound,
    is_audible,
    is_default,
    is_measured,
    length_s,
    opened,
    packets,
    pick,
    stamp_s,
    stated_ms,
    tracks,
    with_next,
)
from transcribe.mixing import Mixer, levelled
from transcribe.problem import Problem
from transcribe.records import ChannelUse, Media, Record, Stream, Stretch

RATE_HZ = 16_000
FRAME = 512  # samples: 32 ms, of which the loudness is taken, and of which speech is told
LOUD_FRAMES = 156  # 5 s, or a twentieth of what is shorter: little is said at all where most is silence

Lost = Callable[[float, float, str], None]  # from and to, in seconds of the file; why


class Source(NamedTuple):
    """A media file in a meeting: where it starts on its timeline, and which track, and channel, is listened to, from 1.

    Without a channel all of them are mixed into one.
    """

    path: Path
    start_ms: int = 0
    track: int | None = None
    channel: int | None = None


class Audio(Record, dict=True):
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
        """Stretches that the files should hold and that could not be decoded."""
        try:
            return msgspec.json.decode(_lost_path(self.path).read_bytes(), type=tuple[Stretch, ...])
        except FileNotFoundError:
            return ()

    def slice(self, start_ms: int, end_ms: int) -> NDArray[np.float32]:
        """Samples of a stretch as floats around nought, full scale being 1: shape (at most (end_ms - start_ms) * 16,).

        Without an offset, constant or drifting, which nobody hears, and beside which those who listen hear nothing.
        """
        return levelled(self.samples[samples_in(start_ms) : samples_in(end_ms)].astype(np.float32) / 32768.0)

    @cached_property
    def loud_db(self) -> float:
        """How loud its loudest moments are, in dB below full scale; 0 without any."""
        levels_db = [np.zeros(0, np.float32)]
        for start_ms in range(0, self.duration_ms, 60_000):
            part = self.slice(start_ms, start_ms + 60_000)
            frames = part[: len(part) // FRAME * FRAME].reshape(-1, FRAME)
            levels_db.append(10 * np.log10(np.square(frames).mean(axis=1) + 1e-12))
        levels = np.concatenate(levels_db)
        n_loud = min(LOUD_FRAMES, -(-len(levels) // 20))
        return float(np.partition(levels, -n_loud)[-n_loud]) if n_loud else 0.0


def _lost_path(path: Path) -> Path:
    return path.with_name(path.name + ".lost.json")


# -- what a file holds ----------------------------------------------------------------------------


def probe(
    path: Path,
    *,
    sha256: str,
    track: int | None = None,
    channels: ChannelUse | None = None,
    progress: Progress = lambda done_ms, total_ms: None,
) -> Media:
    """What a media file holds, and what is odd about its sound. `sha256` is its hash, taken by the caller; `track`
    the sound track to listen to, from 1; `channels` what a person knows of its channels. Raises Problem where there
    is no such track, or no sound in it."""
    with opened(path) as container:
        media = Media(
            file=path.name,
            sha256=sha256,
            size=path.stat().st_size,
            duration_ms=0,
            container=container.format.name,
            states_length=(container.duration or 0) > 0,
            first_ms=max(0, (container.start_time or 0) // 1000),
            streams=tuple(_stream(s) for s in container.streams),
            audio_track=pick(container, path, track),
        )
        found = tracks(container)
        stream = found[media.audio_track - 1]
        duration_ms = stated_ms(path, container, stream)
        _check_length(path, duration_ms or 0)
        no_sound = Problem("no sound could be decoded from this file", where=path, fix="check that it plays")
        if not has_sound(container, stream):
            raise no_sound
        length_ms = (container.duration or 0) // 1000
        measured = is_measured(container) and duration_ms is not None
        misstated = measured and goes_on(path, container, stream, duration_ms or 0)
        notes = [_several(found, media.audio_track)] if track is None and len(found) > 1 else []
    even = None
    if misstated or not measured or not duration_ms:
        with opened(path) as container:
            counted = count(container, tracks(container)[media.audio_track - 1], progress)
        _check_length(path, counted.duration_ms)
        misstated |= media.states_length and counted.duration_ms > length_ms + SHORT_S * 1000
        duration_ms = max(duration_ms or 0, counted.duration_ms)
        even = counted.even
        if counted.junk_bytes:
            notes.append(_junk(counted))
    if not duration_ms:
        raise no_sound
    held = look(path, media.audio_track, duration_ms, channels)
    return msgspec.structs.replace(
        media,
        duration_ms=duration_ms,
        states_length=media.states_length and not misstated,
        even=even,
        channel=held.only,
        apart=held.apart,
        notes=(*notes, *held.notes),
    )


def _check_length(path: Path, duration_ms: int) -> None:
    if duration_ms > LONGEST_S * 1000:
        raise Problem("this file says that it is longer than 100 hours", where=path, fix="check that it plays")


def _stream(stream: Any) -> Stream:
    import av

    context = stream.codec_context
    codec = (context.name if context else None) or "unknown"
    if stream.type == "audio" and context:
        return Stream(
            kind="audio",
            codec=codec,
            rate_hz=context.sample_rate,
            channels=context.channels,
            default=is_default(stream),
        )
    picture = bool(stream.disposition & av.stream.Disposition.attached_pic)  # a cover is not a film
    return Stream(kind="video" if stream.type == "video" and not picture else "other", codec=codec)


def _junk(counted: Counted) -> str:
    minutes, seconds = divmod(counted.junk_at_ms // 1000, 60)
    return (
        f"{counted.junk_bytes / 1000:,.0f} kB of this file are no sound, the first of them at {minutes}:{seconds:02}: "
        "it may be damaged there. What is missing is not heard, and what follows comes too early by as much."
    )


def _several(found: Sequence[Any], listened: int) -> str:
    labels = [f"{n} {label!r}" if (label := _label(t)) else str(n) for n, t in enumerate(found[:8], 1)]
    more = ", ..." if len(found) > len(labels) else ""
    return (
        f"There are {len(found)} sound tracks ({', '.join(labels)}{more}); number {listened} is listened to. "
        "Write `audio_track` in meeting.toml to choose another."
    )


def _label(stream: Any) -> str:
    """What a file calls a track: its title, or else its language."""
    label = stream.metadata.get("title") or stream.metadata.get("language") or ""
    return "" if label == "und" else label[:40]


def tags(path: Path) -> dict[str, str]:
    """What a media file says about itself: "title", "date", "creation_time" ..., whatever it likes. Raises Problem."""
    with opened(path) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


# -- decoding -------------------------------------------------------------------------------------


def decode(
    sources: Sequence[Source],
    out: Path,
    *,
    silence: Sequence[tuple[int, int]] = (),
    duration_ms: int | None = None,
    progress: Progress = lambda done_ms, total_ms: None,
) -> Audio:
    """Decode media, each where it starts on the meeting's timeline, into a file of samples.

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
                if duration_ms:
                    progress(min(first * 1000 // RATE_HZ, duration_ms), duration_ms)
            if duration_ms is not None and f.seek(0, os.SEEK_END) > 2 * samples_in(duration_ms):
                f.truncate(2 * samples_in(duration_ms))
            f.flush()
            os.fsync(f.fileno())
        _lost_path(out).write_bytes(msgspec.json.encode(lost))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Audio(path=out)


def excerpt(audio: Audio, ranges: Sequence[tuple[int, int]], out: Path) -> Audio:
    """Stretches of a recording, in ms, one straight after the other, in a file of their own."""
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as f:
            for start_ms, end_ms in ranges:
                audio.samples[samples_in(start_ms) : samples_in(end_ms)].tofile(f)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Audio(path=out)


def samples_in(ms: int, rate_hz: int = RATE_HZ) -> int:
    return ms * rate_hz // 1000


def timeline(
    sources: Sequence[Source],
    *,
    rate_hz: int = RATE_HZ,
    silence: Sequence[tuple[int, int]] = (),
    lost: list[Stretch],
) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """The sound of a meeting: (place of the first sample, mono samples), in order, never overlapping, gaps left out.

    `sources` are in order; each is heard until the next begins. Stretches in `silence`
    are zero. What should be there and cannot be decoded is added to `lost`. Raises Problem for a file without sound.
    """
    quiet = [(samples_in(start_ms, rate_hz), samples_in(end_ms, rate_hz)) for start_ms, end_ms in silence]
    ends = [samples_in(s.start_ms, rate_hz) for s in sources[1:]]
    for source, end in itertools.zip_longest(sources, ends):
        for first, samples in _placed(source, rate_hz, lost):
            kept = samples if end is None else samples[: max(0, end - first)]
            for a, b in quiet:
                kept[max(0, a - first) : max(0, b - first)] = 0
            if len(kept):
                yield first, kept


def _placed(source: Source, rate_hz: int, lost: list[Stretch]) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """The sound of one file, about ten seconds at a time, in order and never overlapping."""

    def miss(from_s: float, to_s: float, why: str) -> None:
        from_ms, to_ms = (source.start_ms + max(0, round(s * 1000)) for s in (from_s, to_s))
        lost.append(Stretch(kind="untranscribed", start_ms=from_ms, end_ms=to_ms, reason=why))

    base = samples_in(source.start_ms, rate_hz)
    floor = base  # nothing goes before this: a player never shows what lies before its 0:00, nor plays twice
    held: list[NDArray[np.int16]] = []
    held_at = n_held = n_found = 0
    for at, samples in _timed(source, rate_hz, miss):
        skip = max(0, floor - (base + at))
        if skip >= len(samples):
            continue
        n_found += len(samples) - skip
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
        raise Problem("no sound could be decoded from this file", where=source.path, fix="check that it plays")


def _timed(source: Source, rate_hz: int, miss: Lost) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """(place of the first sample in the file, mono samples), as they are decoded."""
    import av

    with opened(source.path) as container:
        stream = tracks(container)[pick(container, source.path, source.track) - 1]
        stream.thread_type = "AUTO"
        clock = Clock(container)
        end_ms = stated_ms(source.path, container, stream)
        reach_s = 0.0  # where the last packet ended, of any stream where only the whole file's length is stated
        deaf_s = 0.0  # of packets since the last frame, which could not be decoded
        started = harmed = False
        first_hz = at = 0  # the sample rate of the first frame; where the next sample goes

        def frames() -> Iterator[tuple[Any, bool]]:
            """Frames, and whether some before them were damaged."""
            nonlocal reach_s, deaf_s
            damaged = False

            def broken() -> None:
                nonlocal damaged
                damaged = True

            for packet in packets(container, None if stream.duration is None else stream, broken):
                reach_s = max(reach_s, (stamp_s(packet) or 0.0) + length_s(packet))
                if packet.stream_index == stream.index:
                    try:
                        for frame in packet.decode():
                            if is_audible(frame.sample_rate, frame.layout.nb_channels):
                                yield frame, damaged
                                damaged, deaf_s = False, 0.0
                    except av.FFmpegError:
                        damaged = True  # players pass over single broken packets, too
                        deaf_s += length_s(packet)

        def resampled(frame: Any) -> Iterator[tuple[int, NDArray[np.int16]]]:
            nonlocal at
            for samples in mixer(frame):
                yield at, samples
                at += len(samples)

        mixer = Mixer(rate_hz, source.channel)
        for (frame, damaged), after in with_next(frames()):
            first_hz = first_hz or frame.sample_rate
            if frame.sample_rate != first_hz and container.format.name in SEAMLESS:
                raise _changes_rate(source.path, at / rate_hz)
            stamp = stamp_s(frame)
            at_s = at / rate_hz
            harmed |= damaged
            due_s = at_s if stamp is None else clock.place(stamp, after and stamp_s(after[0]), at_s)
            if due_s != at_s:
                if started:
                    yield from resampled(None)
                    mixer = Mixer(rate_hz, source.channel)
                    if due_s - at_s > SHORT_S and (damaged or container.format.name in SEAMLESS):
                        miss(at / rate_hz, due_s, "the file is damaged here")
                at = round(due_s * rate_hz)
            started = True
            frame.pts = None
            yield from resampled(frame)
        if started:
            yield from resampled(None)
            if end_ms is not None and end_ms / 1000 - max(at / rate_hz, reach_s - clock.origin_s) > SHORT_S:
                before = ", or sound is missing before, where it is damaged" if harmed else ""
                miss(at / rate_hz, end_ms / 1000, f"the file breaks off here{before}")
            elif deaf_s > SHORT_S:
                miss(at / rate_hz, at / rate_hz + deaf_s, "the file is damaged here")


def _changes_rate(path: Path, at_s: float) -> Problem:
    minutes, seconds = divmod(round(at_s), 60)
    return Problem(
        f"the sample rate changes at {minutes}:{seconds:02}, and such a file does not say when what follows is heard",
        where=path,
        fix="cut it there, and name the parts in meeting.toml, each as a [[media]] table",
    )
