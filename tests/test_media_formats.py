"""Each format that councils publish: sound to the sample where nothing is lost, else in its place to a few ms."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests.make_media import offset_ms, speech_like, write_sound
from transcribe import playable
from transcribe.audio import Source, decode, probe

VBR = {"flags": "+qscale", "global_quality": "472"}  # libmp3lame's quality 4


class Format(NamedTuple):
    """How a file is made, and what must hold: `late_ms` for formats that cannot say how much their encoder added."""

    name: str
    codec: str
    rate_hz: int = 48_000
    layout: str = "mono"
    container: str | None = None
    options: dict[str, str] | None = None
    encoder: dict[str, str] | None = None
    late_ms: tuple[int, int] = (-3, 3)
    plays: bool = False  # in every browser, as it is

    @property
    def id(self) -> str:
        return f"{self.name}-{self.codec}"

    def write(self, folder: Path, n_ms: int) -> Path:
        return write_sound(
            folder / self.name,
            [(0, speech_like(n_ms, rate_hz=self.rate_hz))],
            codec=self.codec,
            rate_hz=self.rate_hz,
            layout=self.layout,
            container=self.container,
            options=self.options,
            encoder=self.encoder,
        )


EXACT = [
    Format("a.wav", "pcm_s16le", 16_000, plays=True),
    Format("deep.wav", "pcm_s24le", 16_000),
    Format("deeper.wav", "pcm_s32le", 16_000),
    Format("float.wav", "pcm_f32le", 16_000),
    Format("double.wav", "pcm_f64le", 16_000),
    Format("long.w64", "pcm_s16le", 16_000),
    Format("a.flac", "flac", 16_000, plays=True),
    Format("a.ogg", "flac", 16_000, container="ogg", plays=True),
    Format("a.m4a", "alac", 16_000),
    Format("a.aiff", "pcm_s16be", 16_000),
    Format("a.au", "pcm_s16be", 16_000),
    Format("a.caf", "pcm_s16le", 16_000),
    Format("a.avi", "pcm_s16le", 16_000),
    Format("a.mov", "pcm_s16le", 16_000),
    Format("a.mkv", "flac", 16_000),
    Format("pcm.mkv", "pcm_s16le", 16_000),
]
LOSSY = [
    Format("telephone.wav", "pcm_mulaw", 8_000),
    Format("telephone.au", "pcm_alaw", 8_000),
    Format("deep.wav", "pcm_s24le", layout="stereo"),
    Format("cd.flac", "flac", 44_100, layout="stereo", plays=True),
    Format("cbr.mp3", "libmp3lame", 44_100, layout="stereo", plays=True),
    Format("vbr.mp3", "libmp3lame", encoder=VBR),
    Format("no-index.mp3", "libmp3lame", encoder=VBR, options={"write_xing": "0"}, late_ms=(0, 50)),
    Format("a.m4a", "aac", 44_100, layout="stereo", plays=True),
    Format("a.mp4", "aac", plays=True),
    Format("fragments.mp4", "aac", options={"movflags": "frag_keyframe+empty_moov"}, late_ms=(0, 50), plays=True),
    Format("a.mov", "aac"),
    Format("a.3gp", "aac"),
    Format("a.aac", "aac", container="adts", late_ms=(0, 50)),
    Format("a.mkv", "aac"),
    Format("a.ts", "aac", late_ms=(0, 50)),
    Format("a.flv", "aac", 44_100, late_ms=(0, 50)),
    Format("a.opus", "libopus", plays=True),
    Format("a.webm", "libopus", layout="stereo", plays=True),
    Format("live.webm", "libopus", options={"live": "1"}),
    Format("a.ogg", "vorbis", layout="stereo", encoder={"strict": "experimental"}, late_ms=(-8, 8), plays=True),
    Format("a.avi", "libmp3lame", 44_100, late_ms=(0, 60)),
    Format("a.wma", "wmav2", 44_100, encoder={"b": "64000"}, late_ms=(0, 60)),
    Format("a.mpg", "mp2", late_ms=(0, 30)),
    Format("surround.mp4", "ac3", layout="5.1", late_ms=(0, 10)),
    Format("surround.flac", "flac", layout="5.1", plays=True),
]


def seen(made: Format, folder: Path, n_ms: int = 4_000) -> tuple[float, int]:
    """How late sound is heard in ms, and how far off the stated duration is."""
    path = made.write(folder, n_ms)
    media = probe(path, sha256="0")
    heard = decode([Source(path)], folder / "heard.s16", duration_ms=media.duration_ms)
    same = write_sound(
        folder / "same.wav",
        [(0, speech_like(n_ms, rate_hz=made.rate_hz))],
        codec="pcm_f32le",
        rate_hz=made.rate_hz,
    )
    expected = decode([Source(same)], folder / "same.s16")
    assert heard.lost == ()
    return offset_ms(heard.samples, expected.samples), media.duration_ms - n_ms


@pytest.mark.parametrize("made", EXACT, ids=lambda f: f.id)
def test_where_nothing_is_lost_every_sample_is_in_its_place(tmp_path: Path, made: Format) -> None:
    path = made.write(tmp_path, 2_500)
    media = probe(path, sha256="0")
    heard = decode([Source(path)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    assert 2_500 <= media.duration_ms <= 2_550  # AVI counts in whole packets
    assert np.array_equal(heard.samples, np.round(speech_like(2_500) * 32768).astype(np.int16))
    assert (playable.needs_copy([media]) == "") == made.plays


@pytest.mark.parametrize("made", LOSSY, ids=lambda f: f.id)
def test_elsewhere_it_is_in_its_place_to_a_few_ms(tmp_path: Path, made: Format) -> None:
    late_ms, longer_ms = seen(made, tmp_path)
    assert made.late_ms[0] <= late_ms <= made.late_ms[1]
    assert -10 <= longer_ms <= max(100, made.late_ms[1] + 60)
    media = probe(tmp_path / made.name, sha256="0")
    assert (playable.needs_copy([media]) == "") == made.plays, playable.needs_copy([media])
