"""Sound is where its timestamps put it, whatever the file; what is no recording says so in one clear line."""

import contextlib
import os
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.make_media import loud_ms, quiet, speech_like, tone, write_film, write_sound
from transcribe.audio import Audio, Source, decode, excerpt, probe
from transcribe.media import JITTER_S
from transcribe.playable import needs_copy
from transcribe.problem import Problem

JITTER = round(JITTER_S * 16_000) + 32  # samples


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "layout"),
    [
        ("float.wav", "pcm_f32le", 16_000, "mono"),
        ("deep.wav", "pcm_s24le", 48_000, "stereo"),
        ("telephone.wav", "pcm_mulaw", 8_000, "mono"),
        ("bytes.wav", "pcm_u8", 11_025, "mono"),
        ("a.flac", "flac", 44_100, "stereo"),
        ("a.m4a", "aac", 44_100, "stereo"),
        ("a.mp3", "libmp3lame", 44_100, "stereo"),
        ("a.opus", "libopus", 48_000, "mono"),
        ("a.webm", "libopus", 48_000, "stereo"),
        ("a.mkv", "aac", 48_000, "mono"),
        ("a.avi", "pcm_s16le", 22_050, "mono"),
    ],
)
def test_every_kind_of_sound_keeps_its_place_and_its_level(
    tmp_path: Path, name: str, codec: str, rate_hz: int, layout: str
) -> None:
    sound = np.concatenate([quiet(1_000, rate_hz=rate_hz), tone(500, rate_hz=rate_hz), quiet(500, rate_hz=rate_hz)])
    path = write_sound(tmp_path / name, [(0, sound)], codec=codec, rate_hz=rate_hz, layout=layout)
    media = probe(path, sha256="0")
    audio = decode([Source(path)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    start_ms, end_ms = loud_ms(audio.samples)
    assert start_ms == pytest.approx(1_000, abs=6)
    assert end_ms == pytest.approx(1_500, abs=6)
    assert media.duration_ms == pytest.approx(2_000, abs=60)
    assert audio.duration_ms == pytest.approx(2_000, abs=60)
    assert np.abs(audio.slice(1_100, 1_400)).max() == pytest.approx(0.5, abs=0.05)
    assert audio.lost == ()
    stream = next(s for s in media.streams if s.kind == "audio")
    assert (stream.rate_hz, stream.channels) == (rate_hz, 1 if layout == "mono" else 2)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_a_voice_that_is_upside_down_in_one_channel_is_not_lost_in_the_mix(tmp_path: Path, offset: float) -> None:
    """The room is the same way up in both channels, and who speaks from outside is not."""
    room, outside = tone(3_000, level=0.4), tone(1_000, hz=300.0)
    both = np.stack([np.concatenate([room, outside]), np.concatenate([room, -outside])]) + np.float32(offset)
    path = write_sound(tmp_path / "a.wav", [(0, both)], layout="stereo")
    media = probe(path, sha256="0")
    audio = decode([Source(path, channel=media.channel)], tmp_path / "out.s16")
    assert np.abs(audio.slice(100, 2_900)).max() == pytest.approx(0.4, abs=0.02)
    assert np.abs(audio.slice(3_100, 3_900)).max() == pytest.approx(0.5, abs=0.02)


@settings(max_examples=25)
@given(
    pieces=st.lists(st.tuples(st.integers(0, 900), st.integers(100, 700)), min_size=1, max_size=4),
    start_ms=st.integers(0, 2_000),
    picture=st.booleans(),
)
def test_samples_stand_where_their_timestamps_say(pieces: list[tuple[int, int]], start_ms: int, picture: bool) -> None:
    """Each piece is a level of its own, so that one look at any sample says whose it is."""
    spans = []
    at_ms = 0
    for gap_ms, length_ms in pieces:
        spans.append((at_ms + gap_ms, at_ms + gap_ms + length_ms))
        at_ms = spans[-1][1]
    levels = [0.2 + 0.1 * i for i in range(len(spans))]
    sounds = [(a, np.full((b - a) * 16, level, np.float32)) for (a, b), level in zip(spans, levels, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        path = write_sound(Path(folder) / "gaps.mkv", sounds, picture=picture)
        samples = np.array(decode([Source(path, start_ms)], Path(folder) / "out.s16").samples) / 32768
    expected = np.zeros((start_ms + at_ms) * 16)
    for (a, b), level in zip(spans, levels, strict=True):
        expected[(start_ms + a) * 16 : (start_ms + b) * 16] = level
    n = min(len(samples), len(expected))
    assert abs(len(samples) - len(expected)) <= JITTER
    # A gap shorter than the wobble of timestamps is closed, so each edge may be off by so much and no more.
    wrong = np.flatnonzero(np.abs(samples[:n] - expected[:n]) > 0.01)
    edges = np.array([edge for span in spans for edge in span]) + start_ms
    assert all(np.abs(edges * 16 - i).min() <= JITTER for i in wrong)


def test_a_broadcast_stream_starts_at_nought_and_late_sound_is_late(tmp_path: Path) -> None:
    alone = write_sound(tmp_path / "alone.ts", [(90_000, tone(1_000, rate_hz=48_000))], codec="aac", rate_hz=48_000)
    assert loud_ms(decode([Source(alone)], tmp_path / "a.s16").samples)[0] == pytest.approx(0, abs=30)
    film = write_sound(
        tmp_path / "film.ts", [(2_000, tone(1_000, rate_hz=48_000))], codec="aac", rate_hz=48_000, picture=True
    )
    assert loud_ms(decode([Source(film)], tmp_path / "b.s16").samples)[0] == pytest.approx(2_000, abs=30)


def test_a_clock_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    parts = [
        write_sound(tmp_path / f"{hz}.ts", [(0, tone(2_000, rate_hz=48_000, hz=hz))], codec="aac", rate_hz=48_000)
        for hz in (300.0, 1_000.0)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    samples = decode([Source(joined)], tmp_path / "out.s16").samples.astype(float)
    assert len(samples) == pytest.approx(64_000, abs=2_000)
    for part, hz in ((samples[8_000:24_000], 300), (samples[40_000:56_000], 1_000)):
        assert np.argmax(np.abs(np.fft.rfft(part))) == hz


def join(path: Path, parts: list[tuple[int, str]], *, codec: str, container: str) -> Path:
    """Parts of four seconds, each with a tone from 2 s to 3 s, byte after byte: (sample rate, layout)."""
    data = b""
    for rate_hz, layout in parts:
        sound = np.concatenate(
            [quiet(2_000, rate_hz=rate_hz), tone(1_000, rate_hz=rate_hz), quiet(1_000, rate_hz=rate_hz)]
        )
        part = path.with_name("part")
        write_sound(part, [(0, sound)], codec=codec, rate_hz=rate_hz, layout=layout, container=container)
        data += part.read_bytes()
    path.write_bytes(data)
    return path


def check_tones(audio: Audio, n_parts: int) -> None:
    """The tone of each part that was joined is heard where it is, as long as it is."""
    for n in range(n_parts):
        start_ms, end_ms = loud_ms(audio.samples[4_000 * n * 16 : 4_000 * (n + 1) * 16])
        assert start_ms == pytest.approx(2_000, abs=150)
        assert end_ms - start_ms == pytest.approx(1_000, abs=20)


@pytest.mark.parametrize(
    "parts",
    [
        [(44_100, "mono"), (22_050, "mono")],
        [(24_000, "mono"), (48_000, "mono")],
        [(48_000, "stereo"), (32_000, "mono"), (44_100, "stereo")],
    ],
)
def test_bare_aac_that_was_joined_keeps_time_whatever_the_sample_rates(
    tmp_path: Path, parts: list[tuple[int, str]]
) -> None:
    """FFmpeg counts its time as if all were of the first rate: the rest would be squeezed, or drawn out."""
    joined = join(tmp_path / "joined.aac", parts, codec="aac", container="adts")
    media = probe(joined, sha256="0")
    audio = decode([Source(joined)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    assert media.duration_ms == pytest.approx(4_000 * len(parts), abs=100 * len(parts))
    assert audio.duration_ms == pytest.approx(media.duration_ms, abs=50)
    assert audio.lost == ()
    check_tones(audio, len(parts))


@pytest.mark.parametrize("container", ["ogg", "flac"])
def test_where_a_change_of_the_sample_rate_would_squeeze_what_follows_the_file_is_refused(
    tmp_path: Path, container: str
) -> None:
    joined = join(tmp_path / "a", [(44_100, "mono"), (22_050, "mono")], codec="flac", container=container)
    with pytest.raises(Problem) as e:
        decode([Source(joined)], tmp_path / "out.s16")
    assert "the sample rate changes at 0:04" in e.value.what
    assert "[[media]]" in e.value.fix


@pytest.mark.parametrize("container", ["ogg", "flac"])
def test_an_end_that_cannot_be_decoded_is_owned_up_to(tmp_path: Path, container: str) -> None:
    """The decoder refuses the second part, whose frames are longer."""
    joined = join(tmp_path / "a", [(24_000, "mono"), (48_000, "mono")], codec="flac", container=container)
    audio = decode([Source(joined)], tmp_path / "out.s16", duration_ms=probe(joined, sha256="0").duration_ms)
    (lost,) = audio.lost
    assert lost.start_ms == pytest.approx(4_000, abs=100)
    assert lost.end_ms > 7_500
    assert "damaged" in lost.reason


@pytest.mark.parametrize(
    "parts", [[(44_100, "mono")], [(44_100, "mono"), (22_050, "mono")], [(24_000, "mono"), (48_000, "mono")]]
)
def test_aac_in_latm_is_heard_to_its_end_whatever_the_sample_rates(
    tmp_path: Path, parts: list[tuple[int, str]]
) -> None:
    """FFmpeg gives the first seconds no time at all, and the rest that of the first rate."""
    path = join(tmp_path / "a.loas", parts, codec="aac", container="latm")
    media = probe(path, sha256="0")
    audio = decode([Source(path)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    assert media.duration_ms == pytest.approx(4_000 * len(parts), abs=100 * len(parts))
    check_tones(audio, len(parts))


@settings(max_examples=30)
@given(
    parts=st.lists(st.tuples(st.integers(1, 700), st.booleans()), min_size=2, max_size=4),
    codec=st.sampled_from(["pcm_s16le", "pcm_s24le", "pcm_u8"]),
    layout=st.sampled_from(["mono", "stereo"]),
)
def test_wavs_that_were_joined_are_heard_as_one(parts: list[tuple[int, bool]], codec: str, layout: str) -> None:
    """Whatever stands between their samples, and however many bytes that are."""
    with tempfile.TemporaryDirectory() as name:
        folder, data = Path(name), b""
        sound = speech_like(sum(n for n, _ in parts))
        at = 0
        for n_ms, tailed in parts:
            piece = [(0, sound[at * 16 : (at + n_ms) * 16])]
            at += n_ms
            data += write_sound(folder / "part.wav", piece, codec=codec, layout=layout).read_bytes()
            data += b"LIST\x05\0\0\0words\0" * tailed
        (folder / "joined.wav").write_bytes(data)
        whole = write_sound(folder / "whole.wav", [(0, sound)], codec=codec, layout=layout)
        media = probe(folder / "joined.wav", sha256="0")
        heard = decode([Source(folder / "joined.wav")], folder / "a.s16", duration_ms=media.duration_ms)
        assert np.array_equal(heard.samples, decode([Source(whole)], folder / "b.s16").samples)
        assert needs_copy([media])


@pytest.mark.parametrize("suffix", [".wav", ".mp4", ".m4a"])
def test_where_players_would_leave_out_what_was_joined_the_file_is_refused(tmp_path: Path, suffix: str) -> None:
    codec = "pcm_s16le" if suffix == ".wav" else "aac"
    parts = [
        write_sound(tmp_path / f"{rate_hz}{suffix}", [(0, tone(1_000, rate_hz=rate_hz))], codec=codec, rate_hz=rate_hz)
        for rate_hz in (16_000, 48_000)
    ]
    first, second = (p.read_bytes() for p in parts)
    joined = tmp_path / f"joined{suffix}"
    joined.write_bytes(first + second)
    problem = problem_of(joined)
    assert f"{len(first):,} bytes from its start" in problem.what
    assert f"the last {len(second):,} of" in problem.what
    assert "[[media]]" in problem.fix
    with pytest.raises(Problem):
        decode([Source(joined)], tmp_path / "out.s16")


@pytest.mark.parametrize("name", ["a.flac", "a.mkv"])
def test_browsers_get_a_copy_of_what_goes_on_behind_its_stated_end(tmp_path: Path, name: str) -> None:
    path = write_sound(tmp_path / name, [(0, speech_like(4_000))], codec="flac")
    assert probe(path, sha256="0").states_length
    path.write_bytes(path.read_bytes() * 2)
    media = probe(path, sha256="0")
    assert media.duration_ms == pytest.approx(8_000, abs=50)
    assert not media.states_length


def test_parts_of_a_meeting_follow_each_other_and_silence_is_silent(tmp_path: Path) -> None:
    a = write_sound(tmp_path / "a.wav", [(0, tone(1_000))])
    b = write_sound(tmp_path / "b.m4a", [(0, tone(1_000, rate_hz=48_000))], codec="aac", rate_hz=48_000)
    audio = decode(
        [Source(a), Source(b, 1_500)], tmp_path / "out.s16", silence=[(200, 300), (1_900, 9_000)], duration_ms=2_400
    )
    assert audio.duration_ms == 2_400
    level = np.abs(audio.samples.astype(int))
    assert not level[200 * 16 : 300 * 16].any()
    assert not level[1_000 * 16 : 1_500 * 16].any()
    assert not level[1_900 * 16 :].any()
    assert level[:3_000].max() > 10_000
    assert level[1_600 * 16 : 1_800 * 16].max() > 10_000


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "long.flac", [(0, np.tile(tone(1_000), 300))], codec="flac")
    tracemalloc.start()
    audio = decode([Source(path)], tmp_path / "out.s16")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert audio.duration_ms == 300_000
    assert peak < 3_000_000  # the samples alone are three times as many bytes


def test_a_slice_is_floats_and_may_reach_past_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.s16"
    np.array([-16384, 16384] * 24, "<i2").tofile(path)
    audio = Audio(path=path)
    assert (audio.n_samples, audio.duration_ms) == (48, 3)
    part = audio.slice(1, 60_000)
    assert part.dtype == np.float32
    assert (part.min(), part.max()) == (-0.5, 0.5)
    assert part.shape == (32,)


def test_a_millisecond_of_sound_is_a_recording(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "tick.wav", [(0, tone(1))])
    assert probe(path, sha256="0").duration_ms == 1
    assert decode([Source(path)], tmp_path / "out.s16").n_samples == 16


# -- bad input ------------------------------------------------------------------------------------


def problem_of(path: Path) -> Problem:
    with pytest.raises(Problem) as caught:
        probe(path, sha256="0")
    assert caught.value.where == str(path)
    assert caught.value.fix
    return caught.value


def test_a_film_without_sound(tmp_path: Path) -> None:
    assert "no audio stream" in problem_of(write_film(tmp_path / "film.mp4")).what


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    assert "empty" in problem_of(path).what


@pytest.mark.parametrize("name", ["notes.mp3", "notes.wav", "notes.mp4", "notes.m3u8"])
@pytest.mark.parametrize("text", ["Minutes of the Wrenbridge panel.\n" * 200, "hello", "\n"])
def test_a_text_that_is_called_a_recording(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert (
        "text" in problem_of(path).what or "cannot be" in problem_of(path).what or "no sound" in problem_of(path).what
    )


def test_a_playlist_opens_nothing_else(tmp_path: Path) -> None:
    write_sound(tmp_path / "secret.ts", [(0, tone(500, rate_hz=48_000))], codec="aac", rate_hz=48_000)
    path = tmp_path / "list.mp3"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\nsecret.ts\n#EXT-X-ENDLIST\n")
    assert "text" in problem_of(path).what


def test_bytes_that_mean_nothing(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    assert "not a recording" in problem_of(path).what


def test_a_file_that_is_not_there_and_one_that_is_a_folder(tmp_path: Path) -> None:
    assert "no such file" in problem_of(tmp_path / "nowhere.wav").what
    problem_of(tmp_path)


@contextlib.contextmanager
def not_root() -> Iterator[None]:
    """Root may read everything: for a while, be somebody else."""
    if os.geteuid():
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = write_sound(Path(folder) / "secret.wav", [(0, tone(100))])
        path.chmod(0)
        with not_root():
            problem = problem_of(path)
    assert "may not be read" in problem.what


def test_an_encrypted_recording(tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 32, "encryption_kid": "1" * 32}
    path = write_sound(
        tmp_path / "locked.mp4", [(0, tone(1_000, rate_hz=48_000))], codec="aac", rate_hz=48_000, options=key
    )
    assert "encrypted" in problem_of(path).what


def test_an_mp4_cut_before_its_index(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "cut.mp4", [(0, tone(9_000, rate_hz=48_000))], codec="aac", rate_hz=48_000)
    path.write_bytes(path.read_bytes()[:20_000])
    assert "cut short" in problem_of(path).what


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "aac", {"movflags": "+faststart"}),
        ("a.mkv", "flac", {}),
        ("a.flac", "flac", {}),
    ],
)
def test_what_is_left_of_a_cut_file_is_heard_and_the_rest_is_owned_up_to(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    rate_hz = 48_000
    sound = tone(10_000, rate_hz=rate_hz) + np.random.default_rng(0).normal(0, 0.05, 10 * rate_hz).astype(np.float32)
    path = write_sound(tmp_path / name, [(0, sound)], codec=codec, rate_hz=rate_hz, options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    media = probe(path, sha256="0")
    audio = decode([Source(path, 2_000)], tmp_path / "out.s16")
    assert 5_000 < audio.duration_ms < 9_000
    assert media.duration_ms == pytest.approx(10_000, abs=100)
    (lost,) = audio.lost
    assert lost.kind == "untranscribed"
    assert lost.start_ms == pytest.approx(audio.duration_ms, abs=50)
    assert lost.end_ms == pytest.approx(12_000, abs=100)
    assert "breaks off" in lost.reason
    assert Audio(path=tmp_path / "out.s16").lost == audio.lost


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.wav", "pcm_s16le", {}),
        ("deep.wav", "pcm_s24le", {}),
        ("telephone.wav", "pcm_mulaw", {}),
        ("big.wav", "pcm_s16le", {"rf64": "always"}),
        ("a.w64", "pcm_s16le", {}),
        ("a.aiff", "pcm_s16be", {}),
        ("a.caf", "pcm_s16le", {}),
        ("a.mp3", "libmp3lame", {}),
    ],
)
def test_half_a_copy_is_noticed_where_only_the_head_tells_how_much_there_should_be(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_sound(
        tmp_path / name, [(0, tone(10_000, rate_hz=48_000))], codec=codec, rate_hz=48_000, options=options
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    media = probe(path, sha256="0")
    audio = decode([Source(path)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    assert media.duration_ms == pytest.approx(10_000, abs=60)
    assert audio.duration_ms == pytest.approx(5_000, abs=60)
    (lost,) = audio.lost
    assert lost.start_ms == pytest.approx(5_000, abs=60)
    assert lost.end_ms == pytest.approx(10_000, abs=60)
    assert lost.reason == "the file breaks off here"


@pytest.mark.parametrize(
    ("name", "codec"), [("a.flac", "flac"), ("a.ogg", "libopus"), ("b.ogg", "flac"), ("a.ts", "mp2")]
)
def test_what_comes_after_a_hole_is_heard_in_its_place_and_the_hole_is_owned_up_to(
    tmp_path: Path, name: str, codec: str
) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 10 * 48_000).astype(np.float32)
    path = write_sound(tmp_path / name, [(0, sound)], codec=codec, rate_hz=48_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) * 2 // 3] = bytes(len(data) * 2 // 3 - len(data) // 3)
    path.write_bytes(data)
    audio = decode([Source(path)], tmp_path / "out.s16", duration_ms=probe(path, sha256="0").duration_ms)
    assert audio.duration_ms == pytest.approx(10_000, abs=60)
    (lost,) = audio.lost
    assert 2_500 < lost.start_ms < 4_000
    assert 6_500 < lost.end_ms < 7_800
    assert np.abs(audio.slice(7_800, 9_900)).max() > 0.1
    assert "damaged" in lost.reason


@pytest.mark.parametrize("index", ["0", "1"])
def test_a_hole_in_an_mp3_is_owned_up_to(tmp_path: Path, index: str) -> None:
    path = write_sound(
        tmp_path / "a.mp3",
        [(0, tone(10_000, rate_hz=48_000))],
        codec="libmp3lame",
        rate_hz=48_000,
        options={"write_xing": index},
        encoder={"b": "128000"},
    )
    assert probe(path, sha256="0").notes == ()
    data = bytearray(path.read_bytes())
    data[40_000:70_000] = bytes(30_000)  # at 128 kbit/s, from 2.5 s to 4.375
    path.write_bytes(data)
    media = probe(path, sha256="0")
    (note,) = media.notes
    assert "3" in note.split(" kB")[0]
    assert "at 0:02" in note
    audio = decode([Source(path)], tmp_path / "out.s16", duration_ms=media.duration_ms)
    assert audio.duration_ms == pytest.approx(8_125, abs=100)
    assert ["damaged" in s.reason for s in audio.lost] == [True] * int(index)


@pytest.mark.parametrize("wide", [False, True])
def test_parts_behind_the_samples_of_a_wav_are_no_sound(tmp_path: Path, wide: bool) -> None:
    path = write_sound(tmp_path / ("a.w64" if wide else "a.wav"), [(0, tone(2_000))])
    length = (200_000).to_bytes(8 if wide else 4, "little")
    name = b"LIST" + b"\x2f\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00" if wide else b"LIST"
    path.write_bytes(path.read_bytes() + name + length + b"\x7f" * 200_000)
    media = probe(path, sha256="0")
    assert (media.duration_ms, media.states_length) == (2_000, True)
    assert decode([Source(path)], tmp_path / "out.s16").duration_ms == 2_000


def test_an_excerpt_that_fails_leaves_nothing(tmp_path: Path) -> None:
    audio = decode([Source(write_sound(tmp_path / "a.wav", [(0, tone(500))]))], tmp_path / "out.s16")
    there = sorted(tmp_path.iterdir())
    with pytest.raises(TypeError):
        excerpt(audio, [(0, 100), (200, None)], tmp_path / "part.s16")  # type: ignore[list-item]
    assert sorted(tmp_path.iterdir()) == there


def test_damage_in_the_middle_is_passed_over_and_owned_up_to(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.mkv", [(0, tone(20_000, rate_hz=48_000))], codec="aac", rate_hz=48_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    path.write_bytes(data)
    audio = decode([Source(path)], tmp_path / "out.s16")
    assert audio.duration_ms > 19_000
    assert np.abs(audio.slice(500, 6_000)).max() > 0.4
    assert np.abs(audio.slice(11_000, 19_000)).max() > 0.4


def test_a_failed_decoding_leaves_nothing(tmp_path: Path) -> None:
    good = write_sound(tmp_path / "a.wav", [(0, tone(500))])
    with pytest.raises(Problem):
        decode([Source(good), Source(write_film(tmp_path / "film.mp4"), 500)], tmp_path / "out.s16")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "film.mp4"]


@pytest.mark.parametrize(
    "name",
    ["two words.wav", 'it\'s "quoted".wav', "a\nb.wav", "議事録.wav", "http:x.wav", "-i.wav", "%d.wav", "\udcff.wav"],
)
def test_names_are_only_names(tmp_path: Path, name: str) -> None:
    write_sound(tmp_path / "a.wav", [(0, tone(200))]).rename(tmp_path / name)
    assert probe(tmp_path / name, sha256="0").duration_ms == 200
    assert decode([Source(tmp_path / name)], tmp_path / "out.s16").duration_ms == 200


@pytest.mark.shared
def test_real_recordings_of_every_kind(shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "audio").rglob("*")):
        if path.suffix in {".wav", ".flac", ".mp3"}:
            media = probe(path, sha256="0")
            audio = decode([Source(path)], tmp_path / "out.s16")
            assert audio.duration_ms == pytest.approx(media.duration_ms, abs=60), path
            assert audio.lost == ()
            assert audio.samples.any()
    # The same sound as 32-bit floats and as 16-bit FLAC.
    float32 = decode([Source(shared / "audio/ami/dev00_ES2003a.float32.wav")], tmp_path / "a.s16").samples
    flac = decode([Source(shared / "audio/ami/dev00_ES2003a.flac")], tmp_path / "b.s16").samples
    assert np.abs(float32.astype(int) - flac).max() <= 1


def test_only_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = av.open

    def watch(file: str, *args: object, **kwargs: object) -> object:
        opened.append(file)
        return real(file, *args, **kwargs)

    monkeypatch.setattr(av, "open", watch)
    path = write_sound(tmp_path / "a.wav", [(0, tone(200))])
    opened.clear()
    probe(path, sha256="0")
    assert all(o.startswith("file:") for o in opened)
