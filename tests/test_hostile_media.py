"""Files that lie, break, never end or want to be something else: one clear error or a right reading, soon and small."""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import batch
from pipeline.meeting_toml import read_meeting
from tests.house import ROOT, Heard, environment, job, onrecord
from tests.make_media import Track, speech_like, tone, write_sound, write_tracks
from transcribe import playable
from transcribe.audio import Source, decode, probe
from transcribe.engines import Choice
from transcribe.problem import Problem

WITHIN_S = 20.0
WITHIN_BYTES = 700_000_000

# Reads each file named on standard input and says what came of it, with the time and memory that it took.
READER = """\
import json, re, sys, time
from pathlib import Path
from transcribe.audio import Source, decode, probe
from transcribe.problem import Problem
for line in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    path, began = Path(json.loads(line)), time.process_time()
    try:
        media = probe(path, sha256="0")
        source = Source(path, 0, media.audio_track, media.channel)
        audio = decode([source], Path(sys.argv[1]), duration_ms=media.duration_ms)
        told = {"duration_ms": media.duration_ms, "heard_ms": audio.duration_ms, "lost": len(audio.lost)}
    except Problem as e:
        told = {"problem": e.what, "where": e.where, "fix": e.fix}
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    print(json.dumps(told | {"took_s": time.process_time() - began, "peak_bytes": 1024 * int(peak[1])}), flush=True)
"""


# -- how they are made ----------------------------------------------------------------------------


def sound(folder: Path, name: str, codec: str = "pcm_s16le", *, n_ms: int = 2_000, **more: Any) -> Path:
    rate_hz = 16_000 if codec in ("pcm_s16le", "flac") else 48_000
    pieces = more.pop("pieces", [(0, speech_like(n_ms, rate_hz=rate_hz))])
    return write_sound(folder / name, pieces, codec=codec, rate_hz=rate_hz, **more)


def patched(path: Path, *changes: tuple[bytes, int, bytes]) -> Path:
    """Each change: after the first place of these bytes and so many more, put those."""
    data = bytearray(path.read_bytes())
    for mark, skip, new in changes:
        at = data.index(mark) + len(mark) + skip
        data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


def matroska_that_lasts(ms: float) -> Callable[[Path], Path]:
    return lambda folder: patched(sound(folder, "a.mkv", "flac"), (b"\x44\x89\x88", 0, struct.pack(">d", ms)))


def mp4_that_lasts(n: int) -> Callable[[Path], Path]:
    """Its index and its tracks all say so; the first to be believed is that of samples."""
    length = struct.pack(">I", n)

    def make(folder: Path) -> Path:
        path = sound(folder, "a.mp4", "aac", n_ms=2_048)
        return patched(path, (b"mvhd", 16, length), (b"tkhd", 20, length), (b"mdhd", 16, length))

    return make


def track_that_lasts(n: int) -> Callable[[Path], Path]:
    """An MP4 whose track says that it ends after so many samples, though its index goes on."""
    return lambda folder: patched(sound(folder, "a.mp4", "aac", n_ms=4_096), (b"mdhd", 16, struct.pack(">I", n)))


def sample_lengths_lie(folder: Path) -> Path:
    return patched(sound(folder, "a.mp4", "aac"), (b"stts", 12, b"\x7f\xff\xff\xff"))


def wav(**header: int) -> Callable[[Path], Path]:
    """A WAV of a second whose header says what is given here."""

    def make(folder: Path) -> Path:
        says = {"riff": 32_036, "channels": 1, "rate_hz": 16_000, "align": 2, "data": 32_000} | header
        head = struct.pack("<4sI4s4sI", b"RIFF", says["riff"], b"WAVE", b"fmt ", 16)
        head += struct.pack(
            "<HHIIHH", 1, says["channels"], says["rate_hz"], 2 * says["rate_hz"] % 2**32, says["align"], 16
        )
        path = folder / "a.wav"
        path.write_bytes(head + struct.pack("<4sI", b"data", says["data"]) + pcm(1_000))
        return path

    return make


def pcm(n_ms: int) -> bytes:
    return (tone(n_ms) * 32767).astype("<i2").tobytes()


