"""How long a run takes that finds everything done: `python tests/bench/rerun.py [MEETINGS] [WORDS] [--keep DIR]`.

Every meeting is made by the real stages from captions of its own (three and a half hours, 16 voices, made up out of
one sentence after another), then `run` is timed in a process of its own, five times, and looked into once.
"""

import argparse
import cProfile
import io
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

SENTENCES = [
    "We come to the next item, which is the report on parks and open spaces.",
    "Residents were not consulted about live facial recognition before the cameras came.",
    "I should like to know who decided that, and when the council was told of it.",
    "The force will publish the date and place of every deployment in advance.",
    "Thank you, Chair, and thanks to the officers for a very full report.",
]
VOICES = [f"Speaker {letter}" for letter in "ABCDEFGHIJKLMNOP"]


def cues(n_words: int, seed: int) -> Iterator[str]:
    at_s, said = 0, 0
    while said < n_words:
        n = seed + said
        text = f"{SENTENCES[n % len(SENTENCES)]} {SENTENCES[(n // 7) % len(SENTENCES)]}"
        said += len(text.split())
        start, end = (f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}.000" for s in (at_s, at_s + 9))
        yield f"{start} --> {end}\n<v {VOICES[n % len(VOICES)]}>{text}</v>\n"
        at_s += 10


def make(data: Path, n_meetings: int, n_words: int) -> None:
    for i in range(n_meetings):
        folder = data / "raw" / f"panel-{i:04d}"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "meeting.toml").write_text(f'title = "Panel {i}"\nheld_on = 2024-05-{1 + i % 28:02d}\n')
            (folder / "captions.vtt").write_text("\n".join(["WEBVTT\n", *cues(n_words, i)]))


def run(data: Path, *args: str) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "pipeline", "run", "--data", str(data), *args]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return time.monotonic() - began


def look_into(data: Path) -> str:
    """Where the time of one more run in this process goes."""
    from typer.testing import CliRunner

    from pipeline.cli import app

    profile = cProfile.Profile()
    profile.runcall(CliRunner().invoke, app, ["run", "--data", str(data)])
    told = io.StringIO()
    pstats.Stats(profile, stream=told).sort_stats("cumulative").print_stats(30)
    return told.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meetings", type=int, nargs="?", default=200)
    parser.add_argument("words", type=int, nargs="?", default=30_000)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = asked.keep or Path(scratch)
        make(data, asked.meetings, asked.words)
        print(f"first run: {run(data, '--jobs', '2'):.1f} s for {asked.meetings} meetings of {asked.words} words")
        times = [run(data) for _ in range(5)]
        print(f"run again: median {median(times):.2f} s of {', '.join(f'{t:.2f}' for t in sorted(times))}")
        print(look_into(data))


if __name__ == "__main__":
    main()
