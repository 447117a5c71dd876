"""Exports written where they were asked for: beside it first, and put in place whole."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from analyse.records import Statements
from pipeline import asked, outputs
from pipeline.meeting_toml import read_meeting
from pipeline.meetings import Layout
from search import documents, exports, tables
from search.exports import Source
from search.quotes import Quote, read_parquet
from transcribe.problem import SOME_FAILED, Problem
from transcribe.records import Transcript, load

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
    `replace` is not set, where nothing is finished, or, behind all others, where some meetings are not.
    """
    folders, ids = asked.folders_of(layout, wanted)
    pairs = [(folder, ids[folder.name]) for folder in folders]
    done = [pair for pair in pairs if (layout.made(pair[1]) / "quotes.parquet").is_file()]
    missing = [id for _, id in pairs if id not in {done_id for _, done_id in done}]
    if not done:
        raise Problem("no meeting is finished yet", where=layout.raw, fix="onrecord run")
    if format in OF_QUOTES:
        yield from _quotes(layout, format, [id for _, id in done], out, replace=replace, screen=screen)
    else:
        yield from _meetings(layout, format, done, out, replace=replace, screen=screen)
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
    done: Sequence[tuple[Path, str]],
    out: Path | None,
    *,
    replace: bool,
    screen: Callable[[str], object],
) -> Iterator[Path]:
    make, suffix = OF_MEETING[format]
    if out is None and len(done) > 1:
        raise Problem(f"{len(done)} meetings at once", fix="name one of them, or a folder for them with -o DIR")
    refused: list[Problem] = []
    for folder, id in done:
        try:
            made = make(_source(layout, folder, id))
        except Problem as e:
            if len(done) == 1:
                raise
            refused.append(e)
            continue
        if out is None:
            if isinstance(made, bytes):
                raise _not_for_the_screen(format, f"{id}{suffix}")
            screen(made)
            continue
        content = made if isinstance(made, bytes) else made.encode()
        path = out / f"{id}{suffix}" if len(done) > 1 or out.is_dir() else out
        _put(path, lambda side, content=content: side.write_bytes(content), replace=replace)  # type: ignore[misc]
        outputs.note(layout, path, format, [id])
        yield path
    if refused:
        raise Problem(
            f"{len(refused)} of {len(done)} meetings were not exported; the first: {refused[0].what}",
            where=refused[0].where,
            fix=refused[0].fix,
            exit_code=SOME_FAILED,
        )


def _not_for_the_screen(format: str, example: str) -> Problem:
    return Problem(f"{format} is no text for the screen", fix=f"name a file for it: -o {example}")


def _source(layout: Layout, folder: Path, id: str) -> Source:
    path, items = layout.made(id) / "transcript.json", layout.made(id) / "statements.json"
    content = path.read_bytes()
    return Source(
        meeting=read_meeting(folder, id),
        transcript=load(content, Transcript, "transcript/1", where=path),
        transcript_sha256=hashlib.sha256(content).hexdigest(),
        made_at=datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0),
        items=load(items.read_bytes(), Statements, "statements/2", where=items).items,
    )


def _quotes(
    layout: Layout,
    format: str,
    done: Sequence[str],
    out: Path | None,
    *,
    replace: bool,
    screen: Callable[[str], object],
) -> Iterator[Path]:
    meetings = (read_parquet(layout.made(id) / "quotes.parquet") for id in done)
    if format == "csv" and out is None:
        for row in tables.to_csv(meetings):
            screen(row.removesuffix("\n"))
        return
    if out is None:
        raise _not_for_the_screen(format, f"quotes.{format}")
    path = out / f"quotes.{format}" if out.is_dir() else out
    make = {"csv": _csv, "parquet": tables.to_parquet, "sqlite": tables.to_sqlite}[format]
    _put(path, lambda side: make(meetings, side), replace=replace)
    outputs.note(layout, path, format, done)
    yield path


def _csv(meetings: Iterator[Sequence[Quote]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(tables.to_csv(meetings))


def _put(path: Path, make: Callable[[Path], object], *, replace: bool) -> None:
    outputs.check_free(path, force=replace)
    with outputs.whole(path) as side:
        make(side)
