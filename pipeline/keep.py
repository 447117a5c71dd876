"""What people made, kept safe: one zip with every meeting.toml and correction, people, ids and the codebook.

Media and whatever a run makes are not in it. A backup is a zip with a manifest that names each file's size and hash;
restoring takes only files that a backup of ours can hold, and nothing that does not match.
"""

import hashlib
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import msgspec

from pipeline import changes, corrections, outputs
from pipeline.events import now
from pipeline.meetings import Layout, ids_held, read_ids, readable, slug
from pipeline.receipts import put
from transcribe import locks
from transcribe.documents import dump, load
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

TOP = ("codebook.toml", "coded.jsonl", "meetings.toml", "onrecord.toml", "people.toml", "taggers.txt")
OF_MEETING = (changes.CITED, corrections.FILE, "meeting.toml", "roster.toml")
LOGS = (changes.CITED, corrections.FILE)  # to which lines are only ever added
MANIFEST = "manifest.json"
MOST_FILES, MOST_BYTES, MOST_BYTES_OF_ONE = 50_000, 512_000_000, 64_000_000
MOST_DIRECTORY_BYTES = 16_000_000  # of the zip, which is read whole
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's earliest time, so that equal files make equal backups


class Kept(Record):
    """A file in a backup, by its path in the data folder."""

    name: str
    size: int
    sha256: str


class Manifest(Record):
    made: str  # UTC
    files: tuple[Kept, ...]


Kind = Literal["new", "same", "merged", "different", "damaged"]


class Step(Record, omit_defaults=False):
    """What restoring does with one file. `merged` is a corrections.jsonl that gains lines and loses none, `damaged` one
    that cannot be read in the backup while the one here can, which is never replaced."""

    name: str
    kind: Kind
    n_bytes: int


# -- backup ---------------------------------------------------------------------------------------


def backup(layout: Layout, path: Path, *, force: bool = False, at: str = "") -> Manifest:
    """Write what people made into one zip, and read it back. Raises Problem where it may not or can't be written.

    The same files at the same time (`at`, now without) give the same bytes.
    """
    outputs.check_free(path, force=force)
    contents = dict(_gathered(layout))
    if not contents:
        raise Problem("there is nothing to keep: nobody wrote a meeting.toml or a correction yet", where=layout.root)
    if len(contents) > MOST_FILES or sum(map(len, contents.values())) > MOST_BYTES:
        raise Problem("this is more than one backup holds", where=layout.root, fix="back up parts of it by other means")
    manifest = Manifest(made=at or now(), files=tuple(_kept(name, data) for name, data in contents.items()))
    with outputs.whole(path) as side:
        with side.open("wb") as f:
            with zipfile.ZipFile(f, "w", allowZip64=False) as pack:
                for name, data in ((MANIFEST, dump(manifest, "backup/1")), *contents.items()):
                    entry = zipfile.ZipInfo(name, EPOCH)
                    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    pack.writestr(entry, data)
            f.flush()
            os.fsync(f.fileno())
        if read(side) != (manifest, contents):
            raise Problem("what was written cannot be read back", where=path, fix="check the disk", exit_code=LACKING)
    return manifest


def _gathered(layout: Layout) -> Iterator[tuple[str, bytes]]:
    for name in TOP:
        yield from _contents(layout.root / name, name)
    if not layout.raw.is_dir():
        return
    for folder in sorted(p for p in layout.raw.iterdir() if p.is_dir() and not p.name.startswith(".")):
        for name in OF_MEETING:
            yield from _contents(folder / name, f"raw/{folder.name}/{name}")


