"""The copy that browsers play: made only where it must be, and in step with the recording."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.make_media import loud_ms, quiet, tone, write_sound
from transcribe import playable
from transcribe.audio import Source, decode, probe
from transcribe.problem import Problem
from transcribe.records import Media, Stream


def media(file: str, codec: str, *pictures: str, **more: Any) -> Media:
    streams = (Stream(kind="audio", codec=codec), *(Stream(kind="video", codec=p) for p in pictures))
    return Media(file=file, sha256="0", size=1, duration_ms=1, streams=streams, **more)


@pytest.mark.parametrize(
    "plays",
    [
        media("a.mp4", "aac", "h264"),
        media("a.M4A", "aac"),
        media("a.webm", "opus", "vp9"),
        media("a.opus", "opus"),
        media("a.wav", "pcm_s16le"),
        media("a.flac", "flac"),
        media("a.mp4", "mp3float", "h264"),
        media("a.mp3", "mp3float", container="mp3", even=True),
        media("a.ogg", "vorbis", container="ogg", even=False, first_ms=20),
    ],
)
def test_what_browsers_play_needs_no_copy(plays: Media) -> None:
    assert playable.needs_copy([plays]) == ""


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (media("a.mp3", "mp3float"), "roughly"),
        (media("a.mp3", "mp3float", container="mp3", even=False), "roughly"),
        (media("a.aac", "aac"), "length"),
        (media("a.mp4", "aac", "h264", container="mpegts"), "mpegts"),
        (media("a.webm", "opus", states_length=False), "how long"),
        (media("a.webm", "opus", first_ms=10_000), "clock"),
        (media("a.wav", "pcm_s16le", channel=2), "cancel"),
        (media("a.wma", "wmav2"), ".wma"),
        (media("a.mp4", "ac3", "h264"), "ac3"),
        (media("a.wav", "pcm_mulaw"), "pcm_mulaw"),
        (media("a.mp4", "aac", "hevc"), "hevc"),
        (media("a.mkv", "aac", "h264"), ".mkv"),
        (media("recording", "aac"), "nameless"),
    ],
)
def test_the_rest_does_and_says_why(other: Media, reason: str) -> None:
    assert reason in playable.needs_copy([other])


@pytest.mark.parametrize("name", ["copy.m4a", "copy.webm"])
def test_a_copy_keeps_time_and_silence(tmp_path: Path, name: str) -> None:
    sound = np.concatenate([quiet(400), tone(1_000), quiet(100)])
    first = write_sound(tmp_path / "a.mkv", [(0, sound), (3_000, tone(500))])
    second = write_sound(tmp_path / "b.wav", [(0, tone(800, rate_hz=8_000))], codec="pcm_mulaw", rate_hz=8_000)
    sources = [Source(first), Source(second, 5_000)]
    silence = [(800, 1_000), (3_200, 5_300)]
    playable.make(sources, tmp_path / name, silence=silence, duration_ms=5_800)
    heard = decode([Source(tmp_path / name)], tmp_path / "copy.s16").samples
    source = decode(sources, tmp_path / "source.s16", silence=silence).samples
    assert playable.needs_copy([probe(tmp_path / name, sha256="0")]) == ""
    assert len(heard) == pytest.approx(len(source), abs=700)
    for start_ms, end_ms in [(0, 800), (900, 2_000), (2_500, 4_000), (5_000, 5_800)]:
        a, b = start_ms * 16, end_ms * 16
        assert loud_ms(heard[a:b]) == pytest.approx(loud_ms(source[a:b]), abs=8)
    for start_ms, end_ms in silence:
        assert (
            np.abs(heard[(start_ms + 20) * 16 : (end_ms - 20) * 16].astype(int)).max() < 200
        )  # of 32768: the codec dies away


def test_no_sound_no_copy(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("not sound")
    with pytest.raises(Problem):
        playable.make([Source(tmp_path / "a.wav")], tmp_path / "copy.m4a", duration_ms=1_000)
