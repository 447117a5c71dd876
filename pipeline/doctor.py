"""What this machine can do, and what to do about what it can't."""

import os
import shutil
import sys
from pathlib import Path

from transcribe import engines, models
from transcribe.problem import Problem
from transcribe.records import Record


class Finding(Record):
    what: str
    found: str
    ok: bool
    fix: str = ""


def examine(data: Path) -> list[Finding]:
    """Python, processor, engines as `auto` would choose them, models, disk and the data folder."""
    findings = [
        Finding(what="python", found=sys.version.split()[0], ok=True),
        Finding(
            what="processor", found=f"{os.cpu_count()} cores, {'a GPU' if engines.has_gpu() else 'no GPU'}", ok=True
        ),
    ]
    for what, choice in (
        ("words", engines.choose_recogniser("auto")),
        ("words, the reference engine", engines.choose_recogniser("openai-whisper:base")),
        ("voices", engines.choose_diariser("auto")),
    ):
        found = choice.lacks or choice.remark or choice.name
        findings.append(Finding(what=what, found=found, ok=not choice.lacks, fix=choice.fix))
    here = [m.name for m in models.known() if models.find(m.name)]
    findings.append(
        Finding(
            what="models",
            found=f"{', '.join(here) or 'none'} in {models.folder()}",
            ok=bool(here),
            fix="" if here else "onrecord models get starter",
        )
    )
    return [*findings, _data(data)]


def _data(data: Path) -> Finding:
    from pipeline.meetings import Layout, find_folders

    try:
        n = len(find_folders(Layout(root=data)))
    except Problem as e:
        return Finding(what="data", found=e.what, ok=False, fix=e.fix)
    free = shutil.disk_usage(data).free
    return Finding(what="data", found=f"{n} meetings in {data}, {free / 1e9:.0f} GB free", ok=True)
