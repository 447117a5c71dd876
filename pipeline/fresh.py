"""What was read from files and is kept for as long as they are the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """What was read last, for as long as the files that it was read from are the same."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[Hashable, tuple[Any, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, key: Hashable, paths: Sequence[Path]) -> bool:
        """Whether it was read, and the files are the same."""
        with self._lock:
            known = self._found.get(key)
        return known is not None and known[0] == tuple(_state(p) for p in paths)

    def get(self, key: Hashable, paths: Sequence[Path], read: Callable[[], T]) -> T:
        state = tuple(_state(p) for p in paths)
        with self._lock:
            known = self._found.get(key)
            if known and known[0] == state:
                self._found.move_to_end(key)
                found: T = known[1]
                return found
        found = read()
        if state == tuple(_state(p) for p in paths):  # else something changed meanwhile: good enough once
            with self._lock:
                self._found[key] = (state, found)
                while len(self._found) > self._most:
                    self._found.popitem(last=False)
        return found


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
