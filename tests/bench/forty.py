"""How long many short meetings take against what the engines alone need: `python tests/bench/forty.py`.

    python tests/bench/forty.py [--meetings 40] [--seconds 40] [--asr whisper:tiny.en] [--diariser pyannote:starter]

Each meeting is a piece of the sample recording. The engines' own time is what the receipts of words and turns say,
loading included where a worker had to load; the rest is starting up, hashing, copying, tagging, indexing, and waiting.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline import receipts  # noqa: E402
from tests.house import command, environment  # noqa: E402
from tests.make_media import write_sound  # noqa: E402
from transcribe.audio import Source, decode  # noqa: E402


def make_meetings(data: Path, n: int, n_s: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        sample = next((ROOT / "data" / "raw").glob("*/meeting.opus"))
        audio = decode([Source(sample)], Path(scratch) / "sample")
        spare_ms = audio.duration_ms - 1000 * n_s
        for i in range(n):
            start_ms = spare_ms * i // max(1, n - 1)
            place = data / "raw" / f"meeting-{i:02d}"
            place.mkdir(parents=True)
            sound = audio.slice(start_ms, start_ms + 1000 * n_s)
            write_sound(place / "meeting.flac", [(0, sound)], codec="flac")


def seconds_of(data: Path, stages: tuple[str, ...]) -> Iterator[float]:
    """What these stages of each meeting took, by their receipts."""
    for made in sorted((data / "processed").glob("meeting-*")):
        yield sum(r.wall_s for stage in stages if (r := receipts.read(made, stage)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meetings", type=int, default=40)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--asr", default="whisper:tiny.en")
    parser.add_argument("--diariser", default="pyannote:starter")
    asked = parser.parse_args()
    print(f"{asked.meetings} meetings of {asked.seconds} s, {asked.asr} and {asked.diariser}; seconds")
    print("jobs   wall   words   turns   engines/jobs   other per meeting   engines: first meeting, median")
    for n_jobs in (1, 2):
        with tempfile.TemporaryDirectory() as scratch:
            data = Path(scratch)
            make_meetings(data, asked.meetings, asked.seconds)
            run = command("run", "--jobs", str(n_jobs), "--asr", asked.asr, "--diariser", asked.diariser, data=data)
            began = time.monotonic()
            subprocess.run(run, cwd=ROOT, env=environment(), check=True, capture_output=True)
            wall_s = time.monotonic() - began
            words_s, turns_s = (sum(seconds_of(data, (stage,))) for stage in ("words", "turns"))
            each_s = list(seconds_of(data, ("words", "turns")))
        other_s = (wall_s - sum(each_s) / n_jobs) / asked.meetings
        print(
            f"{n_jobs:>4} {wall_s:>6.1f} {words_s:>7.1f} {turns_s:>7.1f} {sum(each_s) / n_jobs:>14.1f} "
            f"{other_s:>19.2f} {each_s[0]:>25.1f} {median(each_s):>7.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
