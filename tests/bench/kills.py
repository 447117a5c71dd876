"""Kill runs over five meetings, and see that the next run ends as if nothing had been: `python tests/bench/kills.py`.

    python tests/bench/kills.py [--kills 50] [--seed 0] [--jobs 2]

The command line, its workers and the engines are the real ones; the engines' weights are tiny and random, and blocks
are of twelve seconds instead of ten minutes. Half of the kills come at random moments of a run, half at a point where
something is being committed. After each, a new run must end in the same bytes and rows as one that nobody
killed, must begin no stage that has a receipt, and must go on hearing at the end of the last finished block.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pipeline import receipts  # noqa: E402
from pipeline.events import Event  # noqa: E402
from pipeline.meetings import Layout  # noqa: E402
from search import find, index, quotes  # noqa: E402
from tests import tiny_pyannote, tiny_whisper  # noqa: E402
from tests.house import TOML, environment, with_captions  # noqa: E402
from tests.make_media import write_sound  # noqa: E402
from transcribe import diarise  # noqa: E402
from transcribe.audio import Source, decode  # noqa: E402
from transcribe.engines import Block  # noqa: E402
from transcribe.records import Record  # noqa: E402

MADE = ("recording.json", "words.json", "turns.json", "transcript.json", "transcript.vtt", "statements.json")
STAGES = ("probe", "playable", "words", "turns", "transcript", "statements", "index")
POINTS = (
    *(f"receipt:{stage}" for stage in STAGES),
    *(f"done:{stage}" for stage in STAGES),
    *("block:1", "block:2", "block:3"),
    *("moved:playable.m4a", "moved:transcript.json", "moved:quotes.parquet", "commit:", "committed:"),
)
CAPTIONED = "captioned"


class Kill(Record):
    """What a kill met, and what the run after it did."""

    at: str
    n_receipts: int  # when it came
    n_begun: int  # stages that the next run began
    blocks: int  # finished before the kill in hearings that were not
    wrong: tuple[str, ...] = ()


EXCLUDED_MS = (5_000, 8_000)


# -- five meetings --------------------------------------------------------------------------------


def make_models(folder: Path) -> None:
    warnings.simplefilter("ignore")
    tiny_whisper.write_ct2(folder / "whisper", tiny_whisper.talkative())
    diarise.prepare()
    tiny_pyannote.pipeline(folder / "pyannote", quick=True)


def make_meetings(data: Path) -> None:
    """Captions alone; a long recording; a short one; one with a stretch to leave out; one in two parts."""
    with_captions(data, CAPTIONED)
    with tempfile.TemporaryDirectory() as scratch:
        recording = next((ROOT / "data" / "raw").glob("*/meeting.opus"))
        speech = decode([Source(recording)], Path(scratch) / "speech").slice(0, 120_000)
    for folder, toml, files in (
        ("excluded", f'exclude = [[5, 8, "exempt business"]]\n{TOML}', {"meeting.wav": (60, 75)}),
        ("long", TOML, {"meeting.flac": (0, 60)}),
        (
            "parts",
            f"{TOML}[[media]]\nfile = 'a.wav'\n[[media]]\nfile = 'b.wav'\n",
            {"a.wav": (75, 85), "b.wav": (85, 95)},
        ),
        ("short", TOML, {"meeting.mp3": (95, 110)}),
    ):
        place = data / "raw" / folder
        place.mkdir(parents=True)
        (place / "meeting.toml").write_text(f'language = "en"\n{toml}', "utf-8")
        for name, (start_s, end_s) in files.items():
            codec = {".flac": "flac", ".mp3": "libmp3lame"}.get(Path(name).suffix, "pcm_s16le")
            write_sound(place / name, [(0, speech[start_s * 16_000 : end_s * 16_000])], codec=codec)


def start(data: Path, models: Path, *, n_jobs: int, die: str = "") -> "subprocess.Popen[str]":
    """A run over all five in a process group of its own. Captions are heard by no engine, hence two runs in a row; a
    point to die at is one of the second."""
    sound = sorted(p.name for p in (data / "raw").iterdir() if p.name != CAPTIONED)
    onrecord = f"{sys.executable} -m pipeline run --data {data}"
    engines = f"--asr whisper:{models / 'whisper'} --diariser pyannote:{models / 'pyannote'} --jobs {n_jobs}"
    return subprocess.Popen(
        ["sh", "-c", f"ONRECORD_DIE= {onrecord} {CAPTIONED} && {onrecord} {engines} {' '.join(sound)}"],
        cwd=ROOT,
        env=environment(
            {
                "PYTHONPATH": f"{ROOT}:{Path(__file__).parent / 'dying'}",
                "ONRECORD_MODELS": str(models),
                "ONRECORD_ASKED": str(data / "asked"),
                "ONRECORD_DIE": die,
            }
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(data: Path, models: Path, *, n_jobs: int) -> float:
    """Run to the end; seconds."""
    began = time.monotonic()
    process = start(data, models, n_jobs=n_jobs)
    _, told = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(told)
    return time.monotonic() - began


# -- what there is --------------------------------------------------------------------------------


def result(data: Path) -> dict[str, object]:
    """All that a run must end in, whatever happened before."""
    layout = Layout(root=data)
    found: dict[str, object] = {}
    for folder in (data / "raw").iterdir():
        made = layout.made(folder.name)
        found |= {f"{folder.name}/{name}": (made / name).read_bytes() for name in MADE}
        found[f"{folder.name}/quotes.parquet"] = quotes.read_parquet(made / "quotes.parquet")
        found[f"{folder.name}/left behind"] = left_behind(made)
    found["index"] = index.held(layout.index)
    hits = find.search(layout.index, "", limit=find.N_HITS).hits
    found["what is found"] = sorted(msgspec.json.encode(hit.quote) for hit in hits)
    return found


def left_behind(made: Path) -> list[str]:
    """Files of a meeting that no receipt speaks of, but for the locks of the dead."""
    known = {f"receipts/{name}.json" for name in STAGES}
    known |= {n for name in STAGES if (r := receipts.read(made, name)) for n in r.outputs}
    found = {p.relative_to(made) for p in made.rglob("*") if p.is_file()}
    return sorted(str(p) for p in found if str(p) not in known and p.parts[0] != "locks")


def finished_stages(data: Path) -> set[tuple[str, str]]:
    return {
        (p.parents[1].name, p.stem)
        for p in (data / "processed").glob("*/receipts/*.json")
        if receipts.read(p.parents[1], p.stem)
    }


def begun_stages(data: Path, logs_before: set[Path]) -> list[tuple[str, str]]:
    events = [
        msgspec.json.decode(line, type=Event)
        for log in sorted(set((data / "processed" / "runs").glob("*.jsonl")) - logs_before)
        for line in log.read_bytes().splitlines()
    ]
    return [(e.meeting, e.stage) for e in events if e.what == "start"]


def heard_until(data: Path) -> dict[str, tuple[int, int]]:
    """By meeting: how many blocks of a hearing that has not ended are on the disk, and the end of the last of them."""
    found = {}
    for log in (data / "processed").glob("*/scratch/words-*.jsonl"):
        lines = [line for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        if lines:
            found[log.parents[1].name] = len(lines), msgspec.json.decode(lines[-1], type=Block).end_ms
    return found


# -- kills ----------------------------------------------------------------------------------------


def interrupt(data: Path, models: Path, *, at: float | str, n_jobs: int) -> None:
    """Begin a run, or go on with one, and kill it at a time in seconds or at a point."""
    process = start(data, models, n_jobs=n_jobs, die=at if isinstance(at, str) else "")
    try:
        _, told = process.communicate(timeout=600 if isinstance(at, str) else at)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, told = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(told)


def kill(data: Path, models: Path, expected: dict[str, object], *, at: float | str, n_jobs: int) -> Kill:
    """Kill a run, run again to the end, and compare."""
    interrupt(data, models, at=at, n_jobs=n_jobs)
    before, heard = finished_stages(data), heard_until(data)
    logs = set((data / "processed" / "runs").glob("*.jsonl"))
    (data / "asked").write_text("")
    finish(data, models, n_jobs=n_jobs)
    begun = begun_stages(data, logs)
    found = result(data)
    wrong = [f"{name} differs" for name in expected if found.get(name) != expected[name]]
    wrong += [f"{name}: {found[name]}" for name in found if name.endswith("left behind") and found[name]]
    wrong += [f"{stage} of {meeting} ran again" for meeting, stage in sorted(before & set(begun))]
    wrong += [
        f"{stage} of {meeting} ran twice" for meeting, stage in sorted(set(begun)) if begun.count((meeting, stage)) > 1
    ]
    asked: dict[str, int] = {}
    for line in (data / "asked").read_text().splitlines():
        path, at_ms = line.rsplit(" ", 1)
        asked.setdefault(Path(path).parents[1].name, int(at_ms))
    for meeting, from_ms in asked.items():
        until_ms = heard.get(meeting, (0, 0))[1]
        if meeting == "excluded" and until_ms == EXCLUDED_MS[0]:
            until_ms = EXCLUDED_MS[1]  # nobody listens in between
        if from_ms != until_ms:
            wrong.append(f"{meeting} was heard from {from_ms} ms and not from {until_ms} ms")
    return Kill(
        at=at if isinstance(at, str) else f"{at:.2f} s",
        n_receipts=len(before),
        n_begun=len(begun),
        blocks=sum(n for meeting, (n, _) in heard.items() if (meeting, "words") not in before),
        wrong=tuple(wrong),
    )


def moments(n: int, seed: int, duration_s: float) -> list[float | str]:
    """When to kill: each second kill at a random time, the others at points in turn, those too from a random one on."""
    chance = random.Random(seed)
    points = list(POINTS)
    chance.shuffle(points)
    return [chance.uniform(0, duration_s) if i % 2 == 0 else points[i // 2 % len(points)] for i in range(n)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        data, models = Path(scratch) / "data", Path(scratch) / "models"
        make_models(models)
        make_meetings(data)
        duration_s = finish(data, models, n_jobs=asked.jobs)
        expected = result(data)
        n_quotes = len(find.search(Layout(root=data).index, "", limit=find.N_HITS).hits)
        print(f"a run that nobody kills: {duration_s:.1f} s, {n_quotes} quotes; kills with --jobs {asked.jobs}:")
        kills = []
        for at in moments(asked.kills, asked.seed, duration_s):
            shutil.rmtree(data / "processed")
            kills.append(kill(data, models, expected, at=at, n_jobs=asked.jobs))
            last = kills[-1]
            print(
                f"{len(kills):>3}  at {last.at:<24} {last.n_receipts:>2} receipts, {last.blocks} blocks of words; "
                f"then {last.n_begun:>2} stages begun, and {'; '.join(last.wrong) or 'the same in the end'}",
                flush=True,
            )
    bad = [k for k in kills if k.wrong]
    met = [k.n_receipts for k in kills]
    print(
        f"{len(kills)} kills: {len(kills) - len(bad)} ended the same, {len(bad)} did not; "
        f"{min(met)} to {max(met)} of {5 * len(STAGES)} receipts were there (median {median(met):.0f}); "
        f"{sum(k.blocks > 0 for k in kills)} kills met a hearing between its blocks"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
