"""Meetings in several files and files with several tracks, from meeting.toml to the quote that plays."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline import batch, receipts, work
from search.quotes import Quote, read_parquet
from tests.house import Heard, job, onrecord
from tests.make_media import Floats, Track, quiet, speech_like, tone, write_sound, write_tracks
from transcribe import engines, playable
from transcribe.audio import Audio, Source, decode, probe
from transcribe.channels import judge, together
from transcribe.documents import load
from transcribe.engines import Block, Choice
from transcribe.media import Progress
from transcribe.problem import Problem
from transcribe.records import Media, Recording, Turn, Turns, Word

RATE_HZ = 48_000
FIRST, SECOND = "https://wrenbridge.example/1", "https://wrenbridge.example/2"


class Listener:
    """Hears each tone as a word, "hz300." and so on, from a voice of its own."""

    fingerprint = "a listener to tones"

    def words(self, audio: Audio, **how: object) -> Iterator[Block]:
        words = [Word(text=f"hz{hz}.", start_ms=a, end_ms=b) for a, b, hz in tones(audio.samples)]
        yield Block(start_ms=0, end_ms=audio.duration_ms, language="en", words=tuple(words))

    def turns(self, audio: Audio, *, speakers: tuple[int, int] | None, progress: Progress) -> tuple[Turn, ...]:
        return tuple(Turn(speaker=f"S{hz}", start_ms=a, end_ms=b, exclusive=True) for a, b, hz in tones(audio.samples))


def tones(samples: NDArray[np.int16]) -> list[tuple[int, int, int]]:
    """Start and end in ms, and pitch to the nearest 100 Hz, of each stretch that sounds."""
    edge = np.flatnonzero(np.abs(samples.astype(int)) > 2_000)
    runs = np.split(edge, np.flatnonzero(np.diff(edge) > 1_600) + 1)
    found = []
    for run in runs:
        part = samples[run[0] : run[-1] + 1].astype(float)
        hz = np.argmax(np.abs(np.fft.rfft(part))) * 16_000 / len(part)
        found.append((int(run[0]) // 16, int(run[-1]) // 16 + 1, round(hz / 100) * 100))
    return found


def at(*sounds: tuple[int, int], n_ms: int) -> Floats:
    """Tones of half a second, each at so many ms and of such a pitch."""
    made = quiet(n_ms, rate_hz=RATE_HZ)
    for start_ms, hz in sounds:
        made[start_ms * 48 : (start_ms + 500) * 48] = tone(500, rate_hz=RATE_HZ, hz=hz)
    return made


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Run":
    monkeypatch.setattr(engines, "recogniser", lambda choice, n_threads=0: Listener())
    monkeypatch.setattr(engines, "diariser", lambda choice, n_threads=0: Listener())
    (tmp_path / "raw" / "panel").mkdir(parents=True)
    return Run(tmp_path)


class Run:
    """A meeting in a data folder, run in this process."""

    def __init__(self, data: Path) -> None:
        self.data, self.raw, self.made = data, data / "raw" / "panel", data / "processed" / "panel"
        self.heard = Heard()

    def __call__(self, toml: str) -> work.Outcome:
        (self.raw / "meeting.toml").write_text(toml, "utf-8")
        self.heard = Heard()
        made = job(
            self.data,
            "panel",
            "panel",
            Choice(name="whisper:base", fingerprint="tones", by_hand=True),
            Choice(name="pyannote:starter", fingerprint="voices", by_hand=True),
        )
        (outcome,) = batch.run([made], self.heard, n_workers=0)
        return outcome

    @property
    def recording(self) -> Recording:
        return load((self.made / "recording.json").read_bytes(), Recording, "recording/1")

    @property
    def quotes(self) -> dict[str, Quote]:
        return {w: q for q in read_parquet(self.made / "quotes.parquet") for w in q.text.split()}

    def played(self) -> list[tuple[int, int, int]]:
        return tones(decode([Source(self.made / "playable.m4a")], self.data / "played.s16").samples)


def three_parts(raw: Path) -> None:
    """A WAV; a film whose sound comes two seconds late; an Opus file. A word stands close to either side of a seam."""
    write_sound(raw / "a.wav", [(0, at((1_000, 300), (9_400, 400), n_ms=10_000))], rate_hz=RATE_HZ)
    film = at((100, 500), (5_000, 600), n_ms=8_000)
    write_sound(raw / "b.mkv", [(2_000, film)], codec="aac", rate_hz=RATE_HZ, picture=True)
    write_sound(raw / "c.opus", [(0, at((200, 700), (3_000, 800), n_ms=5_000))], codec="libopus", rate_hz=RATE_HZ)


PARTS = f"""
[[media]]
file = "a.wav"
source_url = "{FIRST}"
source_offset_s = 60.5
[[media]]
file = "b.mkv"
source_url = "{SECOND}"
[[media]]
file = "c.opus"
source_url = "{SECOND}"
source_offset_s = 3600
"""


def test_a_quote_plays_in_the_part_that_it_was_said_in(run: Run) -> None:
    three_parts(run.raw)
    assert run(PARTS).status == "done", run.heard.events[-1]
    a, b, c = run.recording.media
    assert (a.start_ms, b.start_ms, c.start_ms) == (0, 10_000, b.start_ms + b.duration_ms)
    assert b.duration_ms == pytest.approx(10_000, abs=50)
    expected = {  # on the meeting's timeline, and where the public hears it
        "hz300.": (1_000, FIRST, 61_500),
        "hz400.": (9_400, FIRST, 69_900),
        "hz500.": (12_100, SECOND, 2_100),
        "hz600.": (17_000, SECOND, 7_000),
        "hz700.": (c.start_ms + 200, SECOND, 3_600_200),
        "hz800.": (c.start_ms + 3_000, SECOND, 3_603_000),
    }
    played = {f"hz{hz}.": start_ms for start_ms, _, hz in run.played()}
    assert run.quotes.keys() == expected.keys() == played.keys()
    for word, (start_ms, url, there_ms) in expected.items():
        quote = run.quotes[word]
        assert quote.start_ms == pytest.approx(start_ms, abs=10)
        assert quote.source_url == url
        assert quote.source_start_ms == pytest.approx(there_ms, abs=10)
        assert played[word] == pytest.approx(start_ms, abs=25)


def test_parts_of_one_public_recording_count_on_from_each_other(run: Run) -> None:
    three_parts(run.raw)
    toml = f'source_url = "{FIRST}"\nsource_offset_s = 30\n[[media]]\nfile = "a.wav"\n[[media]]\nfile = "b.mkv"\n'
    assert run(toml).status == "done"
    for quote in run.quotes.values():
        assert quote.source_start_ms == quote.start_ms + 30_000


def test_a_sound_that_runs_over_a_seam_is_one_sound(run: Run) -> None:
    whole = at((9_700, 300), n_ms=10_200)
    write_sound(run.raw / "a.wav", [(0, whole[: 10_000 * 48])], rate_hz=RATE_HZ)
    write_sound(run.raw / "b.flac", [(0, whole[10_000 * 48 :])], codec="flac", rate_hz=RATE_HZ)
    assert run('[[media]]\nfile = "a.wav"\n[[media]]\nfile = "b.flac"\n').status == "done"
    ((start_ms, end_ms, hz),) = run.played()
    assert start_ms == pytest.approx(9_700, abs=10)
    assert end_ms == pytest.approx(10_200, abs=30)
    assert hz == 300


# -- tracks ---------------------------------------------------------------------------------------


def two_tracks(path: Path, *, marked: int = 0, codec: str = "aac") -> Path:
    """300 Hz on the first track and 1 kHz on the second; one of them may be marked as the one to play."""
    tracks = [
        Track(
            pieces=((0, at((500, hz), n_ms=2_000)),),
            default=None if not marked else marked == n,
            title=title,
        )
        for n, hz, title in ((1, 300, "Floor"), (2, 1_000, "Translation"))
    ]
    return write_tracks(path, tracks, codec=codec, rate_hz=RATE_HZ)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
def test_a_track_is_what_was_asked_for_or_what_players_take(tmp_path: Path, name: str) -> None:
    path = two_tracks(tmp_path / name)
    for asked, hz in ((None, 300), (1, 300), (2, 1_000)):
        media = probe(path, sha256="0", track=asked)
        samples = decode([Source(path, 0, media.audio_track)], tmp_path / "out.s16").samples
        assert [found[2] for found in tones(samples)] == [hz]
        assert bool(media.notes) == (asked is None)
    assert "2 sound tracks" in probe(path, sha256="0").notes[0]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_track_that_a_file_marks_comes_first(tmp_path: Path, name: str) -> None:
    media = probe(two_tracks(tmp_path / name, marked=2), sha256="0")
    assert media.audio_track == 2
    assert "number 2 is listened to" in media.notes[0]


@pytest.mark.parametrize(
    ("marked", "track", "plays"),
    [(0, 1, True), (1, 1, True), (0, 2, False), (2, 1, False), (2, 2, False)],
)
def test_browsers_get_a_copy_unless_they_surely_take_that_track(
    tmp_path: Path, marked: int, track: int, plays: bool
) -> None:
    media = probe(two_tracks(tmp_path / "a.mp4", marked=marked), sha256="0", track=track)
    reason = playable.needs_copy([media])
    assert reason == "" if plays else "tracks" in reason


@pytest.mark.parametrize(("track", "said"), [(3, "2 sound tracks"), (99, "2 sound tracks")])
def test_a_track_that_is_not_there(tmp_path: Path, track: int, said: str) -> None:
    with pytest.raises(Problem) as caught:
        probe(two_tracks(tmp_path / "a.mkv"), sha256="0", track=track)
    assert f"no sound track {track}" in caught.value.what
    assert said in caught.value.what
    assert "audio_track" in caught.value.fix


def test_everything_follows_the_track_in_meeting_toml(run: Run) -> None:
    two_tracks(run.raw / "meeting.mp4")
    assert run("").status == "done"
    first = run.recording
    assert run.quotes.keys() == {"hz300."}
    assert not (run.made / "playable.m4a").exists()
    assert "audio_track" not in json.dumps((receipt := receipts.read(run.made, "probe")) and receipt.params)

    assert run("audio_track = 2\n").status == "done"
    assert run.quotes.keys() == {"hz1000."}
    assert [hz for _, _, hz in run.played()] == [1_000]
    assert run.recording.sha256 != first.sha256

    table = '[[media]]\nfile = "meeting.mp4"\naudio_track = {}\n'
    assert run("audio_track = 1\n" + table.format(2)).status == "fresh"
    assert run(table.format(1)).status == "done"
    assert run.quotes.keys() == {"hz300."}
    assert run.recording.sha256 == first.sha256

    outcome = run(table.format(3))
    assert (outcome.status, outcome.stage) == ("failed", "probe")
    assert "no sound track 3" in outcome.what
    assert "expected" in run("audio_track = 0\n").what.lower()


# -- channels -------------------------------------------------------------------------------------


def stereo(path: Path, left: Floats, right: Floats) -> Path:
    return write_tracks(
        path, [Track(pieces=((0, np.stack([left, right])),))], codec="pcm_s16le", rate_hz=16_000, layout="stereo"
    )


A, B = speech_like(20_000, seed=1), speech_like(20_000, seed=2)
HISS = np.random.default_rng(3).normal(0, 0.001, len(A)).astype(np.float32)


@pytest.mark.parametrize(
    ("left", "right", "said", "channel"),
    [
        (A, A, "", None),
        (A + HISS, 0.3 * np.roll(A, 80), "", None),  # two microphones before one voice
        (A + HISS, B, "different sounds", None),
        (A + 0.15 * B, B + 0.15 * A, "different sounds", None),  # each hears some of the other
        (A, HISS, "", None),  # one that only hisses
        (np.concatenate([A, 0.1 * A, A]), np.concatenate([0.1 * A, A, A]), "", None),  # a voice in the middle
        (A, 0 * A, "right channel is silent", None),
        (0 * A, A, "left channel is silent", None),
        (0 * A, 0 * A, "may be silent", None),
        (A, -A, "cancel", 1),
        (-0.5 * A, A + HISS, "cancel", 2),
        (0.5 + 0.5 * A, 0.5 - 0.4 * A, "cancel", 1),
        (0.5 + 0 * A, A, "left channel is silent", None),
    ],
)
def test_what_channels_hold_is_noticed(
    tmp_path: Path, left: Floats, right: Floats, said: str, channel: int | None
) -> None:
    media = probe(stereo(tmp_path / "a.wav", left, right), sha256="0")
    assert media.channel == channel
    assert len(media.notes) == bool(said)
    assert said in "".join(media.notes)


def two_microphones(raw: Path) -> None:
    """One voice to the left, two to the right, all faintly in the other channel too; one talks into another."""
    left, right = at((1_000, 300), (5_000, 300), n_ms=8_000), at((1_200, 500), (3_000, 700), n_ms=8_000)
    both = left + 0.1 * right, right + 0.1 * left
    stereo(raw / "meeting.wav", both[0][::3].copy(), both[1][::3].copy())


def test_voices_are_looked_for_in_each_channel_that_has_its_own(run: Run) -> None:
    two_microphones(run.raw)
    assert run("").status == "done"
    assert run.recording.media[0].apart
    found = load((run.made / "turns.json").read_bytes(), Turns, "turns/1").turns
    assert [t.speaker for t in found] == ["S1", "S2", "S3", "S1"]
    for turn, ms in zip(found, (1_000, 1_200, 3_000, 5_000), strict=True):
        assert turn.start_ms == pytest.approx(ms, abs=350)  # in the middle of both tones either may be the louder


def test_people_know_better_what_channels_hold(run: Run) -> None:
    two_microphones(run.raw)
    run('channels = "mixed"')
    assert not run.recording.media[0].apart
    assert run.recording.media[0].notes == ()
    before = (run.made / "words.json").stat().st_mtime_ns
    run('[[media]]\nfile = "meeting.wav"\nchannels = "apart"')
    assert run.recording.media[0].apart
    assert (run.made / "words.json").stat().st_mtime_ns == before  # words are heard in the mix, either way
    write_sound(run.raw / "meeting.wav", [(0, at((500, 300), n_ms=2_000))], rate_hz=RATE_HZ)
    assert "two channels that are apart" in run('channels = "apart"').what


TURNS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("AB"), st.integers(0, 380), st.integers(0, 400)), max_size=8
)


@given(spans=TURNS, exclusive=st.booleans())
def test_voices_of_two_channels_stay_apart(spans: list[tuple[int, str, int, int]], exclusive: bool) -> None:
    """Whatever a diariser finds in each, no voice is in both channels and exclusive turns do not overlap."""
    turns: list[list[Turn]] = [[], []]
    for channel, voice, start, length in spans:
        free = max((t.end_ms for t in turns[channel]), default=0)
        turn = Turn(speaker=voice, start_ms=free + start * 10, end_ms=free + (start + length) * 10, exclusive=exclusive)
        turns[channel].append(turn)
    sound = [(x * 20_000).astype(np.int16) for x in (A + 0.1 * B, B + 0.1 * A)]
    found = together(turns, sound)
    n_before = sum(len({t.speaker for t in each}) for each in turns)
    assert len({t.speaker for t in found}) <= n_before
    ordered = sorted((t.start_ms, t.end_ms) for t in found if t.exclusive)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ordered))


def test_a_recording_that_cancels_itself_is_heard_and_played(run: Run) -> None:
    sound = at((500, 300), n_ms=2_000)[::3].copy()
    stereo(run.raw / "meeting.wav", sound, -sound)
    assert run("").status == "done"
    assert run.quotes.keys() == {"hz300."}
    assert [hz for _, _, hz in run.played()] == [300]
    notes = [e.message for e in run.heard.events if e.what == "note"]
    assert len(notes) == 1
    assert "cancel" in notes[0]
    assert run.recording.media[0].notes == (notes[0],)
    run("")
    assert not [e for e in run.heard.events if e.what == "note"]  # said once, when it is found


def test_the_command_line_says_what_was_noticed(tmp_path: Path) -> None:
    (tmp_path / "raw" / "panel").mkdir(parents=True)
    two_tracks(tmp_path / "raw" / "panel" / "meeting.mkv")
    done = onrecord("run", "--through", "probe", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("There are 2 sound tracks (1 'Floor', 2 'Translation'); number 1 is listened to.") == 1


def test_excerpts_are_enough_of_a_long_recording(tmp_path: Path) -> None:
    """Voices are heard apart although the beginning is silent."""
    pause, n = quiet(120_000), 3 * 20_000 * 16
    left, right = (np.concatenate([pause, np.tile(x, 3)])[: len(pause) + n] for x in (A, B))
    media = probe(stereo(tmp_path / "a.wav", left, right), sha256="0")
    assert "different sounds" in "".join(media.notes)


def test_nothing_is_said_of_what_cannot_be_known() -> None:
    assert judge([tone(1_000)[np.newaxis]]).notes == ()


@pytest.mark.shared
def test_two_real_speakers_on_two_channels(shared: Path) -> None:
    def noted(name: str) -> Media:
        return probe(shared / "audio" / name, sha256="0")

    assert "different sounds" in noted("multichannel/stereo_diarization.wav").notes[0]
    for one_sound in ("read/jfk.flac", "multichannel/hotwords.mp3"):
        assert noted(one_sound).notes == ()
