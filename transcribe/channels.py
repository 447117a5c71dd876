"""What the channels of a track hold, from a few excerpts: one sound, a voice each, nothing, or one upside down.

And whose a moment is where they hold different sounds: what is said into one microphone is heard faintly in the other.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe.media import Clock, opened, packets, tracks
from transcribe.problem import Problem
from transcribe.ranges import FOREVER, Ranges, within, without
from transcribe.records import ChannelUse, Record, Turn

RATE_HZ = 16_000
N_EXCERPTS = 8
EXCERPT_S = 5
FRAME = RATE_HZ // 50  # samples
SILENT_DB = -70.0  # below full scale: hiss of a cable, no microphone
FAINT_DB = 25.0  # below the loudest frames of a channel: nobody speaks
CANCELLED = 0.1  # of the louder channel's power left in the mix
APART_DB = 8.0  # channels whose difference in level changes by more than this hold different sounds
SLIVER_MS = 100  # shorter pieces of a turn are the edges of two levels that cross
CHANGING_DB = 10.0  # between the quiet and the loud moments of a channel in which anybody speaks
SAME, MIDDLE_DB = 0.9, 6.0  # correlation and difference of a sound that is as good as the same in both channels
MOST_IN_BOTH = 0.1  # of the time with sound
HOLD_FRAMES = 15  # levels are smoothed over as many, so that a pause between two words is nobody else's

Samples = NDArray[np.float32]


class Channels(Record):
    """`only` is the one channel to listen to, counted from 1, where mixing all would lose the sound; `apart` says that
    two hold different sounds."""

    notes: tuple[str, ...] = ()
    only: int | None = None
    apart: bool = False


def look(path: Path, track: int, duration_ms: int, said: ChannelUse | None = None) -> Channels:
    """What the channels of a track hold, as far as excerpts show; whether they are apart, as a person `said`.

    Raises Problem where there are no two channels to be apart.
    """
    excerpts = [e for e in _excerpts(path, track, duration_ms) if e.shape[1] >= FRAME]
    alike = [e for e in excerpts if len(e) == len(excerpts[0]) <= 2]  # a file may change halfway
    found = judge(alike) if alike else Channels()
    if said == "apart" and not (alike and len(alike[0]) == 2 and found.only is None):
        raise Problem(
            "this sound does not have two channels that are apart",
            where=path,
            fix='take `channels = "apart"` out of meeting.toml',
        )
    if said is None or (said == "apart") == found.apart:
        return found
    return Channels(apart=True, notes=found.notes) if said == "apart" else Channels()


def judge(excerpts: list[Samples]) -> Channels:
    """What one or two channels hold: each excerpt has the shape (n_channels, n_samples), at 16 kHz."""
    levels_db = np.concatenate([_levels_db(e) for e in excerpts], axis=1)
    loud_db = np.percentile(levels_db, 95, axis=1)
    if loud_db.max() < SILENT_DB:
        return Channels(notes=("Nothing is heard in excerpts of this recording: it may be silent.",))
    if len(loud_db) == 1:
        return Channels()
    for silent, name in enumerate(("left", "right")):
        if loud_db[silent] < SILENT_DB:
            return Channels(notes=(f"The {name} channel is silent in excerpts of this recording.",))
    power = sum(np.square(e, dtype=np.float64).sum(axis=1) for e in excerpts)
    left_in_mix = sum(np.square(e.mean(axis=0), dtype=np.float64).sum() for e in excerpts)
    if left_in_mix < CANCELLED * max(power):
        only = int(np.argmax(power))
        name = ("left", "right")[only]
        why = f"The two channels cancel each other when they are mixed: only the {name} one is listened to."
        return Channels(notes=(why,), only=only + 1)
    if _are_apart(excerpts, levels_db, loud_db):
        different = (
            "The two channels hold different sounds, perhaps a voice each: voices are looked for in each by itself. "
            'If that is wrong, write channels = "mixed" in meeting.toml.'
        )
        return Channels(notes=(different,), apart=True)
    return Channels()


def _levels_db(excerpt: Samples) -> NDArray[np.float64]:
    """Loudness of each 20 ms: shape (n_channels, n_frames)."""
    n = excerpt.shape[1] // FRAME
    frames = excerpt[:, : n * FRAME].reshape(len(excerpt), n, FRAME)
    levels: NDArray[np.float64] = 10 * np.log10(frames.var(axis=2, dtype=np.float64) + 1e-12)
    return levels


def _are_apart(excerpts: list[Samples], levels_db: NDArray[np.float64], loud_db: NDArray[np.float64]) -> bool:
    """Whether each channel has voices of its own: now this one is louder, now that one.

    Two microphones in one room differ by a few dB, and always the same ones; a channel that only hisses never changes;
    and where a voice is the same in both, equally loud, the channels are a picture of the room, not a voice each.
    """
    faint_db = loud_db[:, np.newaxis] - FAINT_DB
    heard = (levels_db > faint_db).any(axis=0)
    ahead_db = np.diff(np.maximum(levels_db, faint_db)[:, heard], axis=0)[0]
    changing = np.ptp(np.percentile(levels_db, (5, 95), axis=1), axis=0).min() > CHANGING_DB
    same = np.concatenate([_likeness(e) for e in excerpts])[heard] > SAME
    in_both = (same & (np.abs(ahead_db) < MIDDLE_DB)).mean()
    return bool(changing and ahead_db.std() > APART_DB and in_both < MOST_IN_BOTH)


def _likeness(excerpt: Samples) -> NDArray[np.float64]:
    """The correlation of two channels in each 20 ms: shape (n_frames,)."""
    n = excerpt.shape[1] // FRAME
    left, right = excerpt[:, : n * FRAME].reshape(2, n, FRAME).astype(np.float64)
    power = np.square(left).sum(axis=1) * np.square(right).sum(axis=1)
    likeness: NDArray[np.float64] = (left * right).sum(axis=1) / np.sqrt(power + 1e-12)
    return likeness


def together(turns: Sequence[Sequence[Turn]], samples: Sequence[NDArray[np.int16]]) -> tuple[Turn, ...]:
    """The turns found in each of two channels as those of one recording. `samples` are the channels', at 16 kHz.

    A voice in one is never one in the other. Where a channel hears only what is said in the other, its turns are cut
    out; where both have a voice of their own, the exclusive turn is that of the louder one.
    """
    levels_db = np.stack([_smooth(_levels_of(s)) for s in samples])
    heard = (levels_db > np.percentile(levels_db, 95, axis=1)[:, np.newaxis] - FAINT_DB).any(axis=0)
    ahead_db = np.diff(levels_db, axis=0)[0]  # the second of the first
    first_db, second_db = _modes(ahead_db[heard])
    middle_db, quarter_db = (first_db + second_db) / 2, (second_db - first_db) / 4
    own = _where(ahead_db < second_db - quarter_db), _where(ahead_db > first_db + quarter_db)
    louder = _where(ahead_db < middle_db), _where(ahead_db >= middle_db)
    cut = [_inside([msgspec.structs.replace(t, speaker=f"{t.speaker} {c}") for t in turns[c]], own[c]) for c in (0, 1)]
    out: list[Turn] = []
    for c in (0, 1):
        alone = without([(0, FOREVER)], [(t.start_ms, t.end_ms) for t in cut[1 - c]])
        out += _inside([t for t in cut[c] if t.exclusive], [*louder[c], *alone])
        out += [t for t in cut[c] if not t.exclusive]
    out.sort(key=lambda t: (not t.exclusive, t.start_ms, t.end_ms))
    names = {voice: f"S{n}" for n, voice in enumerate(dict.fromkeys(t.speaker for t in out), 1)}
    return tuple(msgspec.structs.replace(t, speaker=names[t.speaker]) for t in out)


def _modes(values: NDArray[np.float64]) -> tuple[float, float]:
    """The middles of the two heaps that values lie in (2-means), the lower one first."""
    low, high = (float(v) for v in np.percentile(values, (10, 90))) if len(values) else (0.0, 0.0)
    for _ in range(20):
        upper = values > (low + high) / 2
        if upper.all() or not upper.any():
            break
        low, high = float(values[~upper].mean()), float(values[upper].mean())
    return low, high


def _inside(turns: Sequence[Turn], windows: Ranges) -> list[Turn]:
    ranges: dict[tuple[str, bool], Ranges] = {}
    for t in turns:
        ranges.setdefault((t.speaker, t.exclusive), []).append((t.start_ms, t.end_ms))
    return [
        Turn(speaker=speaker, start_ms=a, end_ms=b, exclusive=exclusive)
        for (speaker, exclusive), mine in ranges.items()
        for a, b in within(mine, windows)
        if b - a >= SLIVER_MS
    ]


def _levels_of(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Loudness of each 20 ms of a whole channel, a few minutes at a time: shape (n_frames,)."""
    step = 10_000 * FRAME
    parts = []
    for i in range(0, len(samples), step):
        some: Samples = samples[np.newaxis, i : i + step].astype(np.float32) * np.float32(2**-15)
        parts.append(_levels_db(some)[0])
    return np.concatenate(parts) if parts else np.zeros(0)


