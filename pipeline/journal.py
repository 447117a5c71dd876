"""Records kept one by one, a line each: of a long work, so that a killed one goes on where it was; and of events."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from transcribe.records import Record

R = TypeVar("R", bound=Record)


def read(path: Path, kind: type[R]) -> tuple[list[R], int]:
    """The records in a file, up to the first that was cut short, and how many bytes they take. No file holds none."""
    found, size = [], 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        try:
            record = msgspec.json.decode(line, type=kind)
        except msgspec.MsgspecError:
            break
        if not line.endswith(b"\n"):
            break
        size += len(line)
        found.append(record)
    return found, size


@contextmanager
def append(path: Path, size: int) -> Iterator[Callable[[Record], None]]:
    """What puts records after the first `size` bytes of a file, each on the disk before it returns."""
    with path.open("r+b" if path.exists() else "w+b") as f:
        f.truncate(size)
        f.seek(size)

        def keep(record: Record) -> None:
            f.write(msgspec.json.encode(record) + b"\n")
            f.flush()
            os.fsync(f.fileno())

        yield keep


def add(path: Path, record: Record) -> None:
    """Put a record behind what is in a file. A line that was cut short there, on a full disk, ends before it."""
    with path.open("a+b") as f:
        f.seek(max(0, f.seek(0, os.SEEK_END) - 1))
        is_cut = f.read(1) not in (b"", b"\n")
        f.write(b"\n" * is_cut + msgspec.json.encode(record) + b"\n")
