"""Processes that work on meetings, and what is heard from them meanwhile.

A worker that dies takes its pool with it: all that were in flight come back as `BrokenProcessPool`, and a new pool is
needed. One whose meeting gives no sign of life for too long is made to die. Signs of life are events; wall time says
nothing, since a slow machine may need a day for what another does in an hour.
"""

import contextlib
import queue
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.queues import Queue
from types import TracebackType
from typing import Any, Protocol, Self

from pipeline.events import Event, Sink
from transcribe import memory
from transcribe.lifeline import end_with_parent

# Engines say after every few clips that they are alive, which for the largest model on two slow cores is ten minutes.
# Three times that: a run that hangs at night still has most of the night.
STALL_S = 30 * 60.0
LISTEN_S = 0.1  # in which a pool that has ended is noticed


class Workers(Protocol):
    """Whatever takes meetings and works on them: the seam between one process, many, and many machines."""

    stall_s: float
    silent: set[str]  # meetings given up because nothing was heard from them for so long

    def submit(self, meeting: str, job: Any) -> "Future[Any]": ...

    def finished(self, in_flight: "Collection[Future[Any]]") -> "Collection[Future[Any]]":
        """Wait until at least one of these has ended."""
        ...


class Inline:
    """No other process, for tests and for debugging."""

    def __init__(self, do: Callable[[Any, Sink], Any], sink: Sink) -> None:
        self._do, self._sink = do, sink
        self.stall_s = STALL_S
        self.silent: set[str] = set()

    def submit(self, meeting: str, job: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(self._do(job, self._sink))
        return future

    def finished(self, in_flight: "Collection[Future[Any]]") -> "Collection[Future[Any]]":
        return list(in_flight)


class Processes:
    """Spawned processes, with a queue of events of their own: whoever is killed while it writes leaves it locked for
    ever, though no worker waits for that: each has a thread that writes for it. Nothing is ever put in from here, since
    such a thread of ours could outlive the queue's semaphores. Use it in a `with`; leaving that by an exception kills
    the processes."""

    def __init__(self, n: int, do: Callable[[Any, Sink], Any], sink: Sink, *, stall_s: float) -> None:
        self._do, self._sink = do, sink
        self.stall_s = stall_s
        self.silent: set[str] = set()
        self._heard_s: dict[Future[Any], float] = {}
        self._futures: dict[str, Future[Any]] = {}
        spawn = get_context("spawn")
        self._events: Queue[Event] = spawn.Queue()
        self._ended = threading.Event()
        self._pool = ProcessPoolExecutor(n, mp_context=spawn, initializer=_start, initargs=(self._events,))
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is not None:
            self._kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ended.set()
        self._listener.join(timeout=5)

    def submit(self, meeting: str, job: Any) -> "Future[Any]":
        """Raises BrokenProcessPool after a worker died."""
        with _interrupts_held():
            future = self._pool.submit(_work, self._do, job)
        self._futures[meeting] = future
        self._heard_s[future] = time.monotonic()
        return future

    def finished(self, in_flight: "Collection[Future[Any]]") -> "Collection[Future[Any]]":
        while True:
            patience_s = min(self._heard_s[f] for f in in_flight) + self.stall_s - time.monotonic()
            done, _ = wait(in_flight, timeout=max(0.0, patience_s), return_when=FIRST_COMPLETED)
            if done:
                return done
            late_s = time.monotonic() - self.stall_s
            if silent := {m for m, f in self._futures.items() if f in in_flight and self._heard_s[f] <= late_s}:
                self.silent |= silent
                self._kill()
                wait(in_flight)

    def _listen(self) -> None:
        while True:
            try:
                event = self._events.get(timeout=LISTEN_S)
            except queue.Empty:
                if self._ended.is_set():
                    return
                continue
            if future := self._futures.get(event.meeting):
                self._heard_s[future] = time.monotonic()
            with contextlib.suppress(OSError):  # a terminal that went away; without a listener all would seem to hang
                self._sink(event)

    def _kill(self) -> None:
        for process in list((self._pool._processes or {}).values()):
            process.kill()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process begun in here never sees Ctrl-C, not even before it can say so; here it comes a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# -- in a worker ----------------------------------------------------------------------------------

_events: "Queue[Event] | None" = None


def _start(events: "Queue[Event]") -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    global _events
    memory.keep()
    _events = events
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _work(do: Callable[[Any, Sink], Any], job: Any) -> Any:
    assert _events is not None
    return do(job, _events.put)
