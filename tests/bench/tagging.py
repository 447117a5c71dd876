"""How fast statements are tagged: `python tests/bench/tagging.py [--statements 20000] [--meetings 24]`.

First the rules on one core, on labelled statements that stand in one long meeting after another; then meetings that
have been run are tagged again with another codebook, by one worker and by as many as there are cores.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from analyse.codebook import load  # noqa: E402
from analyse.rules import tag_transcript  # noqa: E402
from tests.bench.rerun import SENTENCES, VOICES  # noqa: E402
from tests.house import captions, onrecord, with_captions  # noqa: E402
from transcribe.records import Meeting, Transcript, Word  # noqa: E402


def rules_per_s(n_statements: int) -> float:
    words: list[Word] = []
    at_ms = 0
    for n in range(n_statements):
        for word in SENTENCES[n % len(SENTENCES)].split():
            words.append(Word(text=word, start_ms=at_ms, end_ms=at_ms + 300, speaker=VOICES[n % len(VOICES)]))
            at_ms += 300
        at_ms += 500
    transcript = Transcript(recording_sha256="0", language="en", engine="made up", words=tuple(words), turns=())
    book = load("lfr-engagement")
    tag_transcript(Transcript(recording_sha256="0", language="en", engine="", words=(), turns=()), MEETING, book, "0")
    began = time.process_time()  # of this core, whatever else the machine does
    made = tag_transcript(transcript, MEETING, book, "0")
    return len(made.statements) / (time.process_time() - began)


MEETING = Meeting(id="m", folder="m")


def tag_again_s(data: Path, codebook: Path, n_jobs: int) -> float:
    began = time.perf_counter()
    done = onrecord("run", "--codebook", str(codebook), "--jobs", str(n_jobs), data=data, within_s=600)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=20_000)
    parser.add_argument("--meetings", type=int, default=24)
    asked_for = parser.parse_args()
    print(f"rules: {rules_per_s(asked_for.statements):,.0f} statements a second on one core")
    shipped = (ROOT / "analyse" / "codebooks" / "lfr-engagement.toml").read_text("utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch)
        said = [(VOICES[n % len(VOICES)], SENTENCES[n % len(SENTENCES)]) for n in range(340)]
        for n in range(asked_for.meetings):
            with_captions(data, f"m{n:03d}", vtt=captions(said), toml="")
        assert onrecord("run", data=data, within_s=600).returncode == 0
        for n_jobs in sorted({1, os.cpu_count() or 1}):
            codebook = data / f"book-{n_jobs}.toml"
            codebook.write_text(shipped.replace("\nversion = 1", f"\nversion = {n_jobs + 100}", 1), "utf-8")
            n_s = tag_again_s(data, codebook, n_jobs)
            print(f"{asked_for.meetings} meetings tagged again, {n_jobs} at once: {n_s:.1f} s")


if __name__ == "__main__":
    main()
