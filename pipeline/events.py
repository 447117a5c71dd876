"""What happens during a run, as events: written to the run's log, shown while it happens."""

import contextlib
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from transcribe.records import Record


class Event(Record):
    """`done_ms` and `total_ms` are of audio; `message` is for people, `trace` for whoever mends a bug."""

    at: str
    meeting: str
    what: Literal["start", "progress", "done", "fresh", "failed", "note", "end"]
    stage: str = ""
    done_ms: int = 0
    total_ms: int = 0
    wall_s: float = 0.0
    message: str = ""
    where: str = ""
    fix: str = ""
    trace: str = ""


Sink = Callable[[Event], object]


def now() -> str:
    """The time in UTC, as ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """An event log, one JSON line per event; progress is left out. Where a line cannot be written (the disk is full,
    say) the run goes on without it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._is_cut = False
        name = now().replace(":", "").replace(".", "-")
        for n in itertools.count(1):  # two runs may begin at once, or the clock may have been put back
            self.path = folder / (f"{name}.jsonl" if n == 1 else f"{name}-{n}.jsonl")
            with contextlib.suppress(FileExistsError):
                self._file = self.path.open("xb", buffering=0)
                return

    def __call__(self, event: Event) -> None:
        if event.what != "progress":
            with contextlib.suppress(OSError):
                line = b"\n" * self._is_cut + msgspec.json.encode(event) + b"\n"
                self._is_cut = self._file.write(line) != len(line)

    def close(self) -> None:
        self._file.close()
