"""Words, measured: the program's way beside the engines that it calls, with the same weights in one run.

    python tests/bench/speech.py [--shared FOLDER] [--made FOLDER]... [--set NAME]... [--way NAME]... [--model base]
                                 [--softer DB] [--openai] [--threads 1] [--json FILE]

Listens to the sample meeting; to the AMI excerpts and the read speech in FOLDER/audio; to made meetings, each a folder
with meeting.flac and truth.json, or a folder of such; and to sound in which nobody speaks. Each recording goes through
every way of listening before the next one does, so that whatever slows the machine slows all of them:

    ours             clips, batched, every one judged, as `onrecord run` hears a meeting, prompted with its names
    ours, no names   the same, prompted with nothing
    sequential, sequential + VAD, batched
                     faster-whisper by itself, beam 5, no text carried over from window to window
    openai-whisper   the reference implementation, its weights converted from the same file (--openai)

All of them make word times. Errors are counted after Whisper's normaliser and added up; the interval is a bootstrap of
the difference to the best of the engines' own ways, over files, or over sentences where a set is one meeting.
A run of eight or more reference words of which no word was found, during which nobody else speaks, is a dropped run;
one is lost without a trace if no `untranscribed` stretch touches it.
"""

import argparse
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from transcribe import engines, openai_whisper, references, score, whisper
from transcribe.audio import RATE_HZ, Audio, Source, decode
from transcribe.hearing import Listener
from transcribe.matching import Match, aligned, match, normalise
from transcribe.ranges import length
from transcribe.records import Record, Stretch, Word, text_of
from transcribe.references import Utterance

SAMPLE = Path(__file__).parents[2] / "data" / "raw" / "2024-05-14-public-safety"
NOTHING_SAID = "nothing said"
BEAM = 5


class Recording(NamedTuple):
    sets: tuple[str, ...]
    audio: Audio
    words: tuple[Word, ...]  # of the reference, with times
    sentences: tuple[str, ...]  # the same words, in the parts that a bootstrap draws from
    names: tuple[str, ...] = ()


class Said(NamedTuple):
    words: Sequence[Word]
    stretches: Sequence[Stretch] = ()


class Result(Record):
    """What one way made of one recording."""

    way: str
    recording: int
    errors: score.WordErrors
    by_sentence: tuple[int, ...]
    words_by_sentence: tuple[int, ...]
    dropped: tuple[tuple[int, str], ...]  # runs: when, and the words
    n_untraced: int  # of them, those that no stretch shows
    n_invented: int  # words that are not in the reference, where next to nothing is said
    names: score.NamesHeard
    untranscribed_ms: int
    wall_s: float
    cpu_s: float


Way = Callable[[Recording], Said]


# -- recordings -----------------------------------------------------------------------------------


