"""Clips start where they were asked to, hold nothing that is hidden, and say where they are from."""

import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import webvtt
from msgspec.structs import replace
from typer.testing import CliRunner

from pipeline import amend, apply, asked, clips, outputs
from pipeline.cli import app
from pipeline.meetings import Layout
from pipeline.receipts import hash_file
from search import clip
from search.clip import Range
from search.quotes import Address
from tests.house import TOML, Heard, captions
from tests.make_media import Floats, offset_ms, speech_like, tone, write_sound
from transcribe import audio
from transcribe.audio import Source
from transcribe.problem import Problem
from transcribe.records import Recording, Stretch

N_MS = 12_000
NOISE = speech_like(N_MS, rate_hz=48_000)
SOUNDS = {
    "a.wav": "pcm_s16le", "a.flac": "flac", "a.mp3": "libmp3lame", "a.m4a": "aac", "a.opus": "libopus",
    "a.ogg": "libopus",
}  # fmt: skip


def film(path: Path, codec: str, *, every: int, sound: str) -> Path:
    """Twelve seconds of noise with a film whose brightness tells the time; a keyframe each `every` frames of 40 ms."""
    with av.open(str(path), "w") as out:
        picture: Any = out.add_stream(codec, rate=25, options={"g": str(every), "keyint_min": str(every)})
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track: Any = out.add_stream(sound, rate=48_000)
        track.layout = "mono"
        resampler = av.AudioResampler(format=track.format, layout="mono", rate=48_000)
        for i in range(N_MS // 40):
            shade = np.full((48, 64, 3), 20 + i % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(picture.encode(frame))
            part = NOISE[i * 1920 : (i + 1) * 1920]
            heard = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = 48_000, i * 1920, Fraction(1, 48_000)
            for ready in resampler.resample(heard):
                out.mux(track.encode(ready))
        out.mux(picture.encode(None))
        out.mux(track.encode(None))
    return path


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for name, codec in SOUNDS.items():
        write_sound(folder / name, [(0, NOISE)], codec=codec, rate_hz=48_000)
    film(folder / "often.mp4", "mpeg4", every=2, sound="aac")
    film(folder / "often.mkv", "mpeg4", every=2, sound="libopus")
    film(folder / "seldom.mp4", "mpeg4", every=250, sound="aac")
    film(folder / "often.webm", "libvpx-vp9", every=2, sound="libopus")
    return folder


def recording(*paths: Path, at_ms: tuple[int, ...] = (0,)) -> Recording:
    placed = tuple(
        replace(audio.probe(path, sha256="a" * 64), start_ms=start_ms)
        for path, start_ms in zip(paths, at_ms, strict=True)
    )
    duration_ms = max(part.start_ms + part.duration_ms for part in placed)
    return Recording(meeting="m", duration_ms=duration_ms, sha256="b" * 64, media=placed)


def heard(path: Path) -> Any:
    return np.concatenate([part for _, part in audio.timeline([Source(path)], lost=[])])


def expected(start_ms: int, end_ms: int, sound: Floats = NOISE) -> Any:
    return (sound[start_ms * 48 : end_ms * 48 : 3] * 32_767).astype(np.int16)


def made(folder: Path, name: str, start_ms: int, end_ms: int, out: Path, hidden: tuple[Stretch, ...] = ()) -> Any:
    found = recording(folder / name)
    wanted = clip.plan(Address(meeting="m", start_ms=start_ms, end_ms=end_ms), found, hidden)
    return clip.cut(wanted, found, {name: folder / name}, hidden, out, out.suffix)


@pytest.mark.parametrize(
    ("name", "suffix", "how"),
    [
        ("a.opus", ".opus", "copied"),
        ("a.opus", ".m4a", "encoded"),
        ("a.ogg", ".ogg", "copied"),
        ("a.ogg", ".webm", "copied"),
        ("a.m4a", ".m4a", "copied"),
        ("a.m4a", ".mp4", "copied"),
        ("a.m4a", ".ogg", "encoded"),
        ("a.mp3", ".mp3", "copied"),
        ("a.mp3", ".m4a", "encoded"),
        ("a.wav", ".wav", "encoded"),
        ("a.wav", ".webm", "encoded"),
        ("a.flac", ".opus", "encoded"),
        ("a.flac", ".mkv", "copied"),
        ("often.mp4", ".mp4", "encoded"),
        ("often.mkv", ".mkv", "copied"),
        ("often.webm", ".webm", "copied"),
        ("often.webm", ".mp4", "copied"),
        ("often.mp4", ".m4a", "copied"),
        ("seldom.mp4", ".mkv", "encoded"),
    ],
)
def test_a_clip_starts_where_it_was_asked_to(media: Path, tmp_path: Path, name: str, suffix: str, how: str) -> None:
    out = tmp_path / f"clip{suffix}"
    done, played, _ = made(media, name, 4_321, 7_654, out)
    assert done.how == how, done.why
    assert abs(played.start_ms - 4_321) <= 100
    sound = heard(out)
    assert abs(len(sound) / 16 - 3_333) < 150
    late_ms = offset_ms(sound, expected(4_321, 7_654))
    assert abs(late_ms) <= 100
    assert abs(late_ms - (4_321 - played.start_ms)) <= 50  # and it says where it starts
    if name in ("a.wav", "a.flac") and how == "encoded":
        assert abs(late_ms) < 15


def test_a_clip_of_a_recording_that_was_joined_from_unlike_parts(tmp_path: Path) -> None:
    joined = tmp_path / "joined.aac"
    for part, rate_hz, layout in ((NOISE[: N_MS * 24], 48_000, "stereo"), (NOISE[N_MS * 24 :: 2], 24_000, "mono")):
        path = tmp_path / "part.aac"
        write_sound(path, [(0, part)], codec="aac", rate_hz=rate_hz, layout=layout, container="adts")
        joined.write_bytes((joined.read_bytes() if joined.exists() else b"") + path.read_bytes())
    for start_ms, end_ms in ((4_000, 8_000), (7_000, 10_000)):
        done, *_ = made(tmp_path, "joined.aac", start_ms, end_ms, tmp_path / f"{start_ms}.wav")
        assert done.how == "encoded"
        sound = heard(tmp_path / f"{start_ms}.wav")
        assert abs(len(sound) / 16 - (end_ms - start_ms)) < 50
        assert abs(offset_ms(sound[-32_000:], expected(end_ms - 2_000, end_ms))) < 150  # each encoder begins late


def test_nothing_is_dropped_where_the_sample_rate_changes(tmp_path: Path) -> None:
    """A resampler holds back 2 ms of sound at 8 kHz: without them all that follows came too early."""
    joined = b""
    for rate_hz in (8_000, 48_000):
        part = write_sound(
            tmp_path / "part.aac",
            [(0, speech_like(4_000, rate_hz=rate_hz))],
            codec="aac",
            rate_hz=rate_hz,
            container="adts",
        )
        joined += part.read_bytes()
    (tmp_path / "joined.aac").write_bytes(joined)
    made(tmp_path, "joined.aac", 0, 8_000, tmp_path / "clip.wav")
    whole, sound = heard(tmp_path / "joined.aac"), heard(tmp_path / "clip.wav")
    assert abs(offset_ms(sound[80_000:120_000], whole[80_000:120_000])) < 0.5


def test_a_clip_of_a_wav_that_was_joined(tmp_path: Path) -> None:
    path = tmp_path / "joined.wav"
    parts = [NOISE[: N_MS * 24], NOISE[N_MS * 24 :]]
    path.write_bytes(b"".join(write_sound(tmp_path / "part.wav", [(0, p)], rate_hz=48_000).read_bytes() for p in parts))
    made(tmp_path, "joined.wav", 5_000, 9_000, tmp_path / "clip.wav")
    assert abs(offset_ms(heard(tmp_path / "clip.wav"), expected(5_000, 9_000))) < 1


@pytest.mark.parametrize(("name", "suffix"), [("seldom.mp4", ".webm"), ("often.webm", ".webm"), ("often.mkv", ".mkv")])
def test_film_and_sound_stay_together(media: Path, tmp_path: Path, name: str, suffix: str) -> None:
    out = tmp_path / f"clip{suffix}"
    _, played, _ = made(media, name, 2_000, 5_000, out)
    with av.open(str(out)) as container:
        frames = [(frame.time, int(frame.to_ndarray(format="rgb24").mean())) for frame in container.decode(video=0)]
    assert len(frames) >= 70
    for time, shade in frames[5:60:9]:
        assert abs((shade - 20) * 40 - (played.start_ms + time * 1000)) <= 160
    assert abs(offset_ms(heard(out), expected(played.start_ms, 5_000))) <= 50


def test_nothing_hidden_is_in_a_clip_nor_in_its_padding(tmp_path: Path) -> None:
    sound = np.concatenate(
        [tone(4_000, rate_hz=48_000), tone(2_000, rate_hz=48_000, hz=3_000), tone(4_000, rate_hz=48_000)]
    )
    write_sound(tmp_path / "a.m4a", [(0, sound)], codec="aac", rate_hz=48_000)
    found = recording(tmp_path / "a.m4a")
    hidden = (Stretch(kind="masked", start_ms=4_000, end_ms=6_000, reason="an address"),)
    address = Address(meeting="m", start_ms=2_500, end_ms=3_900)
    wanted = clip.plan(address, found, hidden, pad_ms=3_000)
    assert (wanted.start_ms, wanted.end_ms, wanted.notes) == (0, 4_000, ("padding was cut back at what is hidden",))
    out = tmp_path / "clip.m4a"
    done, _, _ = clip.cut(wanted, found, {"a.m4a": tmp_path / "a.m4a"}, hidden, out, ".m4a")
    assert (done.how, done.why) == ("encoded", "something hidden lies beside it")
    spectrum = np.abs(np.fft.rfft(heard(out)[-16_000:].astype(float)))
    assert spectrum[2_900:3_100].max() < spectrum.max() / 100
    for start_ms, end_ms in ((3_000, 4_001), (4_500, 5_000), (5_999, 7_000)):
        with pytest.raises(Problem, match="personal details hidden"):
            clip.plan(Address(meeting="m", start_ms=start_ms, end_ms=end_ms), found, hidden)


def test_a_clip_goes_no_further_than_the_recording(media: Path) -> None:
    found = recording(media / "a.wav")
    over = clip.plan(Address(meeting="m", start_ms=11_000, end_ms=20_000), found, (), pad_ms=500)
    assert (over.start_ms, over.end_ms) == (10_500, 12_000)
    assert over.notes == ("the recording ends at 0:00:12, and so does the clip",)
    with pytest.raises(Problem, match="ends before that"):
        clip.plan(Address(meeting="m", start_ms=12_000, end_ms=13_000), found, ())
    with pytest.raises(Problem, match="captions only"):
        clip.plan(Address(meeting="m", start_ms=0, end_ms=5), Recording(meeting="m", duration_ms=9, sha256="c"), ())


def test_a_meeting_in_parts_gives_one_clip(media: Path, tmp_path: Path) -> None:
    found = recording(media / "a.wav", media / "a.opus", at_ms=(0, 13_000))
    out = tmp_path / "clip.wav"
    paths = {name: media / name for name in ("a.wav", "a.opus")}
    done, _, parts = clip.cut(Range(start_ms=10_000, end_ms=15_000), found, paths, (), out, ".wav")
    assert (done.how, done.why) == ("encoded", "the stretch lies in several files")
    assert [(p.file, p.from_ms, p.to_ms) for p in parts] == [("a.wav", 10_000, 12_000), ("a.opus", 0, 2_000)]
    whole = np.concatenate([expected(10_000, 12_000), np.zeros(16_000, np.int16), expected(0, 2_000)])
    assert abs(len(heard(out)) - len(whole)) < 800
    assert abs(offset_ms(heard(out), whole)) < 15


# -- the command line


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("finished") / "data"
    place = data / "raw" / "panel"
    place.mkdir(parents=True)
    write_sound(place / "panel.m4a", [(0, speech_like(40_000))], codec="aac")
    exclude = 'captions = "panel.vtt"\nexclude = [["0:00:31", "0:00:33", "exempt business"]]\n'
    (place / "meeting.toml").write_text(exclude + TOML, "utf-8")
    (place / "panel.vtt").write_text(captions(), "utf-8")
    run = ["run", "--jobs", "0", "--asr", "captions", "--diariser", "captions", "--data", str(data)]
    done = CliRunner().invoke(app, run)
    assert done.exit_code == 0, done.output
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "data", copy_function=shutil.copy2))


