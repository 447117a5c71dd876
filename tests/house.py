"""A data folder for tests of the whole house, and the command line run over it in a process of its own."""

import os
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from analyse import codebook
from pipeline.cli import app
from pipeline.events import Event
from pipeline.work import Job
from tests.make_media import write_sound
from transcribe import engines
from transcribe.audio import Audio
from transcribe.engines import Block, Choice
from transcribe.records import Turn, Word

ROOT = Path(__file__).parent.parent
TOML = """\
title = "Public Safety Scrutiny Panel"
body = "Wrenbridge Council"
held_on = 2024-05-14
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
role = "Chair"
[[people]]
id = "alison-tranter"
name = "Superintendent Alison Tranter"
"""
SAID = [
    ("Jo Okafor", "Thank you. We come to live facial recognition. Superintendent Tranter, were residents consulted?"),
    ("Alison Tranter", "No, Chair. There was no consultation with residents before the deployment of the cameras."),
    ("Jo Okafor", "So nobody was told about live facial recognition, and that is what concerns me."),
    ("Alison Tranter", "We will publish the date of every deployment of facial recognition in advance."),
]


def captions(said: Sequence[tuple[str, str]] = SAID) -> str:
    """WebVTT in which each voice speaks for ten seconds."""
    cues = [
        f"00:{i // 6:02d}:{i % 6}0.000 --> 00:{i // 6:02d}:{i % 6}9.500\n<v {voice}>{text}</v>\n"
        for i, (voice, text) in enumerate(said)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def with_captions(data: Path, folder: str, *, toml: str = TOML, vtt: str = "") -> Path:
    """A meeting that has captions and no recording."""
    place = data / "raw" / folder
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text(toml, "utf-8")
    (place / "captions.vtt").write_text(vtt or captions(), "utf-8")
    return place


def with_sound(data: Path, folder: str, *, n_ms: int = 3_000, name: str = "meeting.wav") -> Path:
    """A meeting that has a recording in which nothing is said."""
    place = data / "raw" / folder
    place.mkdir(parents=True)
    write_sound(place / name, [(0, np.zeros(n_ms * 16, np.float32))])
    return place


def with_long_sound(data: Path, folder: str, *, n_s: int) -> Path:
    """A meeting with much silence, and something to leave out, so that its playable copy takes a while to make."""
    place = data / "raw" / folder
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text('exclude = [[0, 1, "before the meeting"]]\n', "utf-8")
    with wave.open(str(place / "meeting.wav"), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(16_000)
        f.writeframes(bytes(2 * 16_000 * n_s))
    return place


def command(*args: str, data: Path | None) -> list[str]:
    return [sys.executable, "-m", "pipeline", *args, *(["--data", str(data)] if data else [])]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | dict(extra or {})


def onrecord(
    *args: str,
    data: Path | None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    within_s: float = 300,
) -> "subprocess.CompletedProcess[str]":
    """`python -m pipeline ARGS --data DATA`, ended after `within_s`."""
    return subprocess.run(
        [*prefix, *command(*args, data=data)[bool(prefix) :]],
        cwd=ROOT,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=within_s,
    )


def here(*args: str, data: Path) -> Result:
    """What the command line does, without a process of its own; a Problem is left to be raised."""
    done = CliRunner().invoke(app, [*args, "--data", str(data)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def job(data: Path, folder: str, id: str, asr: Choice, diariser: Choice) -> Job:
    """What the command line would hand to a worker."""
    return Job(root=data, folder=folder, id=id, asr=asr, diariser=diariser, codebook=codebook.load("lfr-engagement"))


class Heard:
    """A sink that keeps what happened."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def stages(self, what: str = "start") -> list[str]:
        return [e.stage for e in self.events if e.what == what]


class Engine:
    """Hears one word a second and one voice, in place of both engines. Notes where it was asked to listen, and how much
    the diariser was given; `meanwhile` is called before each block."""

    fingerprint = "made up"

    def __init__(
        self, meanwhile: Callable[[int], object] = lambda at_ms: None, *, hears: str = "w", block_ms: int = 1_000
    ) -> None:
        self.asked: list[tuple[int, int]] = []
        self.given_ms: list[int] = []
        self.meanwhile, self.hears, self._block_ms = meanwhile, hears, block_ms

    def words(
        self,
        audio: Audio,
        *,
        language: str | None,
        vocabulary: Sequence[str],
        others: Sequence[str] = (),
        progress: object,
        from_ms: int = 0,
        to_ms: int | None = None,
    ) -> Iterator[Block]:
        last_ms = audio.duration_ms if to_ms is None else to_ms
        self.asked.append((from_ms, last_ms))
        for at_ms in range(from_ms, last_ms, self._block_ms):
            self.meanwhile(at_ms)
            end_ms = min(at_ms + self._block_ms, last_ms)
            words = tuple(
                Word(text=f"{self.hears}{ms // 1000}.", start_ms=ms, end_ms=min(ms + 500, end_ms), confidence=0.9)
                for ms in range(-(-at_ms // 1000) * 1000, end_ms, 1000)
            )
            yield Block(start_ms=at_ms, end_ms=end_ms, language="en", words=words)

    def turns(self, audio: Audio, *, speakers: object, progress: object) -> tuple[Turn, ...]:
        self.given_ms.append(audio.duration_ms)
        return (Turn(speaker="S1", start_ms=0, end_ms=audio.duration_ms, exclusive=True),)

    def instead(self, patch: pytest.MonkeyPatch) -> "Engine":
        """Be what every choice of an engine gives."""
        patch.setattr(engines, "recogniser", lambda choice, n_threads=0: self)
        patch.setattr(engines, "diariser", lambda choice, n_threads=0: self)
        return self
