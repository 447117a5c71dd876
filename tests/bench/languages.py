"""Meetings in two languages as whisper:base hears them: English joined with German, and English that may be Welsh.

python tests/bench/languages.py --shared FOLDER

FOLDER is that of the tests (ONRECORD_SHARED). German is the second half of a spoken licence, whose English is the
first; a word is heard otherwise where it is not among those that are heard in its language when that half is heard
alone.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from transcribe import models, whisper
from transcribe.audio import RATE_HZ, Audio, Source, decode
from transcribe.engines import Block
from transcribe.hearing import Listener
from transcribe.moments import languages
from transcribe.vad import clips

Sound = NDArray[np.float32]
JOINED_S, PAUSE_S = 24, 0.5
SPLITS_S = (4, 12, 20)
VOICES = ("read/two_cities_16k.wav", "ami/trn09_EN2009b.flac", "ami/dev00_ES2003a.flac")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True)
    audio = parser.parse_args().shared / "audio"
    folder = models.find("whisper-base")
    assert folder, "onrecord models get whisper-base"
    base = whisper.load(folder, fingerprint="", device="cpu", compute_type="int8", n_threads=2)
    with tempfile.TemporaryDirectory() as kept:
        scratch = Path(kept) / "a.s16"
        licence = decode([Source(audio / "multichannel/multilingual.mp3")], scratch)
        english, german = licence.slice(0, 29_712), licence.slice(30_640, licence.duration_ms)
        paths = [*sorted((audio / "ami").glob("*.flac")), *sorted((audio / "read").glob("libri*.*a*"))]
        others = [speech(decode([Source(path)], scratch)) for path in paths]
        told(base, others, german)
        joined(base, [english, *(speech(decode([Source(audio / name)], scratch)) for name in VOICES)], german, scratch)
        beside_welsh(base, paths, scratch)


def speech(audio: Audio) -> Sound:
    found = [audio.slice(clip.start_ms, clip.end_ms) for clip in clips(audio) if clip.speech]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def told(base: Listener, english: Sequence[Sound], german: Sound) -> None:
    """How sure the model is of the language of pieces, among two."""
    print("| pieces | English: most like Welsh | like German | like French | German: least like German |")
    for n_s in (3, 5, 8):
        pieces = [p for sound in english for p in cut(sound, n_s)]
        most = [max(likeness(base, p, code) for p in pieces) for code in ("cy", "de", "fr")]
        least = min(likeness(base, p, "de") for p in cut(german, n_s))
        print(f"| {len(pieces)} of {n_s} s | {' | '.join(f'{p:.2f}' for p in (*most, least))} |", flush=True)


def cut(sound: Sound, n_s: int) -> Iterator[Sound]:
    yield from (sound[at : at + n_s * RATE_HZ] for at in range(0, len(sound) - n_s * RATE_HZ + 1, n_s * RATE_HZ))


def likeness(base: Listener, sound: Sound, code: str) -> float:
    found, p = base.ears.detect(sound, ("en", code))
    return p if found == code else 1 - p


def joined(base: Listener, voices: Sequence[Sound], german: Sound, scratch: Path) -> None:
    """A clip that begins in one language and ends in the other."""
    in_german = {w for _, w in said(hear(base, german, scratch, "de"))}
    print("| voice | joined | as a whole | words in English, German | heard otherwise | s without words |")
    for n, english in enumerate(voices, 1):
        alone = {"en": english, "de": german}
        known = {"en": {w for _, w in said(hear(base, english[: 30 * RATE_HZ], scratch, "en"))}, "de": in_german}
        for first, then in (("en", "de"), ("de", "en")):
            for split_s in SPLITS_S:
                pause = np.zeros(round(PAUSE_S * RATE_HZ), np.float32)
                end_s = JOINED_S - split_s
                sound = np.concatenate([alone[first][: split_s * RATE_HZ], pause, alone[then][: end_s * RATE_HZ]])
                surest, p = base.ears.detect(sound, ("en", "de"))
                block = hear(base, sound, scratch, "en", "de")
                words = said(block)
                counts = ", ".join(str(sum(code == c for c, _ in words)) for code in ("en", "de"))
                otherwise = [f"{w} ({code})" for code, w in words if w and w not in known[code]]
                gone_s = sum(s.end_ms - s.start_ms for s in block.stretches) / 1000
                what = f"{n} | {first} {split_s} s, {then} {end_s} s | {surest} {p:.2f}"
                print(f"| {what} | {counts} | {', '.join(otherwise)} | {gone_s:.1f} |", flush=True)


def hear(base: Listener, sound: Sound, scratch: Path, main: str, *others: str) -> Block:
    (np.clip(sound, -1, 1) * 32_767).astype("<i2").tofile(scratch)
    (block,) = base.words(Audio(path=scratch), language=main, others=others, vocabulary=())
    return block


def said(block: Block) -> list[tuple[str, str]]:
    """Each word with the language that it is in."""
    spoken = languages(block.words, block.language, block.passages)
    return [(code, w.text.strip(".,").lower()) for code, w in zip(spoken, block.words, strict=True)]


def beside_welsh(base: Listener, paths: Sequence[Path], scratch: Path) -> None:
    """English recordings as those of a meeting that may also be in Welsh."""
    heard, cpu_s, long_ms = [], [], 0
    for others in ((), ("cy",)):
        began_s = time.process_time()
        for path in paths:
            audio = decode([Source(path)], scratch)
            (block,) = base.words(audio, language="en", others=others, vocabulary=())
            heard.append((block.words, block.stretches, block.passages))
            long_ms += audio.duration_ms
        cpu_s.append(time.process_time() - began_s)
    n = len(paths)
    n_same = sum(alone == beside for alone, beside in zip(heard[:n], heard[n:], strict=True))
    print(f"{n} English recordings, {long_ms / 2000:.0f} s: {n_same} are heard alike where Welsh is named as well")
    print(f"processor time: {cpu_s[0]:.1f} s, where Welsh is named {cpu_s[1]:.1f} s")


if __name__ == "__main__":
    main()
