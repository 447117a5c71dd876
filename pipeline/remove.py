"""Taking a meeting out: what was made of it, its quotes in the index and, if so asked, what people put in.

It goes forward only, whenever it is killed: folders are first renamed out of sight, each in one step, after which no
run trusts or finds them; then the index forgets the meeting; then the files are deleted. Until the last of them is
gone the meeting can still be named, and removing it again finishes the job. Its id stays in `data/meetings.toml`:
addresses are permanent, and one that was cited must never come to mean another meeting.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline import corrections
from pipeline.index import rebuild
from pipeline.keep import OF_MEETING
from pipeline.meetings import Layout, assign_ids, find_folders, is_id, read_ids, readable, shared_id
from pipeline.work import NAMES
from transcribe import locks
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

TRASH = ".removed"  # in `raw` and `processed`: no run looks there


class Place(Record, omit_defaults=False):
    """A folder, with what lies in it. Where `is_link`, or for the links in it, what they point at is left alone."""

    path: str
    n_files: int
    n_bytes: int
    n_links: int = 0
    is_link: bool = False


class Removal(Record, omit_defaults=False):
    """What removing a meeting takes and leaves. `written` are the files in `goes` that only people can make again."""

    meeting: str
    goes: tuple[Place, ...]
    stays: tuple[Place, ...]
    written: tuple[str, ...]
    n_corrections: int
    n_quotes: int
    indexed: bool


def plan(layout: Layout, name: str, *, media: bool = False) -> Removal:
    """What `remove` would do to the meeting with this id or folder name. Raises Problem where there is none."""
    id, folder = _find(layout, name)
    raw = [layout.raw / folder] if folder else []
    goes = [p for p in (layout.made(id), *trash_of(layout, id), *(raw if media else [])) if os.path.lexists(p)]
    written = [p for p in (raw[0] / w for w in OF_MEETING) if p.is_file()] if raw and media else []
    return Removal(
        meeting=id,
        goes=tuple(map(_place, goes)),
        stays=() if media else tuple(map(_place, raw)),
        written=tuple(readable(str(p)) for p in written),
        n_corrections=sum(_n_lines(p) for p in written if p.name == corrections.FILE),
        n_quotes=_n_quotes(layout.made(id) / "quotes.parquet"),
        indexed=id in indexed(layout),
    )


def remove(layout: Layout, name: str, *, media: bool = False) -> None:
    """Take a meeting out. Raises Problem where a run is working on it, or where it cannot be deleted."""
    id, folder = _find(layout, name)
    with _alone(layout, id):
        try:
            if folder and media:
                _out_of_sight(layout.raw, layout.raw / folder, id)
            _out_of_sight(layout.processed, layout.made(id), id)
        except OSError as e:
            raise _undeletable(e) from e
    _forget(layout, id)
    try:
        for path in trash_of(layout, id):
            _delete(path)
    except OSError as e:
        raise _undeletable(e) from e
    for parent in (layout.raw, layout.processed):
        with contextlib.suppress(OSError):  # it may hold what another removal left
            (parent / TRASH).rmdir()


def trash_of(layout: Layout, id: str) -> list[Path]:
    """What a removal of this meeting that was killed has left to delete."""
    return sorted(p for parent in (layout.raw, layout.processed) for p in (parent / TRASH).glob(f"{id}.*"))


def in_trash(layout: Layout) -> set[str]:
    """Meetings whose removal was killed before all was deleted."""
    return {p.name.partition(".")[0] for parent in (layout.raw, layout.processed) for p in (parent / TRASH).glob("*.*")}


def indexed(layout: Layout) -> set[str]:
    """Meetings that the index holds; none where it has to be made again."""
    from search import index

    try:
        return set(index.held(layout.index))
    except Problem:
        return set()


def _find(layout: Layout, name: str) -> tuple[str, str]:
    """A meeting's id, and its folder in `raw` or nothing where that is gone. A name is an id, or else a folder's."""
    is_path = "/" in name and Path(name).parent.resolve() == layout.raw.resolve()  # as a shell completes it
    name = Path(name).name if is_path else name
    folders = find_folders(layout) if layout.raw.is_dir() else []
    ids = assign_ids(layout, folders)
    called = [f for f in folders if readable(f.name) == readable(name)]
    found = called if is_path else [f for f in folders if ids[f.name] == name] or called
    if found:
        if problem := shared_id(found[0], ids):
            raise problem
        return ids[found[0].name], found[0].name
    id = read_ids(layout).get(readable(name), name)
    if is_id(id) and (os.path.lexists(layout.made(id)) or trash_of(layout, id) or id in indexed(layout)):
        return id, ""
    raise Problem(f"there is no meeting {name!r}", where=layout.raw, fix="`onrecord status --all` lists them")


@contextlib.contextmanager
def _alone(layout: Layout, id: str) -> Iterator[None]:
    """Hold every stage of the meeting, and its corrections, so that nobody writes what is being taken away."""
    made = layout.made(id)
    with contextlib.ExitStack() as held:
        try:
            who = "somebody is correcting"
            held.enter_context(corrections.held(made))
            who = "a run is working on"
            for stage in NAMES:
                held.enter_context(locks.hold(made / "locks" / stage))
        except locks.Busy as e:
            raise Problem(
                f"{who} this meeting: {e}", where=made, fix="wait until it is done, or stop it, and try again"
            ) from e
        yield


def _out_of_sight(parent: Path, path: Path, id: str) -> None:
    if os.path.lexists(path):
        (parent / TRASH).mkdir(exist_ok=True)
        path.rename(parent / TRASH / f"{id}.{secrets.token_hex(8)}")


def _delete(path: Path) -> None:
    """A folder with all that is in it; of links only the links."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def _forget(layout: Layout, id: str) -> None:
    from search import index

    try:
        index.remove(layout.index, id)
    except index.Stale:  # the old one still holds its words, though nobody can search it
        rebuild(layout)


def _undeletable(error: OSError) -> Problem:
    return Problem(
        f"this cannot be removed: {error.strerror or error}",
        where=readable(str(error.filename or "")),
        fix="check the rights there and remove the meeting again: what is gone is gone",
        exit_code=LACKING,
    )


def _place(path: Path) -> Place:
    if path.is_symlink():
        return Place(path=readable(str(path)), n_files=0, n_bytes=0, is_link=True)
    n_files = n_bytes = n_links = 0
    for parent, folders, files in os.walk(path):
        n_links += sum((Path(parent) / name).is_symlink() for name in folders)
        for name in files:
            stat = (Path(parent) / name).lstat()
            if (Path(parent) / name).is_symlink():
                n_links += 1
            else:
                n_files, n_bytes = n_files + 1, n_bytes + stat.st_size
    return Place(path=readable(str(path)), n_files=n_files, n_bytes=n_bytes, n_links=n_links)


def _n_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for line in lines if line.strip())


def _n_quotes(path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.ParquetFile(path).metadata.num_rows)
    except (OSError, pa.ArrowException):
        return 0
