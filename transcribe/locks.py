"""Locks that several runs, on one machine or many over a shared folder, use to share the work.

A lock is a file made with O_EXCL. It says who holds it (host, boot, space of process ids, process and that process's
start) and carries a random token and a counter that its holder rewrites every ten seconds. A holder that is dead on
this machine is replaced at once; another, and one in a container whose processes we cannot see, when its counter has
stood still for a minute of our own clock, since clocks of other machines are not to be trusted. A holder that was
replaced all the same (it slept, say) finds another token when it asks `Lock.still_ours` before it commits, and
throws its work away.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from transcribe.problem import naming

BEAT_S = 10.0
STILL_S = 60.0


class Busy(Exception):
    """Somebody else holds the lock."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    boot: str
    pid_space: str = ""  # containers on one machine number their processes each for itself
    pid: int
    started: str
    token: str
    counter: int = 0


_held: set[str] = set()  # the tokens of this process
_turn = threading.Lock()  # its threads take, give back and clear away one at a time
_seen: dict[Path, tuple[str, int, float]] = {}  # what a foreign lock said, and when by our clock it last changed


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "unknown"


def _is_here(holder: Holder) -> bool:
    """Whether its process id means to us what it means to the holder."""
    ours = (socket.gethostname(), _boot_id(), _pid_space())
    return (holder.host, holder.boot, holder.pid_space) == ours


def _process_start(pid: int) -> str | None:
    """When a process began, in ticks since boot; "unknown" where the system doesn't say; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return None if Path("/proc/self/stat").exists() else "unknown"


def _read(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


def _is_dead(path: Path, holder: Holder | None) -> bool:
    if holder and _is_here(holder):
        if holder.pid == os.getpid() and holder.token not in _held:
            return True  # given back on a disk that would not let go of it
        started = _process_start(holder.pid)
        return started is None or (holder.started != "unknown" and started != holder.started)
    now = time.monotonic()
    state = (holder.token, holder.counter) if holder else ("", 0)
    token, counter, since = _seen.get(path, ("?", -1, now))
    if (token, counter) != state:
        _seen[path] = (*state, now)
        return False
    return now - since > STILL_S


class Lock:
    """A held lock; made by `hold`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holder = Holder(
            host=socket.gethostname(),
            boot=_boot_id(),
            pid_space=_pid_space(),
            pid=os.getpid(),
            started=_process_start(os.getpid()) or "unknown",
            token=secrets.token_hex(16),
        )
        self._side = path.with_name(f"{path.name}.{self._holder.token}")
        self._done = threading.Event()
        self._beater = threading.Thread(target=self._beat, daemon=True)

    def _take(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _held.add(self._holder.token)  # first, so that no other thread finds a lock here that nobody seems to hold
        taken = False
        # Written beside and linked into place, so that nobody ever reads a lock that is half written.
        try:
            with naming(self.path):
                self._side.write_bytes(msgspec.json.encode(self._holder))
                _link(self._side, self.path)
            self._beater.start()
            taken = True
        except FileExistsError:
            pass
        finally:
            if not taken:
                _held.discard(self._holder.token)
            with contextlib.suppress(OSError):
                self._side.unlink(missing_ok=True)
        return taken

    def _beat(self) -> None:
        counter = 0
        while not self._done.wait(BEAT_S):
            counter += 1
            found = _read(self.path)
            if found is None:  # a shared folder that is away for a moment, say
                continue
            if found.token != self._holder.token:
                return
            with contextlib.suppress(OSError):
                self._side.write_bytes(msgspec.json.encode(msgspec.structs.replace(self._holder, counter=counter)))
                self._side.replace(self.path)

    def still_ours(self) -> bool:
        holder = _read(self.path)
        return holder is not None and holder.token == self._holder.token

    def _release(self) -> None:
        self._done.set()
        self._beater.join()
        with _turn:
            with contextlib.suppress(OSError):
                self._side.unlink(missing_ok=True)
                if self.still_ours():
                    self.path.unlink(missing_ok=True)
            _held.discard(self._holder.token)


def _link(fresh: Path, path: Path) -> None:
    """Make `path` with the content of `fresh`. Raises FileExistsError when there is one."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:  # a memory stick's file system has no links: for a moment others may find the lock empty
        with path.open("xb") as f:
            f.write(fresh.read_bytes())


def _remove_dead(path: Path, dead: Holder | None) -> None:
    """Take a dead holder's lock away; a lock that somebody took in the meantime is put back."""
    if _read(path) != dead:
        return
    aside = path.with_name(f"{path.name}.dead-{secrets.token_hex(4)}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != dead:
        with contextlib.suppress(FileExistsError):
            _link(aside, path)
    aside.unlink(missing_ok=True)


def holder(path: Path) -> Holder | None:
    """Who holds this lock, unless that is a process of this machine which is dead. Of other machines' nothing is known
    at once: their holder may be dead, too."""
    found = _read(path)
    return None if found is None or _is_dead(path, found) else found


@contextlib.contextmanager
def hold(path: Path, *, wait_s: float = 0.0) -> Iterator[Lock]:
    """Hold the lock at `path`. Raises Busy when a living holder keeps it for longer than `wait_s`."""
    deadline = time.monotonic() + wait_s
    lock = Lock(path)
    while True:
        with _turn:
            if lock._take():
                break
            found = _read(path)
            if _is_dead(path, found):
                _remove_dead(path, found)
                continue
        if time.monotonic() >= deadline:
            raise Busy(f"{path.name} is held by process {found.pid} on {found.host}" if found else path.name)
        time.sleep(0.05)
    try:
        yield lock
    finally:
        lock._release()