def flac_of(n_samples: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = sound(folder, "a.flac", "flac")
        data = bytearray(path.read_bytes())
        data[21] = data[21] & 0xF0 | n_samples >> 32
        data[22:26] = struct.pack(">I", n_samples & 0xFFFFFFFF)
        path.write_bytes(data)
        return path

    return make


def many_tracks(n: int) -> Callable[[Path], Path]:
    """A Matroska file written by hand: `n` tracks of sound, and a second of it on the first."""

    def element(id: str, content: bytes) -> bytes:
        return bytes.fromhex(id) + (0x10000000 | len(content)).to_bytes(4) + content

    def entry(i: int) -> bytes:
        audio = element("e1", element("b5", struct.pack(">f", 16_000)) + element("6264", b"\x10"))
        number = element("d7", i.to_bytes(2)) + element("73c5", i.to_bytes(2)) + element("83", b"\x02")
        return element("ae", number + element("86", b"A_PCM/INT/LIT") + audio)

    def make(folder: Path) -> Path:
        head = element("1a45dfa3", element("4282", b"matroska") + element("4287", b"\x04") + element("4285", b"\x02"))
        tracks = element("1654ae6b", b"".join(map(entry, range(1, n + 1))))
        blocks = (element("a3", b"\x81" + (i * 100).to_bytes(2) + b"\x80" + pcm(100)) for i in range(10))
        cluster = element("1f43b675", element("e7", b"\x00") + b"".join(blocks))
        path = folder / "a.mkv"
        path.write_bytes(head + element("18538067", element("1549a966", b"") + tracks + cluster))
        return path

    return make


def channels(n: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with wave.open(str(folder / "a.wav"), "wb") as f:
            f.setnchannels(n)
            f.setsampwidth(2)
            f.setframerate(16_000)
            f.writeframes(np.repeat((tone(2_000) * 32767).astype("<i2"), n).tobytes())
        return folder / "a.wav"

    return make


def changing_halfway(folder: Path) -> Path:
    """Mono at 48 kHz, then stereo at 44.1, then 5.1: broadcasts do so between programmes."""
    path, data = folder / "a.aac", b""
    for layout, rate_hz in (("mono", 48_000), ("stereo", 44_100), ("5.1", 48_000)):
        part = [(0, tone(1_000, rate_hz=rate_hz))]
        data += write_sound(path, part, codec="aac", rate_hz=rate_hz, layout=layout, container="adts").read_bytes()
    path.write_bytes(data)
    return path


def one_stamp_leaps(folder: Path) -> Path:
    """Broadcast sound in which one bit of one timestamp is wrong: it says that a day has passed."""
    path = sound(folder, "a.ts", "aac", n_ms=1_400)
    data = bytearray(path.read_bytes())
    starts = [i for i in range(len(data) - 4) if data[i : i + 4] == b"\0\0\1\xc0"]
    assert len(starts) > 4
    data[starts[2] + 9] |= 0x08  # the highest of 33
    path.write_bytes(data)
    return path


def track_that_begins_halfway(folder: Path) -> Path:
    """A broadcast in whose second half there is another language."""
    first = sound(folder, "a.ts", "aac", n_ms=1_000).read_bytes()
    track = Track(pieces=((0, tone(1_000, rate_hz=48_000)),))
    second = write_tracks(folder / "a.ts", [track, track], codec="aac", rate_hz=48_000)
    second.write_bytes(first + second.read_bytes())
    return second


def sparse(name: str, n_bytes: int, head: bytes = b"") -> Callable[[Path], Path]:
    """A file of nothing, which takes no room on a disk."""

    def make(folder: Path) -> Path:
        with (folder / name).open("wb") as f:
            f.write(head)
            f.truncate(n_bytes)
        return folder / name

    return make


def picture(folder: Path) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(192) for _ in range(64)))
    path = folder / "a.mp4"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    return path


