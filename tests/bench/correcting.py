"""How long a correction takes to reach the index, in a meeting of four hours and 40,000 words.

    python tests/bench/correcting.py [--words N] [--times N] [--after N]

The meeting is made: captions of twelve voices, a sixth of it about live facial recognition, with a dozen people in its
meeting.toml. Every kind of correction is made as the page and the command line make it, `--after` so many corrections
of words; each line gives the median and the longest time of the whole, its time on the processor, and the medians of
the stages that it went through. On a machine that does other things, only the processor's time means anything.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pipeline import amend, apply, batch, corrections, work
from pipeline.apply import Applied
from pipeline.context import Context
from pipeline.events import Event
from search.quotes import Address, parse_address, read_parquet
from tests.house import job
from transcribe.engines import Choice

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
NAMES = "Ruth Amadi,Colm Brannigan,Dai Prosser,Edith Varga,Farid Noor,Greta Holm,Huw Penry,Ines Duarte,Jo Okafor,"
NAMES += "Kit Lindqvist,Leyla Aydin,Mina Sorel"
PLAIN = (
    "The carriageway in {} Road was resurfaced in the {} quarter and we have had {} letters of thanks since.",
    "I would ask the officers to come back with a report on the {} budget before the {} meeting of this panel.",
    "Residents of {} Street have waited {} years for a crossing, and I do not think that is good enough.",
    "Thank you, Chair. On the library, the figures for {} show that {} people came through its doors.",
)
ON_TOPIC = (
    "When live facial recognition was used outside {} station, nobody had consulted the {} people who live there.",
    "There were {} deployments of live facial recognition, and we published a notice of {} of them in advance.",
    "Could the Superintendent say who is on the watchlist in {}, and how {} residents were told about the cameras?",
)


def captions(n_words: int, random_: random.Random) -> str:
    voices, cues, said, at_s = NAMES.split(","), ["WEBVTT\n"], 0, 0.0
    while said < n_words:
        voice = random_.choice(voices)
        for _ in range(random_.randint(1, 9)):
            text = random_.choice(ON_TOPIC if random_.random() < 1 / 6 else PLAIN).format(
                random_.choice(("Mill", "Church", "Tanner", "Station", "Quay")), random_.randint(2, 400),
                random_.randint(2, 90),
            )  # fmt: skip
            n = len(text.split())
            length_s = n * 14_400 / n_words
            cues.append(f"{_clock(at_s)} --> {_clock(at_s + 0.95 * length_s)}\n<v {voice}>{text}</v>\n")
            at_s, said = at_s + length_s, said + n
    return "\n".join(cues)


def _clock(s: float) -> str:
    return f"{int(s) // 3600:02d}:{int(s) // 60 % 60:02d}:{s % 60:06.3f}"


def make(data: Path, n_words: int) -> None:
    folder = data / "raw" / "m"
    folder.mkdir(parents=True)
    people = [
        f'[[people]]\nid = "{n.lower().replace(" ", "-")}"\nname = "Councillor {n}"\nrole = "Member"\n'
        for n in NAMES.split(",")
    ]
    (folder / "meeting.toml").write_text("\n".join(['title = "Long Panel"', *people]), "utf-8")
    (folder / "captions.vtt").write_text(captions(n_words, random.Random(7)), "utf-8")


def _silent(event: Event) -> None:
    pass


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--words", type=int, default=40_000)
    asked.add_argument("--times", type=int, default=3)
    asked.add_argument("--after", type=int, default=0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        make(data, given.words)
        todo = job(data, "m", "m", CAPTIONS, CAPTIONS)
        began = time.monotonic()
        (outcome,) = batch.run([todo], _silent, n_workers=0)
        print(f"first run {time.monotonic() - began:.2f} s: " + ", ".join(f"{r.stage} {r.wall_s}" for r in outcome.ran))
        context = work.context_of(todo)
        rows = read_parquet(context.made / "quotes.parquet")
        hours = context.recording().duration_ms / 3.6e6
        print(f"{len(context.transcript().words)} words, {len(rows)} quotes, {hours:.2f} h")
        drawn = random.Random(3).sample(rows, 12 * given.times + given.after)
        places = [parse_address(row.address) for row in drawn[given.after :]]
        for row in drawn[: given.after]:
            more = amend.reword(context, parse_address(row.address), f"{row.text} Indeed.", by="B")
            corrections.append(context.raw, more)

        def measured(name: str, correct: Callable[[Context, Address], Applied]) -> None:
            walls: list[float] = []
            cpu: list[float] = []
            stages: dict[str, list[float]] = {}
            for _ in range(given.times):
                began, cpu_began = time.monotonic(), time.process_time()
                told: list[Event] = []
                sinks.append(told)
                correct(work.context_of(todo), places.pop())
                walls.append(time.monotonic() - began)
                cpu.append(time.process_time() - cpu_began)
                for event in told:
                    if event.what == "done":
                        stages.setdefault(event.stage, []).append(event.wall_s)
            parts = ", ".join(f"{stage} {statistics.median(s):.2f}" for stage, s in stages.items())
            told_s = f"median {statistics.median(walls):.2f} s, longest {max(walls):.2f} s"
            print(f"{name:<10} {told_s}, processor {statistics.median(cpu):.2f} s: {parts}")

        sinks: list[list[Event]] = []

        def sink(event: Event) -> None:
            sinks[-1].append(event)

        said = "Those were the words that were said."
        measured("words", lambda c, a: apply.apply(c, amend.reword(c, a, said, by="B"), sink))
        measured("speaker", lambda c, a: apply.apply(c, amend.assign(c, a, "jo-okafor", by="B"), sink))
        measured("listened", lambda c, a: apply.apply(c, amend.listen(c, a, by="B"), sink))
        until = date(2999, 1, 31)
        measured(
            "withheld", lambda c, a: apply.apply(c, amend.withhold(c, a, by="B", reason="asked", until=until), sink)
        )
        measured("mask", lambda c, a: apply.apply(c, amend.hide(c, a, "mask", by="B", reason="a number"), sink))


if __name__ == "__main__":
    main()
