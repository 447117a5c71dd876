"""Small media files for tests, written with PyAV."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def tone(n_ms: int, *, rate_hz: int = 16_000, hz: float = 440.0, level: float = 0.5) -> Floats:
    return (level * np.sin(2 * np.pi * hz * np.arange(n_ms * rate_hz // 1000) / rate_hz)).astype(np.float32)


def quiet(n_ms: int, *, rate_hz: int = 16_000) -> Floats:
    return np.zeros(n_ms * rate_hz // 1000, np.float32)


def write_sound(
    path: Path,
    pieces: Iterable[tuple[int, Floats]],
    *,
    codec: str = "pcm_s16le",
    rate_hz: int = 16_000,
    layout: str = "mono",
    picture: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Pieces of sound, each with its presentation time in ms; `picture` adds a film of one second before them all."""
    with av.open(f"file:{path}", "w", options=options or {}) as container:
        film: Any = container.add_stream("mpeg4", rate=10) if picture else None
        stream: Any = container.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        if film:
            film.width = film.height = 16
            film.pix_fmt = "yuv420p"
            for i in range(10):
                frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
                frame.pts = i
                container.mux(film.encode(frame))
            container.mux(film.encode(None))
        n = stream.codec_context.frame_size or 1024
        for start_ms, samples in pieces:
            for i in range(0, len(samples), n):
                _encode(container, stream, samples[i : i + n], start_ms * rate_hz // 1000 + i, rate_hz, layout)
        container.mux(stream.encode(None))
    return path


def _encode(container: Any, stream: Any, samples: Floats, pts: int, rate_hz: int, layout: str) -> None:
    resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz)
    every_channel = np.repeat(samples, 2 if layout == "stereo" else 1)[np.newaxis]
    frame = av.AudioFrame.from_ndarray(every_channel, format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, pts, Fraction(1, rate_hz)
    for ready in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(ready))


def write_film(path: Path) -> Path:
    """A film without sound."""
    with av.open(str(path), "w") as container:
        film: Any = container.add_stream("mpeg4", rate=10)
        film.width = film.height = 16
        film.pix_fmt = "yuv420p"
        for i in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            frame.pts = i
            container.mux(film.encode(frame))
        container.mux(film.encode(None))
    return path


def loud_ms(samples: Sequence[int] | NDArray[np.int16], *, level: int = 3_000) -> tuple[float, float]:
    """Where sound begins and ends, in ms of 16 kHz samples."""
    found = np.flatnonzero(np.abs(np.asarray(samples, np.int32)) > level)
    return float(found[0]) / 16, float(found[-1] + 1) / 16
