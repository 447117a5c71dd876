"""`corrections.jsonl`, which holds what people change in a meeting, and the one way to change something.

The file lies beside the recording, one JSON object per line, and is only ever added to.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from pipeline.receipts import put
from transcribe import locks
from transcribe.correct import SCHEMA, Correction
from transcribe.problem import Problem
from transcribe.records import GENERATOR, upgraded

FILE = "corrections.jsonl"
LARGEST_BYTES = 50_000_000
WAIT_S = 30.0


def read(folder: Path) -> tuple[Correction, ...]:
    """The corrections of a meeting, from its folder of raw files. Raises Problem, with the line, for what is none."""
    path = folder / FILE
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise Problem("this file is larger than 50 MB", where=path, fix="check that it holds corrections")
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    return tuple(_parse(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip())


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


def held(made: Path) -> AbstractContextManager[locks.Lock]:
    """Keep others from adding corrections to the meeting whose processed files are in `made`."""
    return locks.hold(made / "locks" / "corrections", wait_s=WAIT_S)


def append(folder: Path, correction: Correction) -> None:
    """Add one line, whole or not at all, while `held`."""
    path = folder / FILE
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    line = msgspec.json.encode({"schema": SCHEMA, "generator": GENERATOR, **msgspec.to_builtins(correction)})
    put(path, before + line + b"\n")
