"""Long recordings, measured: what the program's own part of decoding and of words costs, in time and in memory.

    python tests/bench/long.py [--hours 1 6] [--model base]

The sample meeting's sound, over and over, as one Opus file. Without a model, ears that answer at once stand in for
Whisper, so that what is left is our own: decoding, finding speech, cutting clips, judging what was heard. Each stage
runs in a process of its own; memory is that process's peak, beside what it was once everything was loaded.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from transcribe import engines
from transcribe.audio import Audio, Source, decode
from transcribe.gates import Heard
from transcribe.hearing import Listener
from transcribe.records import Record

SAMPLE = Path(__file__).parents[2] / "data" / "raw" / "2024-05-14-public-safety" / "meeting.opus"


class Cost(Record):
    length_s: float
    cpu_s: float
    loaded_mb: int
    peak_mb: int
    n_words: int = 0


class Quick:
    """Ears that hear two and a half words a second, at once and without a model."""

    languages = frozenset({"en"})

    def detect(self, samples: NDArray[np.float32], among: Collection[str] = ()) -> tuple[str, float]:
        return "en", 1.0

    def first(self, samples: Sequence[NDArray[np.float32]], language: str, prompt: str) -> Iterator[list[Heard]]:
        yield from (self.again(sound, language) for sound in samples)

    def again(self, samples: NDArray[np.float32], language: str) -> list[Heard]:
        n = max(1, round(len(samples) / 16_000 * 2.5))
        words = tuple((f" {number:x}", number * 0.4, number * 0.4 + 0.3, 0.9) for number in range(n))
        return [Heard(words=words, logprob=-0.2, no_speech=0.1, compression=1.5)]


def lengthened(path: Path, to: Path, hours: float) -> Path:
    """The packets of a file again and again, until it is long enough."""
    with av.open(str(to), "w") as out:
        stream: Any = None
        shift = 0
        while stream is None or shift * stream.time_base < hours * 3600:
            with av.open(str(path)) as source:
                sound = source.streams.audio[0]
                stream = stream or out.add_stream_from_template(sound)
                end = 0
                for packet in source.demux(sound):
                    if packet.pts is not None:
                        packet.pts = packet.dts = packet.pts + shift
                        end = packet.pts + (packet.duration or 0)
                        packet.stream = stream
                        out.mux(packet)
                shift = end
    return to


def decoding(path: Path, out: Path, model: str) -> Cost:
    loaded_mb, began = peak_mb(), time.process_time()
    audio = decode([Source(path)], out)
    return Cost(
        length_s=audio.duration_ms / 1000,
        cpu_s=time.process_time() - began,
        loaded_mb=loaded_mb,
        peak_mb=peak_mb(),
    )


def words(path: Path, out: Path, model: str) -> Cost:
    audio = Audio(path=out)
    if model:
        recogniser: Any = engines.recogniser(engines.choose_recogniser(f"whisper:{model}"), 1)
    else:
        recogniser = Listener(fingerprint="quick", ears=Quick())
    list(recogniser.words(audio, language="en", vocabulary=(), to_ms=60_000))  # loads the detector of speech
    loaded_mb, began = peak_mb(), time.process_time()
    n_words = sum(len(block.words) for block in recogniser.words(audio, language="en", vocabulary=()))
    return Cost(
        length_s=audio.duration_ms / 1000,
        cpu_s=time.process_time() - began,
        loaded_mb=loaded_mb,
        peak_mb=peak_mb(),
        n_words=n_words,
    )


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, nargs="+", default=[1, 6])
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    for hours in asked.hours:
        with tempfile.TemporaryDirectory() as folder:
            path = lengthened(SAMPLE, Path(folder) / "long.opus", hours)
            for stage in (decoding, words):
                with spawn.Pool(1) as pool:
                    cost = pool.apply(stage, (path, Path(folder) / "long.s16", asked.model))
                print(
                    f"{hours:g} h, {stage.__name__:<8}  {cost.cpu_s:6.1f} s of one core, "
                    f"{cost.cpu_s / cost.length_s:.2%} of its length; {cost.peak_mb} MB at most, "
                    f"{cost.peak_mb - cost.loaded_mb} MB above {cost.loaded_mb} MB once loaded"
                    + (f"; {cost.n_words} words" if cost.n_words else "")
                )


if __name__ == "__main__":
    main()
