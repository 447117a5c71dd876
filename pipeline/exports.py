"""Exports written where they were asked for: beside it first, and put in place whole."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from analyse.records import Statements
from pipeline import asked, hidden, outputs
from pipeline.meeting_toml import read_meeting
from pipeline.meetings import Layout
from search import documents, exports, tables
from search.exports import Source
from search.quotes import Quote, read_parquet
from transcribe.documents import load
from transcribe.problem import SOME_FAILED, Problem
from transcribe.ranges import Ranges
from transcribe.records import Transcript

OF_MEETING: dict[str, tuple[Callable[[Source], str | bytes], str]] = {
    "vtt": (exports.to_vtt, ".vtt"),
    "srt": (exports.to_srt, ".srt"),
    "captions": (exports.to_captions, ".captions.vtt"),
    "chapters": (exports.to_chapters, ".chapters.txt"),
    "txt": (exports.to_txt, ".txt"),
    "docx": (documents.to_docx, ".docx"),
    "cdp": (exports.to_cdp, ".cdp.json"),
}
OF_QUOTES = ("csv", "parquet", "sqlite")


class Ready(NamedTuple):
    """A finished meeting, and the time of it that was hidden when its export began."""

    folder: Path
    id: str
    hidden: Ranges


def write(
    layout: Layout,
    format: str,
    wanted: list[str],
    out: Path | None,
    *,
    replace: bool,
    screen: Callable[[str], object],
) -> Iterator[Path]:
    """Write a format of the meetings wanted (all without any), and give each file that was written.

    Without `out`, text of one meeting and CSV go to `screen`. Raises Problem where a file is there already and
    `replace` is not set, where nothing is finished, or, behind all others, where some meetings are not, or hold what is
    hidden now.
    """
    folders, ids = asked.folders_of(layout, wanted)
    done: list[Ready] = []
    missing: list[str] = []
    refused: list[Problem] = []
    for folder, id in ((folder, ids[folder.name]) for folder in folders):
        if not (layout.made(id) / "quotes.parquet").is_file():
            missing.append(id)
            continue
        try:
            done.append(Ready(folder, id, hidden.check_out(layout, folder, id)))
        except Problem as e:
            refused.append(e)
    if not (done or refused):
        raise Problem("no meeting is finished yet", where=layout.raw, fix="onrecord run")
    if done and format in OF_QUOTES:
        yield from _quotes(layout, format, done, out, replace=replace, screen=screen)
    elif done:
        yield from _meetings(layout, format, done, refused, out, replace=replace, screen=screen)
    if refused and (n_finished := len(folders) - len(missing)) == 1:
        raise refused[0]
    if refused:
        raise Problem(
            f"{len(refused)} of {n_finished} meetings were not exported; the first: {refused[0].what}",
            where=refused[0].where,
            fix=refused[0].fix,
            exit_code=SOME_FAILED,
        )
    if missing and wanted:
        raise Problem(
            f"not finished, and not exported: {', '.join(missing)}",
            where=layout.raw,
            fix="onrecord run",
            exit_code=SOME_FAILED,
        )


def _meetings(
    layout: Layout,
    format: str,
    done: Sequence[Ready],
    refused: list[Problem],
    out: Path | None,
    *,
    replace: bool,
    screen: Callable[[str], object],
) -> Iterator[Path]:
    make, suffix = OF_MEETING[format]
    if out is None and len(done) > 1:
        raise Problem(f"{len(done)} meetings at once", fix="name one of them, or a folder for them with -o DIR")
    for ready in done:
        try:
            made = make(_source(layout, ready.folder, ready.id))
        except Problem as e:
            refused.append(e)
            continue
        if out is None:
            if isinstance(made, bytes):
                raise _not_for_the_screen(format, f"{ready.id}{suffix}")
            screen(made)
            continue
        content = made if isinstance(made, bytes) else made.encode()
        path = out / f"{ready.id}{suffix}" if len(done) > 1 or out.is_dir() else out
        _put(path, lambda side, content=content: side.write_bytes(content), replace=replace)  # type: ignore[misc]
        try:
            _given(layout, path, format, [ready])
        except Problem as e:
            refused.append(e)
            continue
        yield path


def _not_for_the_screen(format: str, example: str) -> Problem:
    return Problem(f"{format} is no text for the screen", fix=f"name a file for it: -o {example}")


def _source(layout: Layout, folder: Path, id: str) -> Source:
    path, items = layout.made(id) / "transcript.json", layout.made(id) / "statements.json"
    content = path.read_bytes()
    return Source(
        meeting=read_meeting(folder, id),
        transcript=load(content, Transcript, "transcript/2", where=path),
        transcript_sha256=hashlib.sha256(content).hexdigest(),
        made_at=datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0),
        items=load(items.read_bytes(), Statements, "statements/2", where=items).items,
    )


def _quotes(
    layout: Layout,
    format: str,
    done: Sequence[Ready],
    out: Path | None,
    *,
    replace: bool,
    screen: Callable[[str], object],
) -> Iterator[Path]:
    meetings = (read_parquet(layout.made(ready.id) / "quotes.parquet") for ready in done)
    if format == "csv" and out is None:
        for row in tables.to_csv(meetings):
            screen(row.removesuffix("\n"))
        return
    if out is None:
        raise _not_for_the_screen(format, f"quotes.{format}")
    path = out / f"quotes.{format}" if out.is_dir() else out
    make = {"csv": _csv, "parquet": tables.to_parquet, "sqlite": tables.to_sqlite}[format]
    _put(path, lambda side: make(meetings, side), replace=replace)
    _given(layout, path, format, done)
    yield path


def _csv(meetings: Iterator[Sequence[Quote]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(tables.to_csv(meetings))


def _put(path: Path, make: Callable[[Path], object], *, replace: bool) -> None:
    outputs.check_free(path, force=replace)
    with outputs.whole(path) as side:
        make(side)


def _given(layout: Layout, path: Path, format: str, of: Sequence[Ready]) -> None:
    """Remember a file that was written. Raises Problem, and takes it away, where something in it was hidden since."""
    outputs.note(layout, path, format, [ready.id for ready in of])
    with outputs.taken_back(path):
        for ready in of:
            hidden.check_since(ready.folder, ready.id, ready.hidden)
