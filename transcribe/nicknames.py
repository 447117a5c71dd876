"""What people are called for short: a table of our own (`nicknames.txt`), British and Irish, and narrow.

Published lists are made for family history and take far more together than anybody would say in a meeting.
"""

from functools import cache
from importlib.resources import files


def other_names(first_name: str) -> frozenset[str]:
    """What somebody with this first name (plain) may be called as well, plain: shorter, or in full.

    >>> sorted(other_names("leonard")), sorted(other_names("peg")), other_names("okafor")
    (['len', 'lenny', 'leo'], ['margaret'], frozenset())
    """
    return _table().get(first_name, frozenset())


@cache
def _table() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for line in (files("transcribe") / "nicknames.txt").read_text("utf-8").splitlines():
        name, _, short = line.partition(": ")
        for nickname in short.split():
            table.setdefault(name, set()).add(nickname)
            table.setdefault(nickname, set()).add(name)
    return {name: frozenset(others) for name, others in table.items()}
