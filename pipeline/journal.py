"""Records kept one by one while a long work goes on, so that a killed one goes on where it was."""

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
