"""With this folder on PYTHONPATH every Python process hears in short blocks, notes from where, and dies where told.

`ONRECORD_DIE` is `POINT:NAME`: the whole process group is killed at `receipt:STAGE` (outputs in place, receipt not yet
written), `done:STAGE` (receipt written), `moved:FILE` (one output in place), `block:N` (after so many blocks of words),
`commit:` (all in the index, not yet committed) or `committed:` (before anything else knows). `ONRECORD_ASKED` is a file
to which each request to a recogniser is added: its file of samples and from_ms.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline import receipts
from transcribe import hearing
from transcribe.engines import Block

hearing.BLOCK_MS = 12_000
_blocks = hearing.blocks
_replace, _write_receipt = Path.replace, receipts.write
point, _, name = os.environ.get("ONRECORD_DIE", "").partition(":")


def die(*_: object) -> None:
    os.killpg(0, signal.SIGKILL)


def blocks(ears: Any, audio: Any, **options: Any) -> Iterator[Block]:
    with Path(os.environ["ONRECORD_ASKED"]).open("a", encoding="utf-8") as f:
        f.write(f"{audio.path} {options['from_ms']}\n")
    for n, block in enumerate(_blocks(ears, audio, **options), 1):
        yield block
        if (point, name) == ("block", str(n)):
            die()


def write_receipt(folder: Path, receipt: receipts.Receipt) -> None:
    if (point, name) == ("receipt", receipt.stage):
        die()
    _write_receipt(folder, receipt)
    if (point, name) == ("done", receipt.stage):
        die()


def replace(self: Path, target: Path) -> Path:
    moved = _replace(self, target)
    if (point, name) == ("moved", Path(target).name):
        die()
    return moved


if "ONRECORD_ASKED" in os.environ:
    hearing.blocks = blocks
if point in ("receipt", "done"):
    receipts.write = write_receipt
if point == "moved":
    Path.replace = replace  # type: ignore[assignment, method-assign]
if point in ("commit", "committed"):
    from search import index

    _write = index._write

    def write(folder: Path, change: Any, **options: Any) -> None:
        def changed(writer: Any, schema: Any) -> None:
            change(writer, schema)
            if point == "commit":
                die()

        _write(folder, changed, **options)
        die()

    index._write = write
