"""Memory that is kept is not asked for again."""

import platform
import subprocess
import sys

import pytest


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_memory_that_was_given_back_is_not_got_from_the_system_again() -> None:
    """Pages that were not there are counted while the same 80 MB are filled twice: the first time, and the second."""
    program = """
import resource
from transcribe import memory

def new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytes([1]) * 80_000_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

memory.keep()
print(new_pages(), new_pages())
"""
    first, second = map(int, subprocess.check_output([sys.executable, "-c", program], text=True).split())
    assert second < first / 10
