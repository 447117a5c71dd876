"""Both Whisper implementations over the whole sample meeting, from the same weights: words, agreement, speed.

python tests/bench/words.py [MODEL]
"""

import sys
import tempfile
import time
from pathlib import Path

from transcribe import engines, score
from transcribe.audio import Source, decode
from transcribe.records import text_of
from transcribe.references import read_sentences

SAMPLE = Path(__file__).parents[2] / "data" / "raw" / "2024-05-14-public-safety"


def main(model: str = "base") -> None:
    reference = " ".join(s.text for s in read_sentences(SAMPLE / "reference" / "reference.json"))
    texts = []
    with tempfile.TemporaryDirectory() as scratch:
        audio = decode([Source(SAMPLE / "meeting.opus")], Path(scratch) / "sample.s16")
        for engine in ("whisper", "openai-whisper"):
            recogniser = engines.recogniser(engines.choose_recogniser(f"{engine}:{model}"))
            began = time.perf_counter()
            blocks = list(
                recogniser.words(audio, language="en", vocabulary=(), progress=lambda done_ms, total_ms: None)
            )
            took_s = time.perf_counter() - began
            texts.append(text_of(w for b in blocks for w in b.words))
            errors = score.word_errors(reference, texts[-1])
            lost = sum(len(b.stretches) for b in blocks)
            speed = audio.duration_ms / 1000 / took_s
            print(f"{engine}:{model}  WER {errors.rate:.1%}  {speed:.1f} x real time  {lost} stretches untranscribed")
    apart = score.word_errors(*texts)
    print(f"apart: {apart.rate:.1%} of {apart.n_reference} words")


if __name__ == "__main__":
    main(*sys.argv[1:])
