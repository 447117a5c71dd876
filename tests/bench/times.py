"""When words begin and end, measured: words recognised, and words of captions put on the sound.

    python tests/bench/times.py [--shared FOLDER] [--made FOLDER]... [--model base] [--threads 1]

The sample meeting and made meetings (folders with meeting.flac and truth.json) have exact times for the first and the
last word of each sentence. Read speech of FOLDER/audio/read is pasted into silence and into noise at known places; when
it begins and ends in its own file was read off a spectrogram, to about 20 ms. The AMI excerpts of FOLDER/audio have
times for every word, good to about 200 ms; they are listed in two halves, since settings were chosen on the second.
How good those times are is told by the loudness where somebody begins to speak after half a second in which nobody did.

Captions are 1 s late. Some are wrong on purpose: a quarter of the sentences left out, or said to be others, or others
added between them, or all others; how many words of such were put on the sound is told.
"""

import argparse
import hashlib
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcribe import align, engines
from transcribe.align import Aligner, Walk
from transcribe.audio import RATE_HZ, Audio, Source, decode
from transcribe.matching import match
from transcribe.pauses import runs_of_sound
from transcribe.ranges import shares
from transcribe.records import Word
from transcribe.references import Utterance, read_sentences, read_words

SAMPLE = Path(__file__).parents[2] / "data" / "raw" / "2024-05-14-public-safety"
LATE_MS = 1_000
NOISE = 60  # of 32,768: about 30 dB below the speech
# Of read speech, by the names of its files: the first sound of the first word and the last of the last, in ms.
SPOKEN = {
    "LJ002-0020": (10, 1_420),
    "LJ002-0035": (10, 1_490),
    "beckett": (310, 8_780),
    "jfk": (320, 10_430),
    "libri_1088-134315-0000": (210, 15_860),
    "libri_2412-153948-0000": (475, 11_110),
    "libri_2412-153948-0001": (555, 10_210),
    "vosk_digits": (880, 7_930),
}
OTHERS = """
The hedge behind the allotments has been cut back twice since we last met.
Could somebody tell us what the new boiler is going to cost?
Parking permits for the market will be sent out by the end of next week.
I propose that we put the decision off until the surveyor has reported.
Nobody from the swimming baths was able to come tonight, and they send their apologies.
The grant for the bandstand runs out in September unless we apply again.
My ward has had three burst pipes in one winter, Mayor, three of them.
Shall we go on to the appointments to outside bodies?
""".strip().splitlines()


class Sentence(NamedTuple):
    """Words said one after the other, and when. Not `said` are those that a wrong caption claims."""

    text: str
    start_ms: int
    end_ms: int
    said: bool = True


