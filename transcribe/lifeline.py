"""A process that is not to outlive the one that began it, however that one ends."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import wait

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have this process, begun by `multiprocessing`, end when its parent does.

    On Linux the kernel sees to it, so that even a process that is stopped or stuck in a library goes. It goes by the
    thread that began the process: when that one ends, so does the process, though the parent lives on. Begin it from a
    thread that outlasts it, therefore, such as the main one. Elsewhere, a thread waits for the parent's end.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # it ended before it could be asked for
            os._exit(1)

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
