"""The one kind of error that is meant for people to read."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

BUG, USAGE, SOME_FAILED, LACKING, INTERRUPTED = 1, 2, 3, 4, 130
_KINDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in [ ]",
    "object": "a table",
    "date": "a date",
    "datetime": "a date with a time",
    "time": "a time of day",
}


class Problem(Exception):
    """Something that the user can put right: what is wrong, where, and what to do about it.

    `exit_code` is what the command line leaves with when this problem ends it: 2 for usage or
    bad input, 3 when meetings failed, 4 when this machine lacks something. Only `pipeline.cli` prints or exits.
    """

    def __init__(self, what: str, *, where: str | Path = "", fix: str = "", exit_code: int = USAGE) -> None:
        super().__init__(what, str(where), fix, exit_code)  # all of it in args, so that it survives pickling
        self.what = what
        self.where = str(where)
        self.fix = fix
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.fix, self.exit_code)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)


def _rebuild(kind: type[Problem], what: str, where: str, fix: str, exit_code: int) -> Problem:
    return kind(what, where=where, fix=fix, exit_code=exit_code)


class Starved(Problem):
    """Memory ran out, or seems to have: where nothing else runs beside it, the same may work."""


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What the system says against the reading of a file in here, as a Problem."""
    try:
        yield
    except FileNotFoundError as e:
        raise Problem("there is no such file", where=path, fix="put it there, or name another in meeting.toml") from e
    except IsADirectoryError as e:
        raise Problem("this is a folder, not a file", where=path, fix="name a file in meeting.toml") from e
    except PermissionError as e:
        fix = f"give yourself the right to read it: chmod u+r {path.name!r}"
        raise Problem("this file may not be read", where=path, fix=fix) from e
    except OSError as e:
        raise Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the disk and the file") from e


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """What the system says against the writing of a file in here bears its name: a full disk says none."""
    try:
        yield
    except OSError as e:
        e.filename, e.filename2 = str(path), None
        raise


def misfit(said: str, which: str) -> str:
    """What a validation error of msgspec says against a field, in words for whoever wrote the file.

    >>> misfit("Expected `int`, got `str` - at `$.version`", "version")
    'version should be a whole number and is text in quotes'
    """
    said = said.partition(" - at `")[0]
    if kinds := re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", said):
        wanted = " or ".join(_KINDS.get(k, k) for k in kinds[1].split(" | ") if k != "null")
        return f"{which} should be {wanted} and is {_KINDS.get(kinds[2], kinds[2])}"
    if count := re.fullmatch(r"Expected `array` of length (\d+), got (\d+)", said):
        return f"{which} should hold {count[1]} things and holds {count[2]}"
    if "matching regex" in said:
        return f"{which} should be made of a-z, 0-9 and -, at most 80 of them"
    if "RFC3339" in said:
        return f"{which} is not a date"
    return f"{which} is wrong: {said[:200]}"
