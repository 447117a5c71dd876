"""`corrections.jsonl`, which holds what people change in a meeting, and the one way to change something.

The file lies beside the recording, one JSON object per line. It is only ever added to, but for words that somebody
hid after they were corrected: those are taken out (`pipeline.purge`).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from pipeline.receipts import put
from transcribe import locks
from transcribe.correct import SCHEMA, Correction, in_force
from transcribe.documents import GENERATOR, upgraded
from transcribe.problem import Problem

FILE = "corrections.jsonl"
LARGEST_BYTES = 50_000_000
WAIT_S = 30.0


def read(folder: Path) -> tuple[Correction, ...]:
    """The corrections of a meeting, from its folder of raw files. Raises Problem, with the line, for what is none."""
    return tuple(c for c, _ in _all(folder / FILE))


def _all(path: Path) -> tuple[tuple[Correction, bytes], ...]:
    """The corrections in a file, each with its line."""
    try:
        stat = path.stat()
        if stat.st_size > LARGEST_BYTES:
            raise Problem("this file is larger than 50 MB", where=path, fix="check that it holds corrections")
        return _parsed(path, (stat.st_ino, stat.st_mtime_ns, stat.st_size))
    except FileNotFoundError:
        return ()


@lru_cache(maxsize=2)
def _parsed(path: Path, state: tuple[int, int, int]) -> tuple[tuple[Correction, bytes], ...]:
    """What is in a file of this state, which is asked for many times while one correction is carried through."""
    lines = path.read_bytes().splitlines()
    return tuple((_parse(line, f"{path}, line {n}"), line) for n, line in enumerate(lines, 1) if line.strip())


def _parse(line: bytes, where: str) -> Correction:
    fix = "mend or remove that line; `onrecord correct` writes them"
    try:
        body = msgspec.json.decode(line, type=dict[str, Any])
        body.pop("generator", None)
        schema, body = upgraded(body.pop("schema", None), body, SCHEMA)
        if schema != SCHEMA:
            raise Problem(f"this is {schema or 'no schema'}, not {SCHEMA}", where=where, fix=fix)
        return msgspec.convert(body, Correction)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise Problem(f"this is not a correction: {e}", where=where, fix=fix) from e


def due(folder: Path) -> list[Correction]:
    """What is withheld and should be decided again by now."""
    return [c for c in in_force(read(folder)) if c.until and c.until <= today()]


def today() -> date:
    return datetime.now(UTC).date()


def held(made: Path) -> AbstractContextManager[locks.Lock]:
    """Keep others from adding corrections to the meeting whose processed files are in `made`."""
    return locks.hold(made / "locks" / "corrections", wait_s=WAIT_S)


def rewrite(path: Path, left_of: Callable[[Sequence[Correction]], Sequence[tuple[Correction, ...]]]) -> None:
    """Put what is left of corrections in the place of them, while `held`: `left_of` gives that for each. Lines of which
    all is left stay as they are. Raises Problem as `read` does."""
    made = _all(path)
    left = left_of([c for c, _ in made]) if made else []
    lines = [
        line
        for (c, line), pieces in zip(made, left, strict=True)
        for line in ([line] if pieces == (c,) else map(_line, pieces))
    ]
    if lines != [line for _, line in made]:
        put(path, b"".join(line + b"\n" for line in lines))


def append(folder: Path, correction: Correction) -> None:
    """Add one line, whole or not at all, while `held`."""
    path = folder / FILE
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    put(path, before + _line(correction) + b"\n")


def _line(correction: Correction) -> bytes:
    return msgspec.json.encode({"schema": SCHEMA, "generator": GENERATOR, **msgspec.to_builtins(correction)})
