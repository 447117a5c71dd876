"""Files that are made from meetings and given away: put in place whole, and remembered, so that what is hidden later
can be found in them.

`data/outputs.jsonl` has a line for each file that an export, a clip or a pack wrote, and for each folder of pages. What
lies in the data folder is deleted when something in it is hidden; of what lies elsewhere people are told. Published
folders are `pipeline.publish`'s, wherever they lie, but for those that another data folder published: a copy of that,
made to try something or to go back to, remembers them too, and must change nothing that people read.
"""

import contextlib
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from pipeline import journal
from pipeline.events import now
from pipeline.meetings import Layout
from pipeline.receipts import put
from transcribe import locks
from transcribe.problem import LACKING, Problem
from transcribe.ranges import Ranges, within
from transcribe.records import Record

FILE = "outputs.jsonl"
WAIT_S = 75.0  # a process of another machine that died keeps a lock for a minute
PUBLISHED = "published"  # a folder of pages, out of which `pipeline.publish` takes what is hidden


class Output(Record):
    """A file, or a folder of files, that holds something of these meetings: all of it, or what was said from
    `start_ms` to `end_ms`."""

    at: str  # UTC
    path: str  # from the data folder on, where it lies in that
    what: str  # such as "txt", "clip"
    meetings: tuple[str, ...]
    data: str = ""  # where the data folder lay
    start_ms: int = 0
    end_ms: int | None = None

    def touches(self, hidden: Ranges) -> bool:
        return bool(hidden if self.end_ms is None else within(hidden, [(self.start_ms, self.end_ms)]))


def check_free(path: Path, *, force: bool) -> None:
    """Raise Problem where a file that somebody named is there already, unless it may be replaced, and for a folder."""
    if not os.path.lexists(path):
        return
    if path.is_dir():
        raise Problem("this is a folder", where=path, fix="name a file in it")
    if not force:
        raise Problem("there is such a file already", where=path, fix="name another, or replace it with --force")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where a file is written that then gets its name in one step. Raises Problem where it can't be written, or what it
    is made of can't be read."""
    side = path.with_name(f".{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield side
        side.replace(path)
    except OSError as e:
        if e.filename and Path(e.filename).suffix != side.suffix and not path.is_relative_to(e.filename):
            raise Problem(
                f"this cannot be read: {e.strerror}", where=e.filename, fix="check its rights", exit_code=LACKING
            ) from e
        raise Problem(
            f"this cannot be written: {e.strerror or e}", where=path, fix="check rights and room", exit_code=LACKING
        ) from e
    finally:
        with contextlib.suppress(OSError):
            side.unlink(missing_ok=True)


@contextlib.contextmanager
def taken_back(*paths: Path) -> Iterator[None]:
    """Where a Problem is raised in here, files that were just remembered are taken away again: what was hidden while
    they were made, somebody may have looked for before they were known."""
    try:
        yield
    except Problem:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def note(layout: Layout, path: Path, what: str, meetings: Sequence[str], place: tuple[int, int] | None = None) -> None:
    """Remember a file that was just written. Where that cannot be kept, nobody is stopped for it: it is `unknown`."""
    start_ms, end_ms = place or (0, None)
    path, root = path.resolve(), layout.root.resolve()
    output = Output(
        at=now(),
        path=str(path.relative_to(root) if path.is_relative_to(root) else path),
        what=what,
        meetings=tuple(meetings),
        data=str(root),
        start_ms=start_ms,
        end_ms=end_ms,
    )
    with contextlib.suppress(OSError, UnicodeEncodeError, locks.Busy), _held(layout):
        journal.add(layout.root / FILE, output)


def unknown(layout: Layout, paths: Iterable[Path]) -> list[Path]:
    """Files that were written and could not be remembered."""
    known = _read(layout)
    return [path for path in paths if path.resolve() not in known]


def purge(layout: Layout, meeting: str, hidden: Ranges) -> tuple[str, ...]:
    """Delete files in the data folder that hold what is hidden of a meeting. Returns the others that do, and those that
    cannot be deleted."""
    gone, left = set[Path](), []
    for path, output in _read(layout).items():
        if not path.exists():
            gone.add(path)
        elif meeting not in output.meetings or not output.touches(hidden):
            continue
        elif output.what == PUBLISHED:
            left += [str(path)] * _is_of_another(layout, output)
        elif path.is_relative_to(layout.root.resolve()) and _is_deleted(path):
            gone.add(path)
        else:
            left.append(str(path))
    if gone:
        _forget(layout, gone)
    return tuple(left)


def _is_deleted(path: Path) -> bool:
    with contextlib.suppress(OSError):  # it may be a folder by now, or in one that is somebody else's
        path.unlink(missing_ok=True)
    return not path.exists()


def _forget(layout: Layout, gone: Collection[Path]) -> None:
    """Write the list anew without files that are gone. Where that can't be done now, another time will do."""
    with contextlib.suppress(OSError, locks.Busy), _held(layout):
        kept = [o for path, o in _read(layout).items() if path not in gone or path.exists()]
        put(layout.root / FILE, b"".join(msgspec.json.encode(o) + b"\n" for o in kept))


def _held(layout: Layout) -> AbstractContextManager[locks.Lock]:
    """Keep others from adding to the list while it is written anew."""
    return locks.hold(layout.root / ".outputs.lock", wait_s=WAIT_S)


def folders(layout: Layout, meeting: str) -> tuple[Path, ...]:
    """Folders in which pages of a meeting were published, and which are still there."""
    return tuple(path for path, meetings in published(layout).items() if meeting in meetings)


def published(layout: Layout) -> dict[Path, tuple[str, ...]]:
    """Folders that were published from here and are still there, with the meetings that they may hold."""
    return {
        path: output.meetings
        for path, output in _read(layout).items()
        if output.what == PUBLISHED and path.is_dir() and not _is_of_another(layout, output)
    }


def _is_of_another(layout: Layout, output: Output) -> bool:
    """Whether the data folder that wrote it is another, which is still where it lay then: this one is a copy of it."""
    was = Path(output.data, FILE)
    return bool(output.data) and os.access(was, os.F_OK) and not was.parent.samefile(layout.root)


def _read(layout: Layout) -> dict[Path, Output]:
    """What was written last to each path. A line that cannot be read tells of nothing."""
    found: dict[Path, Output] = {}
    root = layout.root.resolve()
    try:
        lines = (root / FILE).read_bytes().splitlines()
    except OSError:
        return found
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError):
            output = msgspec.json.decode(line, type=Output)
            found.pop(root / output.path, None)
            found[root / output.path] = output
    return found
