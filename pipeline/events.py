"""What happens during a run, as events: written to the run's log, shown while it happens."""

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
    what: Literal["run", "start", "progress", "done", "fresh", "failed", "note", "end"]
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
    """An event log, one JSON line per event; progress is left out."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{now().replace(':', '').replace('.', '-')}.jsonl"
        self._file = self.path.open("ab")

    def __call__(self, event: Event) -> None:
        if event.what != "progress":
            self._file.write(msgspec.json.encode(event) + b"\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()