def _contents(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Problem("this is not a file", where=readable(str(path)), fix="put it right, or move it away")
        if found.st_size > MOST_BYTES_OF_ONE:
            raise Problem("nobody wrote this: it is too large", where=readable(str(path)), fix="move it away")
        if readable(name) != name or not _is_ours(name):
            raise Problem("the name of this folder is not one that a backup can hold", where=readable(str(path.parent)))
        yield name, path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as e:
        raise Problem(
            f"this cannot be read: {e.strerror or e}", where=readable(str(path)), fix="check its rights"
        ) from e


def _kept(name: str, data: bytes) -> Kept:
    return Kept(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


# -- reading a backup -----------------------------------------------------------------------------


def read(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and files of a backup, every one checked. Raises Problem for a zip that is not one, or was changed.

    Reads no more than a backup may hold, whatever the zip says of itself.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            names = [e.filename for e in entries]
            if len(names) != len(set(names)) or MANIFEST not in names:
                raise _foreign(path, "it has no manifest, or a name twice")
            manifest = _manifest(_extracted(pack, MANIFEST, path), path)
            listed = {f.name: f for f in manifest.files}
            if listed.keys() != set(names) - {MANIFEST} or len(listed) != len(manifest.files):
                raise _foreign(path, "its files are not those of its manifest")
            for entry in entries:
                _check_entry(entry, path)
            if sum(f.size for f in manifest.files) > MOST_BYTES:
                raise _foreign(path, "it is larger than any backup")
            contents = {name: _extracted(pack, name, path, listed[name].size) for name in listed}
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path) from e
    except OSError as e:
        raise Problem(f"this backup cannot be read: {e.strerror or e}", where=path) from e
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, struct.error) as e:
        raise _foreign(path, str(e)) from e
    for name, data in contents.items():
        if _kept(name, data) != listed[name]:
            raise _foreign(path, f"{name!r} is not what was kept")
    return manifest, contents


def _manifest(data: bytes, path: Path) -> Manifest:
    try:
        return load(data, Manifest, "backup/1")
    except Problem as e:
        raise _foreign(path, e.what) from e


def _foreign(path: Path, why: str) -> Problem:
    return Problem(
        f"this is no backup, or it was changed or damaged: {why}", where=path, fix="use another that `backup` wrote"
    )


def _check_directory(path: Path) -> None:
    """Refuse a zip whose table of contents alone would fill the memory."""
    with path.open("rb") as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(max(0, size - 66_000))
        tail = f.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise _foreign(path, "it is not a zip")
    n_entries, n_bytes = struct.unpack_from("<HI", tail, at + 10)
    if b"PK\x06\x07" in tail[max(0, at - 20) : at] or n_entries > MOST_FILES or n_bytes > MOST_DIRECTORY_BYTES:
        raise _foreign(path, "it holds more files than any backup")


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.filename != MANIFEST and not _is_ours(entry.filename):
        raise _foreign(path, f"{entry.filename!r} is not a file that people make here")
    if kind not in (0, stat.S_IFREG) or entry.is_dir():
        raise _foreign(path, f"{entry.filename!r} is not a plain file")


def _is_ours(name: str) -> bool:
    """Whether a path is one that a backup holds: nothing else is ever written."""
    parts = name.split("/")
    if any(ord(c) < 32 or ord(c) == 127 for c in name) or parts != list(Path(name).parts):
        return False
    if len(parts) == 1:
        return name in TOP
    return len(parts) == 3 and parts[0] == "raw" and not parts[1].startswith(".") and parts[2] in OF_MEETING


def _extracted(pack: zipfile.ZipFile, name: str, path: Path, size: int = MOST_BYTES_OF_ONE) -> bytes:
    entry = pack.getinfo(name)
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or size > MOST_BYTES_OF_ONE:
        raise _foreign(path, f"{name!r} is too large or packed in another way")
    with pack.open(entry) as f:
        data = f.read(size + 1)
    if len(data) > size:
        raise _foreign(path, f"{name!r} is larger than it says")
    return data


# -- restore --------------------------------------------------------------------------------------


def steps(layout: Layout, contents: Mapping[str, bytes]) -> list[Step]:
    """What restoring these files would do. Raises Problem where one would be written outside the data folder."""
    return [
        Step(name=name, kind=_decided(_here(layout, name), data, name)[0], n_bytes=len(data))
        for name, data in contents.items()
    ]


def restore(layout: Layout, contents: Mapping[str, bytes], *, force: bool = False) -> list[Step]:
    """Write what is new, add corrections that are missing, and leave files that differ alone; with `force` replace
    them and keep the old ones beside. Returns what it did."""
    steps(layout, contents)  # before anything is written
    try:
        return [_restored(layout, name, data, force=force) for name, data in contents.items()]
    except OSError as e:
        raise Problem(
            f"this cannot be restored: {e.strerror or e}",
            where=readable(str(e.filename or layout.root)),
            fix="check rights and room there, then restore again: what is there already stays",
            exit_code=LACKING,
        ) from e
    except locks.Busy as e:
        raise Problem(
            f"somebody else is changing what is to be restored: {e}",
            where=layout.root,
            fix="wait for them, then restore again: what is there already stays",
        ) from e


def _restored(layout: Layout, name: str, data: bytes, *, force: bool) -> Step:
    """Restore one file, by what is there now: others may have written since somebody was shown the steps."""
    path = _path(layout, name)
    with _held(layout, path):
        kind, whole = _decided(_here(layout, name), data, name)
        if kind == "different" and force:
            _keep_beside(path)
        if kind in ("new", "merged") or (kind == "different" and force):
            path.parent.mkdir(parents=True, exist_ok=True)
            put(path, whole)
    return Step(name=name, kind=kind, n_bytes=len(data))


def _held(layout: Layout, path: Path) -> AbstractContextManager[object]:
    """Keep others from changing a file that programs write."""
    if path.name == corrections.FILE:
        folder = path.parent.name
        return corrections.held(layout.made(read_ids(layout).get(folder) or slug(folder)))
    return ids_held(layout) if path == layout.ids else nullcontext()


def _decided(here: bytes | None, data: bytes, name: str) -> tuple[Kind, bytes]:
    """What restoring does, and what the file holds where that writes it."""
    if here is None:
        return "new", data
    if here == data:
        return "same", data
    if Path(name).name not in LOGS:
        return "different", data
    both, ours = merged(here, data), _lines(here)
    if both is None:
        return "different" if ours is None else "damaged", data
    return "same" if _lines(both) == ours else "merged", both


def _path(layout: Layout, name: str) -> Path:
    """Where a file goes. A meeting's folder that is a link leads elsewhere, and nothing is written there."""
    path = layout.root / name
    if path.parent not in (layout.root, layout.raw) and path.parent.is_symlink():
        raise Problem("this folder is a link, and nothing is restored through links", where=readable(str(path.parent)))
    return path


def _here(layout: Layout, name: str) -> bytes | None:
    path = _path(layout, name)
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES_OF_ONE:
            if os.path.lexists(path):
                raise Problem("something else is in the place of this file", where=path, fix="move it away")
            return None
        return path.read_bytes()
    except OSError as e:
        raise Problem(f"this cannot be read: {e.strerror or e}", where=path, fix="check its rights") from e


def _keep_beside(path: Path) -> None:
    """Another name for the file that is about to be replaced."""
    stamp = now().replace("-", "").replace(":", "").replace(".", "")
    beside = path.with_name(f"{path.name}.before-{stamp}")
    try:
        os.link(path, beside)
    except OSError:
        shutil.copy2(path, beside)


def merged(here: bytes, kept: bytes) -> bytes | None:
    """Two logs of corrections as one, each with its own order; None where one of them is no such log.

    Lines are only ever added to these logs. What the backup has and this one lacks goes in where it stood. Where
    both went on after they parted, the lines that are here come last, and so have the last word. A correction whose
    words were taken out here, since they are hidden, does not come back with them.
    """
    ours, theirs = _lines(here), _lines(kept)
    if ours is None or theirs is None:
        return None
    at = {line: i for i, line in enumerate(ours)}
    purged = {known.id: i for i, known in enumerate(map(_read_line, ours)) if known.purged}
    before: dict[int, list[bytes]] = {}
    position = 0
    for line in dict.fromkeys(theirs):
        here_at = at.get(line, purged.get(_read_line(line).id))
        if here_at is not None:
            position = max(position, here_at + 1)
        else:
            before.setdefault(position, []).append(line)
    whole = [line for i in range(len(ours) + 1) for line in (*before.get(i, ()), *ours[i : i + 1])]
    return b"".join(line + b"\n" for line in whole)


class _Line(msgspec.Struct):
    """What of a line tells whether its words were taken out of it."""

    id: str = ""
    purged: str = ""


def _read_line(line: bytes) -> _Line:
    try:
        return msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError:
        return _Line()


def _lines(data: bytes) -> list[bytes] | None:
    """The lines of a log however they end, as `corrections.read` takes them; None where one is cut short or no JSON."""
    lines = [line for line in data.splitlines() if line.strip()]
    try:
        for line in lines:
            msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        return None
    return lines