class Once:
    """Takes in the sound of each clip once, however many captions are laid beside it."""

    def __init__(self, aligner: Aligner) -> None:
        self.languages, self.detect, self._walk = aligner.languages, aligner.detect, aligner.walk
        self._known: dict[bytes, Walk] = {}

    def walk(self, samples: NDArray[np.float32], language: str) -> Walk:
        key = hashlib.sha256(samples.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._walk(samples, language)
        return self._known[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--made", type=Path, action="append", default=[])
    parser.add_argument("--model", default="base")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    choice = engines.choose_recogniser(f"whisper:{asked.model}")
    recogniser, aligner = engines.recogniser(choice, asked.threads), engines.aligner(choice, asked.threads)
    assert aligner is not None
    with tempfile.TemporaryDirectory() as scratch:
        for name, audio, said in sentences_of(asked.shared, asked.made, Path(scratch)):
            began = time.perf_counter()
            blocks = recogniser.words(audio, language="en", vocabulary=(), progress=lambda done_ms, total_ms: None)
            show_recognised(name, said, [w for b in blocks for w in b.words], audio, time.perf_counter() - began)
            began = time.perf_counter()
            once = Once(aligner)
            show_captions(f"{name}, captions", said, said, audio, once)
            print(f"    {audio.duration_ms / 1000 / (time.perf_counter() - began):.1f} x real time")
            for kind, captions in wrong(said):
                show_captions(f"{name}, {kind}", said, captions, audio, once)
        if asked.shared:
            ami = sorted((asked.shared / "audio" / "ami").glob("*.words.json"))
            for half, files in (("other half", ami[1::2]), ("half used for settings", ami[::2])):
                show_ami(half, files, recogniser, aligner, Path(scratch))


def errors(found_ms: Sequence[int]) -> str:
    if not found_ms:
        return "none"
    off = np.abs(found_ms)
    median, p95 = np.median(off), np.percentile(off, 95)
    return f"{median:4.0f} ms median, {p95:4.0f} ms p95 (n {len(off)}, {np.median(found_ms):+.0f})"


# -- sentences with exact times -----------------------------------------------------------------------


def sentences_of(
    shared: Path | None, made: Sequence[Path], scratch: Path
) -> Iterator[tuple[str, Audio, list[Sentence]]]:
    meetings = [(SAMPLE / "meeting.opus", SAMPLE / "reference" / "reference.json")]
    meetings += [(folder / "meeting.flac", folder / "truth.json") for folder in made]
    for sound, truth in meetings:
        audio = decode([Source(sound)], scratch / f"{sound.parent.name}.s16")
        yield sound.parent.name, audio, [Sentence(*_timed(s)) for s in read_sentences(truth)]
    if shared:
        for name, level in (("silence", 0), ("noise", NOISE)):
            yield f"read speech in {name}", *pasted(shared / "audio" / "read", scratch, name, level)


def _timed(sentence: Utterance) -> tuple[str, int, int]:
    return sentence.text, sentence.start_ms, sentence.end_ms


def pasted(folder: Path, scratch: Path, name: str, level: int) -> tuple[Audio, list[Sentence]]:
    """Clips of speech, each three times, with 0.7 to 3.5 s between them."""
    draw = np.random.default_rng(1)
    parts: list[NDArray[np.int16]] = []
    said: list[Sentence] = []
    at = 0
    files = [f for f in sorted(folder.iterdir()) if f.suffix in (".wav", ".flac") and f.stem in SPOKEN]
    for i in np.concatenate([draw.permutation(len(files)) for _ in range(3)]):
        clip = decode([Source(files[i])], scratch / f"{files[i].stem}.s16").samples
        gap = int(draw.uniform(0.7, 3.5) * RATE_HZ)
        first_ms, last_ms = SPOKEN[files[i].stem]
        start_ms = (at + gap) * 1000 // RATE_HZ
        text = " ".join(files[i].with_suffix(".txt").read_text("utf-8").split())
        said.append(Sentence(text, start_ms + first_ms, start_ms + last_ms))
        parts += [np.zeros(gap, np.int16), clip]
        at += gap + len(clip)
    samples = np.concatenate([*parts, np.zeros(2 * RATE_HZ, np.int16)]) + draw.normal(0, level, at + 2 * RATE_HZ)
    path = scratch / f"{name}.s16"
    np.clip(samples, -32_768, 32_767).astype("<i2").tofile(path)
    return Audio(path=path), said


def wrong(said: Sequence[Sentence]) -> Iterator[tuple[str, list[Sentence]]]:
    draw = random.Random(0)

    def other(sentence: Sentence) -> Sentence:
        return Sentence(draw.choice(OTHERS), sentence.start_ms, sentence.end_ms, said=False)

    def after(sentence: Sentence) -> Sentence:
        return Sentence(draw.choice(OTHERS), sentence.end_ms, sentence.end_ms + 3_000, said=False)

    yield "a quarter left out", [s for s in said if draw.random() > 0.25]
    yield "a quarter replaced", [s if draw.random() > 0.25 else other(s) for s in said]
    yield "a quarter added", [t for s in said for t in ([s] if draw.random() > 0.25 else [s, after(s)])]
    yield "all replaced", [other(s) for s in said]


def cues(sentences: Sequence[Sentence]) -> list[Word]:
    """The words of captions that show these sentences, each word at its share of its cue."""
    return [
        Word(text=word, start_ms=a + LATE_MS, end_ms=b + LATE_MS, timing="cue")
        for s in sentences
        for word, (a, b) in zip(
            s.text.split(), shares(s.start_ms, s.end_ms, [len(w) + 1 for w in s.text.split()]), strict=True
        )
    ]


def on_the_sound(words: Sequence[Word], audio: Audio, aligner: Aligner) -> list[Word]:
    about_ms = list(accumulate((w.start_ms or 0 for w in words), max))
    found = align.pieces(words, about_ms, audio, aligner, language="en")
    return [word for piece in found for word in piece.words]


def show_captions(
    name: str, said: Sequence[Sentence], captions: Sequence[Sentence], audio: Audio, aligner: Aligner
) -> None:
    made = on_the_sound(cues(captions), audio, aligner)
    right = [s.said for s in captions for _ in s.text.split()]
    n_right, n_wrong = sum(right), len(right) - sum(right)
    found = [w.timing == "aligned" for w in made]
    n_found = sum(f for f, r in zip(found, right, strict=True) if r)
    print(f"{name}: {n_found} of {n_right} words found, and {sum(found) - n_found} of {n_wrong} that nobody said")
    at, starts, ends = 0, [], []
    for s in captions:
        first, last = at, at + len(s.text.split()) - 1
        at = last + 1
        if s.said and found[first]:
            starts.append((made[first].start_ms or 0) - s.start_ms)
        if s.said and found[last]:
            ends.append((made[last].end_ms or 0) - s.end_ms)
    if starts:
        print(f"    first words begin {errors(starts)}\n    last words end    {errors(ends)}")


def show_recognised(name: str, said: Sequence[Sentence], made: Sequence[Word], audio: Audio, took_s: float) -> None:
    reference = cues(said)
    exact = match(reference, made)
    at = 0
    starts: list[int] = []
    ends: list[int] = []
    for s in said:
        first, last = at, at + len(s.text.split()) - 1
        at = last + 1
        for i, errors_ms, edge in ((first, starts, "start_ms"), (last, ends, "end_ms")):
            k = exact.pairs.get(i) if i in exact.exact else None
            if k is not None:
                errors_ms.append(getattr(made[k], edge) - getattr(s, edge))
    print(f"{name}, recognised: {len(made)} words, {audio.duration_ms / 1000 / took_s:.1f} x real time")
    print(f"    first words begin {errors(starts)}\n    last words end    {errors(ends)}")


# -- AMI ----------------------------------------------------------------------------------------------


def show_ami(half: str, files: Sequence[Path], recogniser: engines.Recogniser, aligner: Aligner, scratch: Path) -> None:
    """The text of each voice, cut where it pauses, as captions put on the sound."""
    everywhere, alone, recognised, sound_itself, n_words = [], [], [], [], 0
    for file in files:
        stem = file.name.removesuffix(".words.json")
        sound = next(f for f in file.parent.glob(f"{stem}.*") if f.suffix in (".flac", ".wav"))
        audio = decode([Source(sound)], scratch / f"{stem}.s16")
        true = [w for u in utterances(w for w in read_words(file) if _start(w) < audio.duration_ms) for w in u]
        captions = [
            word
            for u in utterances(true)
            for word in cues([Sentence(" ".join(w.text for w in u), _start(u[0]), max(map(_end, u)))])
        ]
        n_words += len(true)
        sound_itself += list(off_the_sound(true, audio))
        for word, is_alone, made in zip(true, apart(true), on_the_sound(captions, audio, aligner), strict=True):
            if made.timing == "aligned":
                everywhere.append(_start(made) - _start(word))
                alone += [everywhere[-1]] * is_alone
        blocks = recogniser.words(audio, language="en", vocabulary=(), progress=lambda done_ms, total_ms: None)
        heard = [w for b in blocks for w in b.words]
        pairs = match(true, heard)
        for i, is_alone in enumerate(apart(true)):
            k = pairs.pairs.get(i) if i in pairs.exact else None
            if k is not None and is_alone:
                recognised.append(_start(heard[k]) - _start(true[i]))
    print(f"AMI, {half}: {len(everywhere)} of {n_words} words found")
    print(f"    where one voice speaks {errors(alone)}\n    everywhere             {errors(everywhere)}")
    print(f"    recognised, one voice  {errors(recognised)}")
    print(f"    the reference itself against the loudness after quiet {errors(sound_itself)}")


def off_the_sound(words: Sequence[Word], audio: Audio) -> Iterator[int]:
    """Of words that begin after half a second of quiet, how far they are from where sound begins nearby."""
    runs = runs_of_sound(audio.slice(0, audio.duration_ms))
    for word in words:
        at = _start(word)
        if at < 500 or any(_end(v) > at - 500 and _start(v) <= at for v in words if v is not word):
            continue
        near = [at - start_ms for start_ms, _ in runs if abs(at - start_ms) <= 700]
        yield from sorted(near, key=abs)[:1]


def utterances(words: Iterator[Word] | Sequence[Word]) -> list[list[Word]]:
    """What each voice says without a pause of half a second, in the order in which they begin."""
    found: list[list[Word]] = []
    by_voice = sorted(words, key=lambda w: (w.speaker or "", _start(w)))
    for _, said in groupby(by_voice, key=lambda w: w.speaker):
        own: list[list[Word]] = []
        for word in said:
            if own and _start(word) - _end(own[-1][-1]) <= 500:
                own[-1].append(word)
            else:
                own.append([word])
        found += own
    return sorted(found, key=lambda u: _start(u[0]))


def apart(words: Sequence[Word]) -> list[bool]:
    """Of each word whether no other voice has one at the same time."""
    return [
        not any(v.speaker != w.speaker and _start(v) < _end(w) and _start(w) < _end(v) for v in words) for w in words
    ]


def _start(word: Word) -> int:
    return word.start_ms or 0


def _end(word: Word) -> int:
    return word.end_ms or 0


if __name__ == "__main__":
    main()