def recordings(shared: Path, made: Sequence[Path], scratch: Path) -> Iterator[Recording]:
    def heard(path: Path) -> Audio:
        return decode([Source(path)], scratch / f"{len(list(scratch.iterdir()))}.s16")

    yield _meeting("sample", heard(SAMPLE / "meeting.opus"), SAMPLE / "reference" / "reference.json", _people(SAMPLE))
    for truth in sorted(t for place in made for t in (*place.glob("truth.json"), *place.glob("*/truth.json"))):
        people = msgspec.json.decode(truth.read_bytes())["people"]
        yield _meeting("made", heard(truth.parent / "meeting.flac"), truth, tuple(p["name"] for p in people))
    for path in sorted((shared / "audio" / "ami").glob("*.flac")):
        words = references.read_words(path.with_name(path.stem + ".words.json"))
        sets = ("AMI", NOTHING_SAID) if len(words) < score.RUN else ("AMI",)
        yield Recording(sets, heard(path), words, (text_of(words),))
    for path in sorted((shared / "audio" / "read").glob("*.txt")):
        (sound,) = (p for p in path.parent.glob(path.stem + ".*") if p != path)
        audio, text = heard(sound), references.read_text(path)
        whole = Utterance(speaker="", start_ms=0, end_ms=audio.duration_ms, text=text)
        yield Recording(("read",), audio, references.words_of([whole]), (text,))
    for samples in speechless():
        path = scratch / f"{len(list(scratch.iterdir()))}.s16"
        (np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(path)
        yield Recording((NOTHING_SAID,), Audio(path=path), (), ())


def _people(folder: Path) -> tuple[str, ...]:
    toml = tomllib.loads((folder / "meeting.toml").read_text("utf-8"))
    return (*toml["vocabulary"], *(p["name"] for p in toml["people"]))


def _meeting(name: str, audio: Audio, reference: Path, names: tuple[str, ...]) -> Recording:
    sentences = references.read_sentences(reference)
    words = tuple(w for s in sentences for w in references.words_of([s]))
    spoken = tuple(s.text for s in sentences)
    return Recording((name,), audio, words, spoken, tuple(sorted(names)))


def speechless(n_s: int = 30) -> Iterator[NDArray[np.float64]]:
    """Silence, a tone, hum, noise of two colours, steps and knocks, and two kinds of music."""
    rng = np.random.default_rng(0)
    t = np.arange(n_s * RATE_HZ) / RATE_HZ
    white = rng.normal(size=len(t))
    yield 0 * t
    yield 0.3 * np.sin(2 * np.pi * 1000 * t)
    yield sum(0.05 / k * np.sin(2 * np.pi * 50 * k * t) for k in range(1, 8)) + 0.003 * white
    yield 0.1 * white
    pink = np.fft.irfft(np.fft.rfft(white) / np.sqrt(np.arange(1, len(t) // 2 + 2)), len(t))
    yield 0.1 * pink / pink.std()
    knocks = np.zeros(len(t))
    for at in rng.integers(0, len(t) - 4000, 60):
        knocks[at : at + 4000] += rng.uniform(0.1, 0.8) * np.exp(-np.arange(4000) / 400) * rng.normal(size=4000)
    yield knocks + 0.002 * white
    notes = np.repeat(220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], n_s * 4) / 12), RATE_HZ // 4)
    phase = 2 * np.pi * np.cumsum(notes) / RATE_HZ
    fade = np.exp(-3 * (t % 0.25))
    yield 0.2 * fade * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase))
    vibrato = 1 + 0.01 * np.sin(2 * np.pi * 5.5 * t)
    voice = 2 * np.pi * np.cumsum(np.repeat(notes[:: 4 * (RATE_HZ // 4)], RATE_HZ)[: len(t)] * vibrato) / RATE_HZ
    yield 0.15 * sum(np.sin(k * voice) / k for k in (1, 2, 3, 4, 5)) + 0.1 * fade * np.sin(phase / 2)


# -- ways of listening ----------------------------------------------------------------------------


def ways(model: str, n_threads: int, scratch: Path, *, openai: bool) -> dict[str, Way]:
    choice = engines.choose_recogniser(f"whisper:{model}")
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    # Before ours, which tells the C library to keep memory: so that the engine gets it as it does by itself.
    model_itself = WhisperModel(
        choice.model, device=choice.device, compute_type=choice.compute_type, cpu_threads=n_threads
    )
    listener = engines.recogniser(choice, n_threads)
    assert isinstance(listener, Listener)
    ears: Any = listener.ears
    model_itself.feature_extractor = ears.model.feature_extractor  # for a folder that does not say how it hears
    batched = BatchedInferencePipeline(model_itself)

    def ours(names: bool) -> Way:
        def way(recording: Recording) -> Said:
            vocabulary = recording.names if names else ()
            blocks = list(listener.words(recording.audio, language="en", vocabulary=vocabulary))
            return Said([w for b in blocks for w in b.words], [s for b in blocks for s in b.stretches])

        return way

    def theirs(transcribe: Callable[..., Any], **options: Any) -> Way:
        def way(recording: Recording) -> Said:
            samples = recording.audio.slice(0, recording.audio.duration_ms)
            segments, _ = transcribe(
                samples,
                language="en",
                beam_size=BEAM,
                word_timestamps=True,
                condition_on_previous_text=False,
                **options,
            )
            return Said([_word(w.word, w.start, w.end) for s in segments for w in s.words or ()])

        return way

    found = {
        "ours": ours(True),
        "ours, no names": ours(False),
        "sequential": theirs(model_itself.transcribe, vad_filter=False),
        "sequential + VAD": theirs(model_itself.transcribe, vad_filter=True),
        "batched": theirs(batched.transcribe, batch_size=whisper.BATCH),
    }
    return found | ({"openai-whisper": _openai(choice, n_threads, scratch)} if openai else {})


def _openai(choice: engines.Choice, n_threads: int, scratch: Path) -> Way:
    import whisper as reference

    listener = openai_whisper.load(
        Path(choice.model), fingerprint="", device=choice.device, n_threads=n_threads, cache=scratch
    )
    ears: Any = listener.ears

    def way(recording: Recording) -> Said:
        heard = reference.transcribe(
            ears.model,
            recording.audio.slice(0, recording.audio.duration_ms),
            language="en",
            beam_size=BEAM,
            condition_on_previous_text=False,
            word_timestamps=True,
            fp16=choice.device == "cuda",
        )
        return Said([_word(w["word"], w["start"], w["end"]) for s in heard["segments"] for w in s.get("words", ())])

    return way


def _word(text: str, start_s: float, end_s: float) -> Word:
    start_ms = max(0, round(1000 * float(start_s)))
    return Word(text=text.strip(), start_ms=start_ms, end_ms=max(start_ms, round(1000 * float(end_s))))


# -- judging them ---------------------------------------------------------------------------------


def judged(way: str, number: int, recording: Recording, said: Said, wall_s: float, cpu_s: float) -> Result:
    matched = match(recording.words, said.words)
    runs = list(dropped(recording.words, matched))
    errors, by_sentence = _errors(recording.sentences, text_of(said.words))
    return Result(
        way=way,
        recording=number,
        errors=errors,
        by_sentence=by_sentence,
        words_by_sentence=tuple(len(normalise(s).split()) for s in recording.sentences),
        dropped=tuple((run[0].start_ms or 0, text_of(run)) for run in runs),
        n_untraced=sum(not any(_touch(run, s) for s in said.stretches) for run in runs),
        n_invented=errors.insertions + errors.substitutions,
        names=score.score_words(recording.words, said.words, _with_surnames(recording.names)).names,
        untranscribed_ms=length([(s.start_ms, s.end_ms) for s in said.stretches]),
        wall_s=wall_s,
        cpu_s=cpu_s,
    )


def _errors(sentences: Sequence[str], text: str) -> tuple[score.WordErrors, tuple[int, ...]]:
    """Errors by kind, and by sentence: an insertion counts where the word before it belongs."""
    reference = [(piece, i) for i, sentence in enumerate(sentences) for piece in normalise(sentence).split()]
    by_sentence = [0] * len(sentences)
    kinds: Counter[str] = Counter()
    at = 0
    for kind, i, _ in aligned([piece for piece, _ in reference], normalise(text).split()):
        kinds[kind] += 1
        at = reference[i][1] if kind != "insert" else at
        if kind != "equal" and sentences:
            by_sentence[at] += 1
    errors = score.WordErrors(
        substitutions=kinds["substitute"],
        deletions=kinds["delete"],
        insertions=kinds["insert"],
        n_reference=len(reference),
    )
    return errors, tuple(by_sentence)


def dropped(reference: Sequence[Word], matched: Match) -> Iterator[list[Word]]:
    """Runs of clear words of which none was found. Figures are passed over: they are written in too many ways."""
    for lost, group in groupby(matched.pairs.items(), lambda pair: pair[1] is None):
        run = [reference[i] for i, _ in group]
        clear = [w for w in run if not any(_at_once(w, other) for other in reference)]
        if lost and sum(not normalise(w.text).isdigit() for w in clear) >= score.RUN:
            yield clear


def _with_surnames(names: Sequence[str]) -> list[str]:
    return [*names, *(name.split()[-1] for name in names)]


def _at_once(a: Word, b: Word) -> bool:
    return a.speaker != b.speaker and (a.start_ms or 0) < (b.end_ms or 0) and (b.start_ms or 0) < (a.end_ms or 0)


def _touch(run: Sequence[Word], stretch: Stretch) -> bool:
    return stretch.start_ms < (run[-1].end_ms or 0) and (run[0].start_ms or 0) < stretch.end_ms


# -- the run --------------------------------------------------------------------------------------


def run(heard: Sequence[Recording], by: Mapping[str, Way]) -> list[Result]:
    results = []
    for number, recording in enumerate(heard):
        for name, way in by.items():
            began, busy = time.perf_counter(), time.process_time()
            said = way(recording)
            wall_s, cpu_s = time.perf_counter() - began, time.process_time() - busy
            results.append(judged(name, number, recording, said, wall_s, cpu_s))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return results


def table(heard: Sequence[Recording], results: Sequence[Result], ways: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(s for r in heard for s in r.sets):
        numbers = {i for i, r in enumerate(heard) if name in r.sets}
        of = {way: [r for r in results if r.recording in numbers and r.way == way] for way in ways}
        length_s = sum(heard[i].audio.duration_ms for i in numbers) / 1000
        yield f"\n{name}: {len(numbers)} recordings, {length_s / 60:.1f} minutes"
        if name == NOTHING_SAID:
            for way, rows in of.items():
                yield f"  {way:<18} {sum(r.n_invented for r in rows):>4} words invented{_pace(rows, length_s)}"
            continue
        yield f"  {'':<18}  WER %  wrong (sub del ins)  dropped runs (untraced)  names       untranscribed"
        for way, rows in of.items():
            e = sum((r.errors for r in rows), score.WordErrors())
            names = sum((r.names for r in rows), score.NamesHeard())
            wrong = e.substitutions + e.deletions + e.insertions
            yield (
                f"  {way:<18} {100 * (e.rate or 0):>6.2f}  {wrong:>5} ({e.substitutions} {e.deletions} {e.insertions})"
                f"  {sum(len(r.dropped) for r in rows):>3} ({sum(r.n_untraced for r in rows)})"
                f"  {names.n_right:>4} of {names.n_reference}"
                f"  {sum(r.untranscribed_ms for r in rows) / 1000:>5.1f} s{_pace(rows, length_s)}"
            )
        best = min((way for way in ways if not way.startswith("ours")), key=lambda way: _wrong(of[way]))
        found = score.bootstrap(_drawn(of["ours"], 0), _drawn(of[best], 0), _drawn(of[best], 1))
        yield (
            f"  ours less {best}: {100 * found.difference:+.2f} points,"
            f" 95 % between {100 * found.low:+.2f} and {100 * found.high:+.2f}"
        )


def _wrong(rows: Sequence[Result]) -> int:
    return sum(sum(r.by_sentence) for r in rows)


def _drawn(rows: Sequence[Result], which: int) -> list[int]:
    """Errors (0) or words (1), by file or, of a single meeting, by sentence."""
    columns = [(r.by_sentence, r.words_by_sentence)[which] for r in rows]
    return list(columns[0]) if len(columns) == 1 else [sum(column) for column in columns]


def _pace(rows: Sequence[Result], length_s: float) -> str:
    wall_s, cpu_s = sum(r.wall_s for r in rows), sum(r.cpu_s for r in rows)
    return f"   {length_s / wall_s:>5.1f} x real time, {length_s / cpu_s:>5.1f} x by CPU time"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--made", type=Path, action="append", default=[])
    parser.add_argument("--set", action="append", choices=["sample", "made", "AMI", "read", NOTHING_SAID])
    parser.add_argument("--way", action="append", help="only these, of which one must be an engine's own")
    parser.add_argument("--softer", type=float, default=0.0, metavar="DB", help="make all sound so much softer first")
    parser.add_argument("--model", default="base")
    parser.add_argument("--openai", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        every = ways(asked.model, asked.threads, scratch, openai=asked.openai)
        by = {name: way for name, way in every.items() if not asked.way or name in asked.way}
        heard = [r for r in recordings(asked.shared, asked.made, scratch) if not asked.set or {*asked.set} & {*r.sets}]
        for recording in heard if asked.softer else ():
            samples = np.fromfile(recording.audio.path, "<i2") / 10 ** (asked.softer / 20)
            np.round(samples).astype("<i2").tofile(recording.audio.path)
        results = run(heard, by)
        print("\n".join(table(heard, results, list(by))))
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


if __name__ == "__main__":
    main()
