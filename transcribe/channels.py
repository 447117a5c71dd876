"""What the channels of a track hold, from a few excerpts: one sound, a voice each, nothing, or one upside down."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe.media import Clock, opened, packets, tracks
from transcribe.records import Record

RATE_HZ = 16_000
N_EXCERPTS = 8
EXCERPT_S = 5
FRAME = RATE_HZ // 50  # samples
SILENT_DB = -70.0  # below full scale: hiss of a cable, no microphone
FAINT_DB = 25.0  # below the loudest frames of a channel: nobody speaks
CANCELLED = 0.1  # of the louder channel's power left in the mix
APART_DB = 8.0  # channels whose difference in level changes by more than this hold different sounds

Samples = NDArray[np.float32]


class Channels(Record):
    """`only` is the one channel to listen to, counted from 1, where mixing all would lose the sound."""

    notes: tuple[str, ...] = ()
    only: int | None = None


def look(path: Path, track: int, duration_ms: int) -> Channels:
    """What the channels of a track hold, as far as excerpts show."""
    excerpts = [e for e in _excerpts(path, track, duration_ms) if e.shape[1] >= FRAME]
    alike = [e for e in excerpts if len(e) == len(excerpts[0]) <= 2]  # a file may change halfway
    return judge(alike) if alike else Channels()


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
    if _apart_db(levels_db, loud_db) > APART_DB:
        different = "The two channels hold different sounds, perhaps a voice each; they are listened to mixed into one."
        return Channels(notes=(different,))
    return Channels()


def _levels_db(excerpt: Samples) -> NDArray[np.float64]:
    """Loudness of each 20 ms: shape (n_channels, n_frames)."""
    n = excerpt.shape[1] // FRAME
    frames = excerpt[:, : n * FRAME].reshape(len(excerpt), n, FRAME)
    levels: NDArray[np.float64] = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=2) + 1e-12)
    return levels


def _apart_db(levels_db: NDArray[np.float64], loud_db: NDArray[np.float64]) -> float:
    """How much the difference between two channels changes while there is sound on either, as a standard deviation:
    a few dB for two microphones in one room, many where each has a voice of its own, even with some of the other."""
    faint_db = loud_db[:, np.newaxis] - FAINT_DB
    heard = (levels_db > faint_db).any(axis=0)
    return float(np.diff(np.maximum(levels_db, faint_db)[:, heard], axis=0).std())


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
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((n, 0), np.float32)
