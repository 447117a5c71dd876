"""Sound as it is listened to: of many channels one, or all mixed; at one sample rate; around nought."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcribe.channels import CANCELLED

LEVEL = 4_000  # samples at 16 kHz: so few that their mean follows what drifts, so many that it follows no sound
LEAST = 0.05  # times as strong as the sound: less of an offset does no harm


class Mixer:
    """Frames as mono samples: one channel of them, or all mixed. Frames may change in kind halfway."""

    def __init__(self, rate_hz: int, channel: int | None) -> None:
        self._rate_hz, self._channel = rate_hz, channel
        self._kind: tuple[object, ...] = ()
        self._resampler: Any = None
        self._n_channels = 1  # of what the resampler makes

    def __call__(self, frame: Any) -> Iterator[NDArray[np.int16]]:
        """Samples of a frame; with None those that are still held back."""
        import av

        kind = frame and kind_of(frame)
        if kind and kind != self._kind:
            yield from self._mono(None)
            self._kind = kind
            by_ffmpeg = self._channel is None and frame.layout.nb_channels > 2
            self._set_up("mono" if by_ffmpeg else frame.layout, frame)
        try:
            yield from self._mono(frame)
        except av.FFmpegError:  # channels that nobody has said how to mix
            self._set_up(frame.layout, frame)
            yield from self._mono(frame)

    def _set_up(self, layout: Any, frame: Any) -> None:
        import av

        self._n_channels = 1 if layout == "mono" else frame.layout.nb_channels
        # Interleaved: of separate planes the bindings to FFmpeg can read only seven.
        self._resampler = av.AudioResampler(format="s16", layout=layout, rate=self._rate_hz)

    def _mono(self, frame: Any) -> Iterator[NDArray[np.int16]]:
        for made in self._resampler.resample(frame) if self._resampler else ():
            samples: NDArray[np.int16] = made.to_ndarray().reshape(-1, self._n_channels)
            if self._channel is not None:
                yield samples[:, min(self._channel, self._n_channels) - 1].copy()
            elif self._n_channels > 1:
                yield _mixed(samples)
            else:
                yield samples[:, 0]


def kind_of(frame: Any) -> tuple[str, str, int]:
    """What may change halfway in a file: a resampler knows frames of one kind."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def _mixed(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """The mean of channels, or where they cancel each other, as for one voice on a cable soldered the wrong way round,
    the loudest of them: samples of shape (n_samples, n_channels)."""
    each = samples.astype(np.float32)
    mix: NDArray[np.float32] = each.mean(axis=1)
    power = each.var(axis=0)
    if mix.var() < CANCELLED * power.max():
        return samples[:, power.argmax()].copy()
    return mix.astype(np.int16)


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same sound without its offset, constant or drifting, where it has a notable one: shape (n_samples,), at
    16 kHz."""
    if not len(samples):
        return samples
    edges = np.linspace(0, len(samples), max(1, len(samples) // LEVEL) + 1).astype(np.intp)
    means = np.add.reduceat(samples, edges[:-1], dtype=np.float64) / np.diff(edges)
    offset = np.interp(np.arange(len(samples)), (edges[:-1] + edges[1:]) / 2, means).astype(np.float32)
    sound: NDArray[np.float32] = samples - offset
    return sound if np.dot(offset, offset) > LEAST**2 * np.dot(sound, sound) else samples
