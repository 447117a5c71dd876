"""Topic, codes and stance where statements stand: labelled rows laid out as committee meetings, through the pipeline.

    python tests/bench/tags.py [--sealed] [--seeds 5] [--tagger NAME] [--coded read]
        [--codebook FILE] [--keep DIR]

Rows are those of `lfr/dev.jsonl` in the evaluation data whose documents may be read while rules are written, or, with
`--sealed`, those that nobody reads (`tests/lfr_split.toml`); of the latter no row is ever shown. The recipe beside the
data lays them out, differently for each seed: without their context, among neighbouring subjects. What is printed is
the mean over seeds. With `--keep` the meetings stay, for `onrecord score tags DIR/0.jsonl --data DIR/0 --errors 9`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from analyse.score import Report, Score  # noqa: E402
from pipeline import asked, batch, measure_tags  # noqa: E402

SHARED = Path(os.environ.get("ONRECORD_SHARED", ROOT.parent / "shared" / "data"))


def rows(shared: Path, *, sealed: bool) -> list[str]:
    """The lines of the labelled file that are on this side of the split."""
    split = set(tomllib.loads((ROOT / "tests" / "lfr_split.toml").read_text("utf-8"))["sealed"])

    def is_sealed(line: str) -> bool:
        return hashlib.sha256(json.loads(line)["source_doc"].encode()).hexdigest()[:8] in split

    lines = (shared / "lfr" / "dev.jsonl").read_text("utf-8").splitlines()
    return [line for line in lines if is_sealed(line) == sealed]


def score(lines: Sequence[str], seed: int, folder: Path, recipe: Path, **choices: Any) -> Report:
    """The rows laid out with this seed, run from captions to quotes, and scored."""
    labelled, truth, data = folder / "rows.jsonl", folder / f"{seed}.jsonl", folder / str(seed)
    labelled.write_text("\n".join(lines), "utf-8")
    laid_out = [sys.executable, str(recipe), str(labelled), str(data / "raw"), str(truth), str(seed)]
    subprocess.run(laid_out, check=True, capture_output=True)
    layout = asked.layout_of(data)
    jobs, refused = asked.jobs_of(layout, None, keep=True, **choices)
    outcomes = [*refused, *batch.run(jobs, lambda event: None, n_workers=0, fresh=set())]
    wrong = [o for o in outcomes if o.status != "done"]
    if wrong:
        raise SystemExit(f"{wrong[0].meeting}: {wrong[0].what}")
    return measure_tags.in_meetings(truth, layout, asked.codebook_of(layout))


def figures(report: Report) -> dict[str, float]:
    whole = report.whole
    found = {
        "topic F1": whole.topic.f1.value,
        **{f"  ({name}) F1": baseline.f1.value for name, baseline in whole.baselines.items()},
        "  precision": whole.topic.precision,
        "  recall": whole.topic.recall,
        "  false alarms": _false_alarms(whole),
        "  false alarms on other subjects": whole.elsewhere.rate,
        "  false alarms beside, in an LFR item": whole.beside.rate,
        "  recall, no technology named": report.slices["no technology named"].topic.recall,
        "  recall, paraphrases": report.slices["paraphrases"].topic.recall,
        "  false alarms, paraphrases": _false_alarms(report.slices["paraphrases"]),
        "codes, mean F1 of those of 8 rows or more": whole.macro_f1.value,
        "codes, mean F1 of all": whole.macro_f1_of_all.value,
        "codes, F1 of all decisions": whole.micro_f1.value,
    }
    found |= {f"  {code} ({a.n})": a.f1.value for code, a in whole.codes.items()}
    found |= {
        "stance, mean F1 without mixed": whole.mean_stance_f1.value,
        "stance, mean F1 of all": whole.macro_stance_f1.value,
        "stance, accuracy": whole.stance_accuracy.value,
    }
    return found | {f"  {stance} ({a.n})": a.f1.value for stance, a in whole.stance.items()}


def _false_alarms(part: Score) -> float:
    return part.topic.false / max(1, part.n_rows - part.n_on_topic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sealed", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tagger", default="rules")
    parser.add_argument("--codebook", type=Path)
    parser.add_argument("--coded", type=Path, help="statements to learn from; `read` are those that may be read")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--shared", type=Path, default=SHARED)
    asked_for = parser.parse_args()
    lines = rows(asked_for.shared, sealed=asked_for.sealed)
    recipe = asked_for.shared.parent / "recipes" / "pseudo_meetings.py"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked_for.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        choices = {"codebook": asked_for.codebook, "tagger": asked_for.tagger, "coded": asked_for.coded}
        if asked_for.coded == Path("read"):
            choices["coded"] = folder / "read.jsonl"
            choices["coded"].write_text("\n".join(rows(asked_for.shared, sealed=False)), "utf-8")
        reports = [score(lines, seed, folder, recipe, **choices) for seed in range(asked_for.seeds)]
    part = "sealed" if asked_for.sealed else "read"
    n_s = time.monotonic() - began
    print(f"{len(lines)} {part} rows, {len(reports)} seeds, tagger {asked_for.tagger}, {n_s:.0f} s; mean (least-most)")
    each = [figures(r) for r in reports]
    for name in each[0]:
        values = [of_seed.get(name, 0.0) for of_seed in each]
        print(f"{name:44} {mean(values):.3f}  ({min(values):.3f}-{max(values):.3f})")


if __name__ == "__main__":
    main()
