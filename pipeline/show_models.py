"""Fetching and checking models, as a terminal shows it."""

from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from pipeline.show import err, out, to_json
from transcribe import models
from transcribe.problem import SOME_FAILED


def list_all(*, json: bool) -> None:
    rows = [(m, models.find(m.name)) for m in models.known()]
    if json:
        to_json(
            [
                {"name": m.name, "purpose": m.purpose, "licence": m.licence, "size": m.size, "path": path and str(path)}
                for m, path in rows
            ]
        )
        return
    out.print(f"models folder: {models.folder()}")
    for m, path in rows:
        out.print(f"{'here' if path else '-   '}  {m.name:<24} {m.size / 1e6:6.0f} MB  {m.licence:<12} {m.purpose}")


def get(names: Sequence[str], *, to: Path | None, source: Path | None) -> None:
    wanted = models.named(names)
    missing = models.lacking(wanted, within=to)
    if not missing:
        err.print(f"models are here: {', '.join(m.name for m in wanted)}")
        return
    size = models.to_download(missing, source=source)
    err.print(f"fetching {', '.join(m.name for m in missing)}: {size / 1e6:.0f} MB into {to or models.folder()}")
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=err,
        disable=not err.is_terminal,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=min(done, total), total=total)

        models.get(wanted, into=to, source=source, progress=progress, say=err.print)
    err.print("every file has the hash that it should have")


def verify(names: Sequence[str], *, json: bool) -> int:
    """Print what each file's hash should be and is. Returns the exit code."""
    chosen = models.named(names) if names else [m for m in models.known() if models.find(m.name)]
    checks = models.verify(chosen)
    if json:
        to_json(checks)
    else:
        for check in checks:
            if check.ok:
                out.print(f"ok    {check.model}/{check.file}")
            else:
                out.print(
                    f"WRONG {check.model}/{check.file}: expected {check.expected}, found {check.found or 'no file'}"
                )
        if damaged := {c.model for c in checks if not c.ok}:
            out.print(f"to put it right: onrecord models get {' '.join(sorted(damaged))}")
        if not checks:
            out.print("no models here; get some with: onrecord models get starter")
    return 0 if all(c.ok for c in checks) else SOME_FAILED
