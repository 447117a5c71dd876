"""Memory that the process keeps, for what asks for it next."""

import ctypes

KEPT_BYTES = 2**29
ARENA_MAX, MMAP_MAX, TRIM_THRESHOLD = -8, -4, -1  # of malloc.h


def keep() -> None:
    """Lets this process keep up to half a gigabyte that it gives back, instead of getting it from the system each time.

    Whisper's encoder asks for 70 MB several times a clip, and two fifths of its time went into getting them. It is best
    called first of all: a thread begun later that takes over the memory of one that has ended by then keeps nothing.
    Does nothing where the C library is not GNU's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in ((ARENA_MAX, 1), (MMAP_MAX, 0), (TRIM_THRESHOLD, KEPT_BYTES)):
        mallopt(option, value)
