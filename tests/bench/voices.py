"""How well `pyannote:starter` keeps voices apart, beside one voice for all and beside perfect clustering.

    python tests/bench/voices.py FOLDER …            made meetings, the sample, a folder with an .rttm file
    python tests/bench/voices.py --sweep FOLDER …    with noise, rooms, a telephone, loudness, fewer windows
    python tests/bench/voices.py --hours 1 FOLDER …  speed and memory over so much sound, cut out of them

Diarisation error rate with no collar and overlap counted; errors are added up before a rate is taken. "Perfect" is
what clustering alone could reach: the same windows, each speaker in them given to the right person.
"""

import argparse
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.make_meetings import joined
from transcribe import diarise, engines, score
from transcribe.audio import Source, decode
from transcribe.records import Record, Turn
from transcribe.references import read_rttm, read_sentences, read_uem

RATE_HZ = diarise.RATE_HZ
Samples = Any  # 16-bit, mono, RATE_HZ


class Recording(Record):
    """Sound with its reference; `uem` is what is scored of it, all where it is None."""

    name: str
    sound: Path
    turns: tuple[Turn, ...]
    uem: tuple[tuple[int, int], ...] | None = None


def recordings(folder: Path) -> Iterator[Recording]:
    """Whatever `folder` holds: one meeting, a folder of them, or sound beside one .rttm (and .uem) file."""
    references = [f for f in (folder / "truth.json", folder / "reference" / "reference.json") if f.exists()]
    rttm = next(iter(sorted(folder.glob("*.rttm"))), None)
    if references:
        sound = next(f for f in folder.iterdir() if f.suffix in {".flac", ".opus"})
        said = [{"speaker": s.speaker, "start_ms": s.start_ms, "end_ms": s.end_ms} for s in read_sentences(*references)]
        yield Recording(name=folder.name, sound=sound, turns=tuple(Turn(**turn) for turn in joined(said)))
    elif rttm:
        uem = read_uem(rttm.with_suffix(".uem")) if rttm.with_suffix(".uem").exists() else {}
        for name, turns in read_rttm(rttm).items():
            yield Recording(name=name, sound=folder / f"{name}.flac", turns=turns, uem=uem.get(name))
    else:
        for inner in sorted(f for f in folder.iterdir() if f.is_dir()):
            yield from recordings(inner)


class Ear:
    """The starter's pipeline, in this process."""

    def __init__(self, scratch: Path, n_threads: int) -> None:
        engine = engines.diariser(engines.choose_diariser("pyannote:starter"), n_threads)
        self.pipeline = diarise._pipeline(engine.recipe)  # type: ignore[attr-defined]
        self.scratch = scratch

    def samples(self, recording: Recording) -> Samples:
        kept = self.scratch / f"{recording.name}.s16"
        return decode([Source(recording.sound)], kept).samples if not kept.exists() else np.fromfile(kept, np.int16)

    def turns(self, samples: Samples) -> tuple[Turn, ...]:
        """What the engine says."""
        path = self.scratch / "heard.s16"
        np.asarray(samples, np.int16).tofile(path)
        request = diarise.Request(path=str(path), n_samples=len(samples))
        return diarise._diarise(self.pipeline, request, lambda fraction: None)

    def perfect(self, samples: Samples, reference: tuple[Turn, ...]) -> tuple[Turn, ...]:
        """What it would say if clustering made no mistake."""
        import torch
        from pyannote.audio.pipelines import SpeakerDiarization
        from pyannote.audio.pipelines.clustering import OracleClustering
        from pyannote.core import Annotation, Segment

        truth = Annotation(uri="recording")
        for i, turn in enumerate(reference):
            truth[Segment(turn.start_ms / 1000, turn.end_ms / 1000), i] = turn.speaker
        sound = torch.from_numpy(np.array(samples, np.int16)[None])
        file = {"waveform": sound, "sample_rate": RATE_HZ, "uri": "recording", "annotation": truth}
        ours, self.pipeline.clustering = self.pipeline.clustering, OracleClustering().instantiate({})
        try:
            said = SpeakerDiarization.apply(self.pipeline, file)
        finally:
            self.pipeline.clustering = ours
        return diarise._turns((), diarise._spans(said.speaker_diarization), len(samples) * 1000 // RATE_HZ)


# -- tables ---------------------------------------------------------------------------------------


def row(name: str, recording: Recording, turns: tuple[Turn, ...], *others: score.TurnErrors) -> score.TurnErrors:
    errors = score.turn_errors(recording.turns, turns, recording.uem)
    n_true, n_found = (len({t.speaker for t in some}) for some in (recording.turns, turns))
    print_row(name, f"{n_found}/{n_true}", errors, *others)
    return errors


def print_row(name: str, voices: str, errors: score.TurnErrors, *others: score.TurnErrors) -> None:
    def percent(part_ms: float) -> str:
        return f"{100 * part_ms / max(1, errors.reference_ms):6.1f}"

    parts = (errors.missed_ms, errors.false_alarm_ms, errors.confused_ms)
    rates = "".join(f"{100 * (o.rate or 0):10.1f}" for o in others)
    print(f"{name:34}{voices:>8} {percent(sum(parts))} {''.join(map(percent, parts))}{rates}", flush=True)


def table(ear: Ear, found: list[Recording]) -> None:
    print(f"{'':34}{'voices':>8} {'DER':>6} {'missed':>6}{'false':>6}{'wrong':>6}{'one voice':>10}{'perfect':>10}")
    ours, one, perfect, off = score.TurnErrors(), score.TurnErrors(), score.TurnErrors(), 0
    for recording in found:
        samples = ear.samples(recording)
        turns = ear.turns(samples)
        beside = [
            score.turn_errors(recording.turns, other, recording.uem)
            for other in (score.one_speaker(turns), ear.perfect(samples, recording.turns))
        ]
        ours += row(recording.name, recording, turns, *beside)
        one, perfect = one + beside[0], perfect + beside[1]
        off += abs(len({t.speaker for t in turns}) - len({t.speaker for t in recording.turns}))
    print_row("all together", f"off {off}", ours, one, perfect)
    print()


def sweep(ear: Ear, found: list[Recording]) -> None:
    print(f"{'':34}{'voices':>8} {'DER':>6} {'missed':>6}{'false':>6}{'wrong':>6}")
    for recording in found:
        samples = ear.samples(recording)
        row(recording.name, recording, ear.turns(samples))
        for name, change in CHANGES.items():
            row(f"  {name}", recording, ear.turns(change(np.asarray(samples, np.float64))))
        step = ear.pipeline._segmentation.step
        ear.pipeline._segmentation.step = 2 * step
        row("  half as many windows", recording, ear.turns(samples))
        ear.pipeline._segmentation.step = step


def noisy(sound: Samples, snr_db: float) -> Samples:
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(len(sound)))
    hiss = np.fft.irfft(spectrum / np.sqrt(1 + (np.fft.rfftfreq(len(sound), 1 / RATE_HZ) / 300) ** 2), len(sound))
    loud = sound[np.abs(sound) > np.abs(sound).mean()]
    return whole(sound + hiss * np.sqrt(np.mean(loud**2) / np.mean(hiss**2)) * 10 ** (-snr_db / 20))


