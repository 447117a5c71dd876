"""Small media files for tests, written with PyAV."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def tone(n_ms: int, *, rate_hz: int = 16_000, hz: float = 440.0, level: float = 0.5) -> Floats:
    return (level * np.sin(2 * np.pi * hz * np.arange(n_ms * rate_hz // 1000) / rate_hz)).astype(np.float32)


def quiet(n_ms: int, *, rate_hz: int = 16_000) -> Floats:
    return np.zeros(n_ms * rate_hz // 1000, np.float32)


def speech_like(n_ms: int, *, rate_hz: int = 16_000, seed: int = 0) -> Floats:
    """Bursts of noise of all lengths with pauses between, on the grid of 16-bit samples: no stretch is like another."""
    random = np.random.default_rng(seed)
    n = n_ms * rate_hz // 1000
    knots = np.arange(0, n + rate_hz, rate_hz // 20)
    slow = np.interp(np.arange(n), knots, random.normal(size=len(knots)))
    noise = np.convolve(random.normal(0, 0.2, n), np.ones(8) / 4, "same")
    return (np.round(np.clip(noise * (slow > 0) * slow, -0.9, 0.9) * 32768) / 32768).astype(np.float32)


def write_sound(
    path: Path,
    pieces: Iterable[tuple[int, Floats]],
    *,
    codec: str = "pcm_s16le",
    rate_hz: int = 16_000,
    layout: str = "mono",
    picture: bool = False,
    container: str | None = None,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> Path:
    """Pieces of sound, each with its presentation time in ms; `picture` adds a film of one second before them all."""
    track = Track(pieces=tuple(pieces))
    return write_tracks(
        path,
        [track],
        codec=codec,
        rate_hz=rate_hz,
        layout=layout,
        picture=picture,
        container=container,
        options=options,
        encoder=encoder,
    )


class Track(NamedTuple):
    """Sound of one track: pieces as in `write_sound`; of shape (n_samples,), or (n_channels, n_samples)."""

    pieces: tuple[tuple[int, Floats], ...]
    default: bool | None = None
    title: str = ""


def write_tracks(
    path: Path,
    tracks: Sequence[Track],
    *,
    codec: str,
    rate_hz: int,
    layout: str = "mono",
    picture: bool = False,
    container: str | None = None,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> Path:
    with av.open(f"file:{path}", "w", format=container, options=options or {}) as out:
        film: Any = out.add_stream("mpeg4", rate=10) if picture else None
        streams: list[Any] = []
        for track in tracks:
            stream: Any = out.add_stream(codec, rate=rate_hz, options=encoder or {})
            stream.layout = layout
            stream.metadata["title"] = track.title
            if track.default is not None:
                stream.disposition = av.stream.Disposition.default if track.default else av.stream.Disposition(0)
            streams.append(stream)
        if film:
            _write_second(out, film)
        for stream, track in zip(streams, tracks, strict=True):
            n = stream.codec_context.frame_size or 1024
            for start_ms, samples in track.pieces:
                for i in range(0, samples.shape[-1], n):
                    _encode(out, stream, samples[..., i : i + n], start_ms * rate_hz // 1000 + i, rate_hz, layout)
            out.mux(stream.encode(None))
    return path


def _write_second(container: Any, film: Any) -> None:
    film.width = film.height = 16
    film.pix_fmt = "yuv420p"
    for i in range(10):
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        frame.pts = i
        container.mux(film.encode(frame))
    container.mux(film.encode(None))


def _encode(container: Any, stream: Any, samples: Floats, pts: int, rate_hz: int, layout: str) -> None:
    resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz)
    n_channels = av.AudioLayout(layout).nb_channels
    interleaved = samples.T if samples.ndim > 1 else np.repeat(samples[:, np.newaxis], n_channels, axis=1)
    frame = av.AudioFrame.from_ndarray(interleaved.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, pts, Fraction(1, rate_hz)
    for ready in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(ready))


def write_film(path: Path) -> Path:
    """A film without sound."""
    with av.open(str(path), "w") as container:
        _write_second(container, container.add_stream("mpeg4", rate=10))
    return path


def offset_ms(heard: NDArray[Any], expected: NDArray[Any], *, within_ms: int = 200) -> float:
    """How much later than expected 16 kHz samples are heard, found by laying one over the other."""
    n, most = max(len(heard), len(expected)), within_ms * 16
    spectrum = np.fft.rfft(heard.astype(float), 2 * n) * np.conj(np.fft.rfft(expected.astype(float), 2 * n))
    product = np.fft.irfft(spectrum, 2 * n)
    return (int(np.argmax(np.concatenate([product[-most:], product[: most + 1]]))) - most) / 16


def loud_ms(samples: Sequence[int] | NDArray[np.int16], *, level: int = 3_000) -> tuple[float, float]:
    """Where sound begins and ends, in ms of 16 kHz samples."""
    found = np.flatnonzero(np.abs(np.asarray(samples, np.int32)) > level)
    return float(found[0]) / 16, float(found[-1] + 1) / 16
