"""The last stage: a meeting's quotes as Parquet, what changed in them, and in the full-text index.

It runs in the process that owns the run, since the index has one writer at a time.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from analyse.records import Statements
from pipeline import changes, receipts
from pipeline.context import Context, write
from pipeline.meetings import Layout
from pipeline.receipts import state_of
from pipeline.stages import Stage, made_files
from transcribe.documents import load
from transcribe.media import Progress
from transcribe.problem import Problem

REMADE = "index-remade.txt"  # in the scratch folder: why the whole index was made again


def _params(context: Context) -> dict[str, Any]:
    meeting = context.meeting
    said = {"title": meeting.title, "body": meeting.body, "held_on": meeting.held_on, "people": meeting.people}
    states = [meeting.source_state, *(part.source_state for part in meeting.media)]
    # What is usual is left out, so that quotes stay fresh where nothing is said of it. Of media, probe keeps the page.
    return (
        said
        | ({"source_state": states} if any(states) else {})
        | (
            {"source": [meeting.source_url, meeting.source_offset_s]}
            if meeting.source_url and not meeting.media
            else {}
        )
    )


def _lost(context: Context) -> str:
    """Why the index must be written although files stand: it is gone, of another version, or holds something else."""
    from search import index

    try:
        edition = msgspec.json.decode((context.made / "indexed.json").read_bytes())
        found = index.held(context.layout.index).get(context.meeting.id)
    except index.Stale as e:
        return e.what
    except (OSError, msgspec.MsgspecError):
        return "output indexed.json cannot be read"
    return "" if found == edition else "the index does not hold this meeting as it is now"


def _make(context: Context, progress: Progress) -> list[str]:
    from search import index, quotes

    path = context.made / "statements.json"
    statements = load(path.read_bytes(), Statements, "statements/2", where=path)
    sha256 = state_of(context.made / "transcript.json").sha256
    transcript = context.transcript()
    rows = quotes.quotes(statements, transcript, context.meeting, context.recording(), sha256)
    history = changes.kept(context, rows, transcript)
    table = context.scratch / "quotes.parquet"
    quotes.write_parquet(rows, table)

    def put() -> None:
        """Whoever makes the index again before this stage is done must not take the old quotes for it. What changed
        comes first, so that nobody who is killed here has the new quotes and no history of the old ones."""
        if history:
            _place(context, changes.FILE, history)
        _place(context, table.name, table.read_bytes())

    try:
        index.replace(context.layout.index, context.meeting.id, rows, first=put)
    except index.Stale as e:
        (context.scratch / REMADE).write_text(e.what, "utf-8")
        rebuild(context.layout)
        index.replace(context.layout.index, context.meeting.id, rows, first=put)
    told = [write(context, changes.FILE, history)] if history else []
    return [*told, table.name, write(context, "indexed.json", msgspec.json.encode(index.edition(rows)))]


def _place(context: Context, name: str, data: bytes) -> None:
    """Put an output where it belongs ahead of its receipt, whole or not at all. What a disk that fails leaves of it is
    in the scratch folder, where the next run writes over it."""
    side = context.scratch / f".{name}"
    side.write_bytes(data)
    receipts.to_disk(side)
    side.replace(context.made / name)
    receipts.to_disk(context.made)


def _notes(context: Context) -> Iterator[str]:
    remade = context.scratch / REMADE
    if remade.is_file():
        yield f"{remade.read_text('utf-8')}: it was made again, from the quotes of all meetings"
        remade.unlink()


def rebuild(layout: Layout) -> None:
    """Make the index again from the quotes of every meeting; what cannot be read is left to its own run."""
    from search import index, quotes

    def finished() -> Iterator[tuple[str, tuple[quotes.Quote, ...]]]:  # read while nobody else writes the index
        for path in sorted(layout.processed.glob("*/quotes.parquet")):
            with contextlib.suppress(Problem, OSError, ValueError):
                yield path.parent.name, quotes.read_parquet(path)

    index.rebuild(layout.index, finished())


INDEX = Stage(
    name="index",
    version=2,
    inputs=made_files("statements.json", "transcript.json", "recording.json"),
    params=_params,
    make=_make,
    lost=_lost,
    notes=_notes,
)