def in_a_hall(sound: Samples, rt60_s: float = 0.8) -> Samples:
    n = round(rt60_s * RATE_HZ)
    response = np.random.default_rng(0).standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    response *= 0.7 / np.sqrt(np.sum(response**2))
    response[0] = 1
    size = len(sound) + n
    return whole(np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)])


def in_a_large_hall(sound: Samples) -> Samples:
    return in_a_hall(0.6 * sound, 1.5)


def noisy_from_the_middle(sound: Samples) -> Samples:
    half = len(sound) // 2
    return np.concatenate([whole(sound[:half]), noisy(sound, 10)[half:]])


def among_others(sound: Samples, snr_db: float = 10) -> Samples:
    """With eight people talking in the room: the recording itself, backwards, from eight places."""
    random = np.random.default_rng(1)
    talk = np.zeros(len(sound))
    for _ in range(8):
        talk += np.roll(sound[::-1], int(random.integers(len(sound)))) * random.uniform(0.5, 1)
    loud = sound[np.abs(sound) > np.abs(sound).mean()]
    return whole(sound + talk * np.sqrt(np.mean(loud**2) / np.mean(talk**2)) * 10 ** (-snr_db / 20))


def by_telephone(sound: Samples) -> Samples:
    spectrum, hz = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    return whole(np.fft.irfft(np.where((hz > 300) & (hz < 3400), spectrum, 0), len(sound)))


def whole(sound: Samples) -> Samples:
    return np.clip(np.round(sound), -(2**15), 2**15 - 1).astype(np.int16)


CHANGES: dict[str, Callable[[Samples], Samples]] = {
    "noise, 10 dB below speech": lambda x: noisy(x, 10),
    "noise, 3 dB below speech": lambda x: noisy(x, 3),
    "noise, 10 dB, from the middle on": noisy_from_the_middle,
    "others talking, 10 dB below": among_others,
    "a hall": in_a_hall,
    "a large hall": in_a_large_hall,
    "300 to 3400 Hz": by_telephone,
    "30 dB quieter": lambda x: whole(x * 10**-1.5),
    "18 dB louder, clipped": lambda x: whole(x * 8),
}


def long(ear: Ear, found: list[Recording], hours: float) -> None:
    parts: list[Samples] = []
    sound = cycle([np.asarray(ear.samples(r)) for r in found])
    while sum(map(len, parts)) < hours * 3600 * RATE_HZ:
        parts.append(next(sound))
    samples = np.concatenate(parts)[: round(hours * 3600 * RATE_HZ)]
    ear.turns(samples[: 60 * RATE_HZ])  # so that everything is loaded
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    turns = ear.turns(samples)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    more_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    n_voices = len({t.speaker for t in turns})
    speeds = f"{hours * 3600 / took_s:.1f} x real time ({hours * 3600 / cpu_s:.1f} x by processor time)"
    print(f"{hours} h: {speeds}, {more_mib:.0f} MiB more than with the models loaded, {n_voices} voices")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--hours", type=float)
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found = [r for folder in asked.folders for r in recordings(folder)]
    with TemporaryDirectory() as scratch:
        ear = Ear(Path(scratch), asked.threads)
        if asked.hours:
            long(ear, found, asked.hours)
        elif asked.sweep:
            sweep(ear, found)
        else:
            for folder in asked.folders:
                table(ear, list(recordings(folder)))


if __name__ == "__main__":
    main()
