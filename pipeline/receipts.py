"""Receipts: what a stage was made from, written last, which is what makes its outputs count.

A receipt names the stage's version, its params (all that can change the result), the hash, size and time
of each input and output, and how long it took. Files are recognised by size and time and hashed only when
those differ, so that hundreds of finished meetings are looked through in a second or two.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

import msgspec

from transcribe.problem import Problem, naming, reading
from transcribe.records import Record

RECEIPTS = "receipts"


class FileState(Record):
    sha256: str
    size: int
    mtime_ns: int


class Receipt(Record):
    stage: str
    version: int
    params: dict[str, Any]
    inputs: dict[str, FileState]
    outputs: dict[str, FileState]
    audio_ms: int = 0
    wall_s: float = 0.0
    finished: str = ""  # UTC


def hash_file(path: Path) -> str:
    """SHA-256 of a file, read in pieces. Raises Problem where it may not be read."""
    with reading(path), path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def state_of(path: Path, known: FileState | None = None) -> FileState:
    """A file's hash, size and time; the hash comes from `known` where size and time are the same."""
    try:
        stat = path.stat()
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    if not (S_ISREG(stat.st_mode) or S_ISDIR(stat.st_mode)):
        raise Problem(  # reading it might never end
            "this is a device or a pipe, not a file", where=path, fix="put a file there, or name another"
        )
    if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
        return known
    return FileState(sha256=hash_file(path), size=stat.st_size, mtime_ns=stat.st_mtime_ns)


def receipt_path(folder: Path, stage: str) -> Path:
    return folder / RECEIPTS / f"{stage}.json"


def read(folder: Path, stage: str) -> Receipt | None:
    """The receipt of a stage, or None where there is none that can be read: that is a miss, not an error."""
    try:
        return msgspec.json.decode(receipt_path(folder, stage).read_bytes(), type=Receipt)
    except (OSError, msgspec.MsgspecError):
        return None


def write(folder: Path, receipt: Receipt) -> None:
    path = receipt_path(folder, receipt.stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    for unfinished in path.parent.glob(f".{path.name}.*"):  # by somebody who was killed
        unfinished.unlink(missing_ok=True)
    put(path, msgspec.json.format(msgspec.json.encode(receipt), indent=1))


def void(folder: Path, receipt: Receipt) -> None:
    """Let a receipt vouch for nothing any more. It still tells which engine was chosen."""
    nothing = {name: FileState(sha256="", size=-1, mtime_ns=0) for name in receipt.outputs}
    write(folder, msgspec.structs.replace(receipt, outputs=nothing))


def put(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a whole file or nothing: to the side, to the disk, then one rename. It gets no more rights than `mode`."""
    side = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with naming(path):
            with open(side, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as f:
                f.write(data)
            to_disk(side)
            side.replace(path)
            to_disk(path.parent)
    finally:
        side.unlink(missing_ok=True)


def to_disk(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk, so that a power cut cannot take it back."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as e:
        if not path.is_dir() or e.errno != errno.EINVAL:  # some network shares know no such thing for folders
            raise
    finally:
        os.close(fd)


def first_difference(
    folder: Path,
    receipt: Receipt | None,
    *,
    version: int,
    params: Mapping[str, Any],
    inputs: Mapping[str, Path],
    ignore: frozenset[str] = frozenset(),
    verify: bool = False,
) -> str:
    """Why a stage would run again, in words; empty when its result stands. Params in `ignore` are not compared.

    With `verify` every output is hashed; otherwise only those whose size or time differ from the receipt.
    """
    if receipt is None:
        return "it has not been made yet"
    if receipt.version != version:
        return f"the stage changed (version {receipt.version} -> {version})"
    wanted = msgspec.json.decode(msgspec.json.encode(dict(params)))  # as the receipt holds them
    for key in sorted(wanted.keys() | receipt.params.keys()):
        if key not in ignore and wanted.get(key) != receipt.params.get(key):
            before, after = _apart(receipt.params.get(key), wanted.get(key))
            return f"{key} changed: {before} -> {after}"
    for name in sorted(inputs.keys() | receipt.inputs.keys()):
        if name not in inputs:
            return f"input {name} is gone"
        if name not in receipt.inputs:
            return f"input {name} is new"
        if state_of(inputs[name], receipt.inputs[name]).sha256 != receipt.inputs[name].sha256:
            return f"input {name} changed"
    return _lost_output(folder, receipt, verify=verify)


def _lost_output(folder: Path, receipt: Receipt, *, verify: bool) -> str:
    for name, known in receipt.outputs.items():
        path = folder / name
        if not path.is_file():
            return f"output {name} is missing"
        if state_of(path, None if verify else known).sha256 != known.sha256:
            return f"output {name} is not what was written"
    return ""


def _apart(*values: object) -> list[str]:
    """Two values as text, each cut to what lies around the first place at which they differ."""
    texts = ["nothing" if v is None else msgspec.json.encode(v).decode() for v in values]
    n_alike = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(0, n_alike - 20) if max(map(len, texts)) > 60 else 0
    return [f"{'...' * (start > 0)}{t[start : start + 60]}{'...' * (len(t) > start + 60)}" for t in texts]