def _smooth(levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.convolve(10 ** (levels_db / 10), np.full(HOLD_FRAMES, 1 / HOLD_FRAMES), mode="same")
    smooth: NDArray[np.float64] = 10 * np.log10(power[: len(levels_db)] + 1e-12)
    return smooth


def _where(frames: NDArray[np.bool_]) -> Ranges:
    """The stretches of time in which a frame of 20 ms is marked."""
    edges = np.flatnonzero(np.diff(frames, prepend=False, append=False))
    return [(int(a) * 20, int(b) * 20) for a, b in list(pairwise(edges))[::2]]


def _excerpts(path: Path, track: int, duration_ms: int) -> Iterator[Samples]:
    """A few seconds from all over a track, or all of a short one: shape (n_channels, n_samples), at 16 kHz. None where
    there are more channels than two."""
    import av

    whole = duration_ms <= N_EXCERPTS * EXCERPT_S * 1000
    n_samples = RATE_HZ * EXCERPT_S * (N_EXCERPTS if whole else 1)
    with opened(path) as container:
        stream = tracks(container)[track - 1]
        if stream.codec_context.channels > 2:
            return
        origin_s = Clock(container).origin_s
        for i in range(1 if whole else N_EXCERPTS):
            with contextlib.suppress(av.FFmpegError, ValueError):
                if i:
                    container.seek(round((origin_s + duration_ms / 1000 * i / N_EXCERPTS) * 1_000_000))
                yield _read(container, stream, n_samples)


def _read(container: Any, stream: Any, n_samples: int) -> Samples:
    import av

    n = stream.codec_context.channels
    resampler = av.AudioResampler(format="flt", layout=stream.codec_context.layout, rate=RATE_HZ)
    pieces: list[Samples] = []
    n_left = n_samples
    for packet in packets(container, stream):
        with contextlib.suppress(av.FFmpegError):
            for frame in packet.decode():
                frame.pts = None
                for made in resampler.resample(frame):
                    pieces.append(made.to_ndarray().reshape(-1, n).T[:, :n_left])
                    n_left -= pieces[-1].shape[1]
        if n_left <= 0:
            break
    sound: Samples = np.concatenate(pieces, axis=1) if pieces else np.zeros((n, 1), np.float32)
    sound -= sound.mean(axis=1, keepdims=True)  # an offset is no sound
    return sound