def cut(data: Path, *args: str) -> str:
    done = CliRunner().invoke(app, ["clip", *args, "--data", str(data)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_words_and_provenance_lie_beside_a_clip(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.m4a"
    told = json.loads(cut(data, "panel/10000-19500", "-o", str(out), "--pad", "0.5", "--json"))
    beside = json.loads(out.with_suffix(".json").read_text("utf-8"))
    assert beside.pop("schema") == "clip/1"
    assert beside.pop("generator")
    assert beside == told
    assert (told["asked"], told["how"], told["codecs"]) == ([10_000, 19_500], "copied", ["aac"])
    assert [abs(a - b) <= 100 for a, b in zip(told["delivered"], [9_500, 20_000], strict=True)] == [True, True]
    assert told["clip_sha256"] == hash_file(out)
    assert told["parts"][0]["sha256"] == hash_file(data / "raw" / "panel" / "panel.m4a")
    cues = webvtt.from_string(out.with_suffix(".vtt").read_text("utf-8"))
    assert " ".join(c.text for c in cues).startswith("No, Chair. There was no consultation")
    assert cues[0].voice == "Superintendent Alison Tranter"
    assert cues[0].start_in_seconds < 1.5
    assert told["notes"] == []
    notes = json.loads(cut(data, "panel/10000-19500~00000000", "-o", str(tmp_path / "b.m4a"), "--json"))["notes"]
    assert notes == ["this place no longer says what was cited: the wording changed, or who is named for it"]
    (data / "processed" / "panel" / "quotes.parquet").write_bytes(b"PAR1")
    made = cut(data, "panel/10000-19500~00000000", "-o", str(tmp_path / "c.m4a"), "--json")
    (note,) = json.loads(made)["notes"]
    assert note.startswith("nobody knows whether this place still says what was cited: not a readable table of quotes")


def test_what_is_there_already_or_hidden_or_changed_is_refused(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "clip.m4a"
    cut(data, "panel/10000-19500", "-o", str(out))
    with pytest.raises(Problem, match="such a file already"):
        cut(data, "panel/10000-19500", "-o", str(out))
    cut(data, "panel/10000-19500", "-o", str(out), "--force")
    for address, name, what in (
        ("panel/31000-32000", "b.m4a", "not part of the public record"),
        ("panel/10000-19500", "b.txt", "clips are written as"),
        ("panel/10000-19500", "gone/b.m4a", "no such folder"),
        ("panel/90000-99500", "b.m4a", "ends before that"),
        ("gone/1-2", "b.m4a", "no meeting"),
        ("panel/2-1", "b.m4a", "ends before it starts"),
    ):
        with pytest.raises(Problem, match=what):
            cut(data, address, "-o", str(tmp_path / name))
    media = data / "raw" / "panel" / "panel.m4a"
    media.rename(media.with_name("renamed.m4a"))
    cut(data, "panel/10000-19500", "-o", str(tmp_path / "found.m4a"))
    (media.with_name("renamed.m4a")).unlink()
    with pytest.raises(Problem, match="not there any more"):
        cut(data, "panel/10000-19500", "-o", str(tmp_path / "b.m4a"))
    write_sound(media, [(0, speech_like(40_000, seed=9))], codec="aac")
    with pytest.raises(Problem, match="changed since it was listened to"):
        cut(data, "panel/10000-19500", "-o", str(tmp_path / "b.m4a"))
    assert not list(tmp_path.glob("*b.m4a*"))


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("begins", [b"WEBVTT", b"{"])
def test_where_the_disk_is_full_nothing_is_left_and_what_was_there_stays(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begins: bytes, there: bool
) -> None:
    out, context, write_bytes = tmp_path / "clip.m4a", asked.context_of(Layout(root=data), "panel"), Path.write_bytes
    place = Address(meeting="panel", start_ms=10_000, end_ms=19_500)
    if there:
        clips.write(context, place, out)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}

    def full(self: Path, content: bytes) -> int:
        if content.startswith(begins):
            raise OSError(28, "No space left on device", str(self))
        return write_bytes(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Problem, match="this cannot be written: No space left"):
        clips.write(context, replace(place, end_ms=15_000), out, force=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before


def test_of_what_is_hidden_while_it_is_cut_no_clip_is_left(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, context, cut = tmp_path / "clip.m4a", asked.context_of(Layout(root=data), "panel"), clip.cut
    place = Address(meeting="panel", start_ms=10_000, end_ms=19_500)

    def meanwhile(*args: Any) -> Any:
        hidden = amend.hide(context, replace(place, end_ms=12_000), "mask", by="Mira", reason="a number")
        apply.apply(context, hidden, Heard())
        return cut(*args)

    monkeypatch.setattr(clip, "cut", meanwhile)
    with pytest.raises(Problem, match="part of panel was hidden"):
        clips.give(context, place, out)
    assert not list(tmp_path.glob("clip*"))
    assert outputs.purge(context.layout, "panel", [(0, 40_000)]) == ()