def written(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        sound(folder, "secret.wav")
        (folder / name).write_text(text.replace("FOLDER", str(folder)), "utf-8")
        return folder / name

    return make


def linked(to: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "a.wav").symlink_to(to)
        return folder / "a.wav"

    return make


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.wav")
    return folder / "a.wav"


def listening(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(folder)  # the whole path may be longer than an address can be
        server.bind("a.wav")
        os.chdir(here)
    return folder / "a.wav"


def index_of_a_billion(folder: Path) -> Path:
    """An MP4 whose index says that there are 2^30 samples of one size."""
    return patched(sound(folder, "a.mp4", "aac"), (b"stsz", 4, struct.pack(">II", 1, 1 << 30)))


Make = Callable[[Path], Path]
A_PROBLEM: dict[str, tuple[Make, str]] = {
    "a billion seconds of Matroska": (matroska_that_lasts(1e12), "100 hours"),
    "a billion seconds of FLAC": (flac_of(2**36 - 1), "100 hours"),
    "a clock that jumps two weeks on, and a length that says so": (
        lambda f: sound(f, "a.mkv", "flac", pieces=[(0, tone(1_000)), (10**9, tone(1_000))]),
        "100 hours",
    ),
    "one sample a second": (wav(rate_hz=1), "no sound that people can hear"),
    "four thousand million samples a second": (wav(rate_hz=2**32 - 1), ""),
    "65535 channels": (wav(channels=65_535, align=65_535), ""),
    "no channels": (wav(channels=0, align=0), ""),
    "65 channels": (channels(65), "65 channels"),
    "DRM": (lambda f: patched(sound(f, "a.m4a", "aac"), (b"stsd", 12, b"drms")), "encrypted"),
    "common encryption": (lambda f: patched(sound(f, "a.m4a", "aac"), (b"stsd", 12, b"enca")), "encrypted"),
    "an unknown codec in an MP4": (
        lambda f: patched(sound(f, "a.m4a", "aac"), (b"stsd", 12, b"zzzz"), (b"esds", -4, b"free")),
        "cannot be decoded",
    ),
    "an unknown codec in a Matroska file": (
        lambda f: patched(sound(f, "a.mkv", "flac"), (b"A_", 0, b"XXXX")),
        "cannot be decoded",
    ),
    "a picture": (picture, "not a recording"),
    "text": (written("a.mp4", "Minutes of the Wrenbridge panel.\n" * 100), "text"),
    "a playlist": (written("a.mp3", "#EXTM3U\n#EXTINF:2,\nsecret.wav\n"), "text"),
    "a playlist of segments": (
        written("a.ts", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:FOLDER/secret.wav\n#EXT-X-ENDLIST\n"),
        "text",
    ),
    "a list of files": (written("a.mkv", "ffconcat version 1.0\nfile 'secret.wav'\n"), "text"),
    "a session description": (
        written("a.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9999 RTP/AVP 0\n"),
        "text",
    ),
    "a manifest": (
        written("a.mp4", '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>'),
        "text",
    ),
    "a quarter of a gigabyte of nothing, MP3": (sparse("a.mp3", 1 << 28), "no sound"),
    "four gigabytes of nothing, MP4": (sparse("a.mp4", 1 << 32), ""),
    "four gigabytes of nothing after a head": (sparse("a.mp4", 1 << 32, b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"), ""),
    "a device": (linked("/dev/zero"), "a device or a pipe"),
    "what root keeps": (linked("/proc/self/environ"), "empty"),
    "a link to itself": (linked("a.wav"), ""),
    "a link to nothing": (linked("nowhere.wav"), "no such file"),
    "a link to a folder": (linked("."), "a folder"),
    "a pipe": (pipe, "a device or a pipe"),
    "a socket": (listening, "a device or a pipe"),
}
A_READING: dict[str, tuple[Make, int]] = {
    "Matroska that lasts less than nothing": (matroska_that_lasts(-5e6), 2_000),
    "Matroska that lasts no time": (matroska_that_lasts(0), 2_000),
    "Matroska that lasts a quarter of its length": (matroska_that_lasts(500), 2_000),
    "Matroska whose length is no number": (matroska_that_lasts(float("nan")), 2_000),
    "MP4 whose head says no time": (mp4_that_lasts(0), 2_048),
    "FLAC that does not know its length": (flac_of(0), 2_000),
    "FLAC that says a quarter of its length": (flac_of(8_000), 2_000),
    "a WAV that was never finished": (wav(riff=0xFFFFFFFF, data=0xFFFFFFFF), 1_000),
    "a WAV that says nothing": (wav(riff=0, data=0), 1_000),
    "a WAV that says a hundredth of a second": (
        lambda f: patched(sound(f, "a.wav"), (b"data", 0, struct.pack("<I", 320))),
        2_000,
    ),
    "a WAV that was never finished, half of the most": (wav(riff=0x80000024, data=0x80000000), 1_000),
    "an MP4 that says a quarter of its length": (track_that_lasts(48_000), 4_096),
    "an MP4 that says one sample": (track_that_lasts(1), 4_096),
    "9 channels, which nobody mixes": (channels(9), 2_000),
    "64 channels": (channels(64), 2_000),
    "a file that changes in kind halfway": (changing_halfway, 3_000),
    "a clock that leaps once": (one_stamp_leaps, 1_400),
    "a track that begins halfway": (track_that_begins_halfway, 2_000),
    "a clock that jumps two weeks on": (
        lambda f: sound(f, "a.mkv", "flac", pieces=[(0, tone(1_000)), (10**9, tone(1_000))], options={"live": "1"}),
        2_000,
    ),
    "a clock that begins after two weeks": (
        lambda f: sound(f, "a.mkv", "flac", pieces=[(10**9, tone(2_000))], options={"live": "1"}),
        2_000,
    ),
    "a title with a word that means encrypted elsewhere": (
        lambda f: patched(sound(f, "a.m4a", "aac"), (b"Lavf", 0, b"enca")),
        2_000,
    ),
    "a thousand tracks": (many_tracks(1_000), 1_000),
    "a link out of the folder": (linked("../other/a.wav"), 2_000),
}


ODD: dict[str, tuple[Make, str]] = {  # either will do
    "10,000 tracks": (many_tracks(10_000), ""),
    "MP4 whose head says that it lasts for ever": (mp4_that_lasts(2**32 - 1), ""),
    "MP4 whose samples last for ever": (sample_lengths_lie, ""),
    "an index of a billion samples": (index_of_a_billion, ""),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own makes of them all, one after the other."""
    data = tmp_path_factory.mktemp("hostile")
    (data / "other").mkdir()
    sound(data / "other", "a.wav")
    paths = {}
    for n, (name, (make, _)) in enumerate((A_PROBLEM | A_READING | ODD).items()):
        (data / str(n)).mkdir()
        paths[name] = make(data / str(n))
    done = subprocess.run(
        [sys.executable, "-c", READER, str(data / "out.s16")],
        input="".join(json.dumps(str(p)) + "\n" for p in paths.values()),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=5 * WITHIN_S * len(paths),
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(paths), f"{list(paths)[len(found)]}: {done.returncode} {done.stderr}"
    assert [p.name for p in data.iterdir() if p.name.startswith("out")] in (
        ["out.s16", "out.s16.lost.json"],
        ["out.s16.lost.json", "out.s16"],
    )
    return {name: told | {"path": str(paths[name])} for name, told in zip(paths, found, strict=True)}


@pytest.mark.parametrize("name", A_PROBLEM)
def test_one_clear_error(told: dict[str, Any], name: str) -> None:
    outcome = told[name]
    assert A_PROBLEM[name][1] in outcome["problem"]
    assert outcome["where"] == outcome["path"]
    assert outcome["fix"]


@pytest.mark.parametrize("name", A_READING)
def test_a_right_reading(told: dict[str, Any], name: str) -> None:
    outcome = told[name]
    assert "problem" not in outcome, outcome
    assert outcome["duration_ms"] == pytest.approx(A_READING[name][1], abs=110)
    assert outcome["heard_ms"] == pytest.approx(A_READING[name][1], abs=110)


@pytest.mark.parametrize("name", [*A_PROBLEM, *A_READING, *ODD])
def test_soon_and_small(told: dict[str, Any], name: str) -> None:
    assert told[name]["took_s"] < WITHIN_S
    assert told[name]["peak_bytes"] < WITHIN_BYTES


def test_one_run_over_them_all_finishes(tmp_path: Path) -> None:
    names = ["DRM", "text", "a device", "a pipe", "a link to itself", "a socket", "a picture", "a thousand tracks"]
    for n, name in enumerate([*names, "a link out of the folder"]):
        make = (A_PROBLEM | A_READING)[name][0]
        (tmp_path / "raw" / str(n)).mkdir(parents=True)
        made = make(tmp_path / "raw" / str(n))
        (made.parent / "meeting.toml").write_text(f"media = {json.dumps(made.name)}\n")
    sound(tmp_path / "raw" / "0", "other.wav")
    (tmp_path / "raw" / "other").mkdir()
    sound(tmp_path / "raw" / "other", "a.wav")
    done = onrecord("run", "--through", "playable", "--json", data=tmp_path)
    outcomes = {o["folder"]: o for o in json.loads(done.stdout)}
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert [outcomes[str(n)]["status"] for n in range(9)] == ["failed"] * 7 + ["done"] * 2
    assert outcomes["other"]["status"] == "done"
    assert all(o["fix"] and "bug" not in o["what"] for o in outcomes.values() if o["status"] == "failed")


# -- names ----------------------------------------------------------------------------------------

NAMES = ["-i.wav", "--help.wav", "%d.wav", "%03d.wav", "a:b.wav", "a\nb.wav", "pipe:0.wav", "concat:x|y.wav", "~.wav"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path, "a.wav").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, Path(name)):
        media = probe(path, sha256="0")
        assert (media.file, media.duration_ms) == (name, 2_000)
        assert decode([Source(path)], tmp_path / "out.s16").duration_ms == 2_000


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "a/../../secret.wav", "a\\u0000.wav"])
@pytest.mark.parametrize("toml", ['media = "{}"\n', '[[media]]\nfile = "{}"\n'])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str, toml: str) -> None:
    sound(tmp_path, "secret.wav")
    folder = tmp_path / "panel"
    (folder / "a").mkdir(parents=True)
    (folder / "meeting.toml").write_text(toml.format(name))
    with pytest.raises(Problem) as caught:
        read_meeting(folder, "panel")
    assert "outside its folder" in caught.value.what


# -- damage ---------------------------------------------------------------------------------------

SMALL = [
    ("a.mp4", "aac", {}),
    ("fast.mp4", "aac", {"movflags": "+faststart"}),
    ("a.ogg", "libopus", {}),
    ("a.wav", "pcm_s16le", {}),
    ("a.mkv", "aac", {}),
    ("a.mp3", "libmp3lame", {}),
    ("a.flac", "flac", {}),
    ("a.ts", "aac", {}),
    ("a.avi", "pcm_s16le", {}),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: sound(folder, name, codec, n_ms=700, options=o).read_bytes() for name, codec, o in SMALL}


@pytest.mark.parametrize("name", [name for name, _, _ in SMALL])
@settings(max_examples=60)
@given(data=st.data())
def test_damage_anywhere_is_a_problem_or_a_reading(whole: dict[str, bytes], name: str, data: st.DataObject) -> None:
    made = bytearray(whole[name])
    for at, new in data.draw(
        st.lists(st.tuples(st.integers(0, len(made) - 1), st.binary(min_size=1, max_size=8)), max_size=6)
    ):
        made[at : at + len(new)] = new
    cut = data.draw(st.integers(0, len(made)) | st.just(len(made)))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        path.write_bytes(made[:cut])
        problem = None
        try:
            media = probe(path, sha256="0")
            source = Source(path, 0, media.audio_track, media.channel)
            audio = decode([source], Path(scratch) / "out.s16", duration_ms=media.duration_ms)
            assert 0 <= audio.duration_ms <= media.duration_ms <= 100 * 3_600_000
        except Problem as e:
            problem = e
        if problem:
            assert problem.where == str(path)
            assert not list(Path(scratch).glob("out*"))


# -- changed meanwhile ----------------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_decoded(tmp_path: Path) -> None:
    path = sound(tmp_path, "a.wav", n_ms=60_000)

    def grow(done_ms: int, total_ms: int) -> None:
        with path.open("ab") as f:
            f.write(bytes(3_200))

    with pytest.raises(Problem) as caught:
        decode([Source(path)], tmp_path / "out.s16", duration_ms=60_000, progress=grow)
    assert "changed while it was being read" in caught.value.what
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_a_file_that_is_replaced_between_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw" / "panel").mkdir(parents=True)
    path = sound(tmp_path / "raw" / "panel", "a.wav")

    def replace(media: object) -> str:
        sound(tmp_path / "raw" / "panel", "b.wav", n_ms=2_000, pieces=[(0, tone(2_000))]).replace(path)
        return "it must be copied"

    monkeypatch.setattr(playable, "needs_copy", replace)
    made = job(
        tmp_path, "panel", "panel", Choice(name="captions", fingerprint=""), Choice(name="captions", fingerprint="")
    )
    (outcome,) = batch.run([made], Heard(), n_workers=0)
    assert (outcome.status, outcome.stage) == ("failed", "playable")
    assert "changed since the run began" in outcome.what
    assert not (tmp_path / "processed" / "panel" / "playable.m4a").exists()
    monkeypatch.undo()
    (outcome,) = batch.run([msgspec.structs.replace(made, through="playable")], Heard(), n_workers=0)
    assert outcome.status == "done"
