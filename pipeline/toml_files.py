"""TOML that people write: read within bounds, and every fault in it with its line.

The standard library's reader stops at the first thing that is not TOML and forgets where values stood. Here a small
scanner of its own finds their lines again, when something is to be said about them.
"""

import difflib
import functools
import os
import re
import stat
import tomllib
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from transcribe.problem import Problem, misfit
from transcribe.records import Record

LARGEST_BYTES = 1_000_000
_MOST_PARTS = 32  # of a dotted key; the standard library's time grows with their square
_DEEPEST = 64  # lists and tables in each other

_LONGEST_SAID = 300  # characters; what is wrong may quote a value of any length

Place = tuple[str | int, ...]  # of a value: ("people", 3, "id")


class Fault(Record):
    """One thing that is wrong with a file: `line` is None where it concerns no line."""

    what: str
    path: Path
    line: int | None = None
    fix: str = ""

    def problem(self) -> Problem:
        return Problem(self.what, where=f"{self.path}, line {self.line}" if self.line else self.path, fix=self.fix)


class Toml(Record):
    """A TOML file as it was read; one that does not exist is empty."""

    path: Path
    text: str = ""
    values: dict[str, Any] = msgspec.field(default_factory=dict)

    def line(self, *place: str | int) -> int | None:
        """The line on which a value stands, or else the table or list that it is, or should be, in."""
        lines, _ = _lines(self.text)
        return next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)

    def fault(self, what: str, *place: str | int, fix: str) -> Fault:
        short = what if len(what) <= _LONGEST_SAID else what[:_LONGEST_SAID] + " …"
        return Fault(what=short, path=self.path, line=self.line(*place), fix=fix)


def read(path: Path, *, largest_bytes: int = LARGEST_BYTES) -> Toml:
    """A TOML file, whatever it holds. Raises Problem, with the line, where it can't be one."""
    if not os.path.lexists(path):
        return Toml(path=path)
    name = path.name
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe would wait for ever
            raise Problem(f"{name} is not a file", where=path, fix="put a text file there, or nothing")
        with path.open("rb") as f:
            data = f.read(largest_bytes + 1)
    except FileNotFoundError as e:
        raise Problem(f"{name} is a link to nothing", where=path, fix="delete it, or put the file there") from e
    except PermissionError as e:
        raise Problem("this file may not be read", where=path, fix=f"chmod u+r {name}") from e
    except OSError as e:
        raise Problem(f"this file cannot be read ({e.strerror})", where=path, fix="check the disk and the file") from e
    if len(data) > largest_bytes:
        raise Problem(
            f"{name} is larger than {largest_bytes / 1e6:g} MB", where=path, fix="check that it is what its name says"
        )
    try:
        text = data.decode("utf-8-sig")
        if "\0" in text:
            raise ValueError
    except ValueError as e:
        raise Problem(f"{name} is not UTF-8 text", where=path, fix="save it as UTF-8") from e
    try:
        # Only a line with so many dots can hold a key that would take for ever.
        refused = any(line.count(".") >= _MOST_PARTS for line in text.split("\n")) and _lines(text)[1]
        if refused:
            raise refused
        return Toml(path=path, text=text, values=tomllib.loads(text))
    except RecursionError as e:
        fix = "no key needs more than a table in a list"
        raise Problem(f"{name} has lists or tables too deep in each other", where=path, fix=fix) from e
    except ValueError as e:  # of which TOMLDecodeError is one; numbers of thousands of digits raise another
        raise _not_toml(path, text, e) from e


def quoted(text: str) -> str:
    """Any text as a TOML string on one line. What can't be seen is escaped, and shown where it is no text at all."""
    shown = os.fsencode(text).decode("utf-8", "backslashreplace").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in shown) + '"'


# -- what is wrong with it ------------------------------------------------------------------------

_FIXES = {
    "Invalid value": 'text stands in quotes, "like this"; a date is 2024-05-14; a number has no unit',
    "Invalid date or datetime": "write a date as 2024-05-14: year, month, day",
    "Cannot overwrite a value": "this key is there twice: delete one",
    "Expected '=' after a key": 'write: key = "value"',
    "Illegal character '\\n'": "end the text with a quote; one of several lines stands in three quotes",
}


def _not_toml(path: Path, text: str, error: ValueError) -> Problem:
    found = re.fullmatch(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
    said = found[1] if found else str(error).partition(" for ")[0]
    line = (found and found[2]) or text.count("\n") + 1
    fix = next((fix for start, fix in _FIXES.items() if said.startswith(start)), "mend that line")
    where = f"{path}, line {line}" if found else str(path)
    return Problem(f"{path.name} is not valid TOML: {said[:200]}", where=where, fix=fix)


def fields(
    toml: Toml, kind: type[Record], examples: Mapping[str, str], place: Place = ()
) -> tuple[dict[str, Any], list[Fault]]:
    """The fields of a record that a table gives rightly, and everything that is wrong with the others.

    `place` is the table's in the file. `examples` shows how each key of the file is written ("people", and if need be
    "people.id"). In a list, None stands for each item that is at fault.
    """
    table: dict[str, Any] = functools.reduce(lambda value, key: value[key], place, toml.values)  # type: ignore[index]
    known = {f.name: f for f in msgspec.structs.fields(kind)}
    good: dict[str, Any] = {}
    faults: list[Fault] = []

    def take(value: object, annotation: Any, *here: str | int) -> Any:
        if isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, Record):
            fine, wrong = fields(toml, annotation, examples, here)
            faults.extend(wrong)
            return None if wrong else annotation(**fine)
        if isinstance(value, list) and (item := _item(annotation)):
            return tuple(take(v, item, *here, i) for i, v in enumerate(value))
        try:
            return msgspec.convert(value, annotation)
        except msgspec.ValidationError as e:
            what = misfit(str(e), _which(here))
            faults.append(toml.fault(what, *here, fix=f"write it so: {_example(examples, here)}"))
            return None

    for key, value in table.items():
        if key in known:
            before = len(faults)
            taken = take(value, known[key].type, *place, key)
            if len(faults) == before or isinstance(taken, tuple):
                good[key] = taken
        else:
            what = f"{toml.path.name} has a key that means nothing here: {key!r}{_of(place)}"
            faults.append(toml.fault(what, *place, key, fix=_spelling(key, known)))
    missing = [name for name, f in known.items() if f.required and name not in table]
    if missing:
        what = f"{' and '.join(missing)} must be given{_of(place)}"
        faults.append(toml.fault(what, *place, fix=f"write it so: {examples[str(place[0])]}"))
    return good, faults


def _example(examples: Mapping[str, str], place: Place) -> str:
    return examples.get(".".join(p for p in place if isinstance(p, str)), examples[str(place[0])])


def _item(annotation: Any) -> Any:
    """What a list holds any number of, where a field may be one."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return parts[0] if parts[1:] == (...,) else None
    return next(filter(None, map(_item, parts)), None)


def _of(place: Place) -> str:
    """In words, which item of a list: " (people 4)", counted from one."""
    return f" ({place[0]} {place[1] + 1})" if len(place) > 1 and isinstance(place[1], int) else ""


def _spelling(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key[:80].lower(), known, n=1)
    return f"write {close[0]!r}, or delete it" if close else f"what may stand here: {', '.join(known)}"


def _which(place: Place) -> str:
    """In words, which value it is: "item 1 of exclude", "present (people 3)"."""
    which = str(next(part for part in reversed(place) if isinstance(part, str)))
    if isinstance(place[-1], int):
        which = f"item {place[-1] + 1} of {which}"
    return which + _of(place[:-1])


# -- where it stands ------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""
      (?P<space> (?: [ \t\r] | \#[^\n]* )++ )
    | (?P<newline> \n )
    | (?P<string> \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )*+ "{3,5} | \"(?!"") (?: [^"\\\n] | \\. )*+ "
                | '{3} (?: [^'] | '{1,2}(?!') )*+ '{3,5} | '(?!'') [^'\n]*+ ' )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<bare> [^\s\[\]{}=,."'#]++ )
    """,
    re.VERBOSE | re.DOTALL,
)
Token = tuple[str, str, int]  # kind, text, line
_END: Token = ("end", "", 0)


def _tokens(text: str) -> Iterator[Token]:
    """The tokens of a TOML file with their lines, up to what is none."""
    at, line = 0, 1
    while found := _TOKEN.match(text, at):
        if found.lastgroup != "space":
            yield str(found.lastgroup), found[0], line
        line += found[0].count("\n")
        at = found.end()
    yield _END


@functools.lru_cache(maxsize=4)
def _lines(text: str) -> tuple[dict[Place, int], Exception | None]:
    """The line of every key, table and item of a list in a TOML file, as far as it is one; and what ended it early."""
    lines: dict[Place, int] = {}
    try:
        _scan(text, lines)
    except (ValueError, RecursionError) as e:
        return lines, e.with_traceback(None)
    return lines, None


def _scan(text: str, lines: dict[Place, int]) -> None:
    """Note lines. Raises ValueError for keys of too many parts, and RecursionError for what is too deep."""
    n_rows: Counter[Place] = Counter()  # of lists of tables
    base: Place = ()
    tokens = _tokens(text)
    for token in tokens:
        kind, word, line = token
        if kind == "newline":
            continue
        if kind == "end":
            break
        if word == "[":
            token = next(tokens, _END)
            is_row = token[1] == "["
            key, _ = _key(next(tokens, _END) if is_row else token, tokens)
            base = ()
            for n, part in enumerate(key, 1):
                base = (*base, part)
                if is_row and n == len(key):
                    n_rows[base] += 1
                lines.setdefault(base, line)
                if n_rows[base]:
                    base = (*base, n_rows[base] - 1)
                    lines.setdefault(base, line)
        else:
            key, after = _key(token, tokens)
            if after[1] != "=":
                break
            _value(next(tokens, _END), tokens, _note(lines, base, key, line), lines)
        for kind, _, _ in tokens:  # the second bracket of a header, and whatever should not be there
            if kind in ("newline", "end"):
                break


def _note(lines: dict[Place, int], base: Place, key: Place, line: int) -> Place:
    for n in range(1, len(key) + 1):
        lines.setdefault((*base, *key[:n]), line)
    return (*base, *key)


def _key(token: Token, tokens: Iterator[Token]) -> tuple[Place, Token]:
    """A key, dotted or not, that begins with `token`; and the token after it."""
    parts: list[str] = []
    while token[0] in ("bare", "string"):
        word = token[1]
        if token[0] == "string":
            word = tomllib.loads(f"key = {word}")["key"] if "\\" in word else word[1:-1]
        parts.append(word)
        if len(parts) > _MOST_PARTS:
            raise ValueError(f"a key has more than {_MOST_PARTS} parts (at line {token[2]}, column 1)")
        token = next(tokens, _END)
        if token[1] != ".":
            break
        token = next(tokens, _END)
    return tuple(parts), token


def _value(token: Token, tokens: Iterator[Token], place: Place, lines: dict[Place, int], depth: int = 0) -> Token:
    """Note the lines of what is in a value that begins with `token`. Returns the last token of it."""
    if depth > _DEEPEST:
        raise RecursionError
    if token[1] == "[":
        n = 0
        for token in tokens:
            if token[1] == "]" or token[0] == "end":
                break
            if token[1] == ",":
                n += 1
            elif token[0] != "newline" and (*place, n) not in lines:
                lines[(*place, n)] = token[2]
                token = _value(token, tokens, (*place, n), lines, depth + 1)
    elif token[1] == "{":
        for token in tokens:
            if token[1] == "}" or token[0] == "end":
                break
            if token[0] in ("bare", "string"):
                key, after = _key(token, tokens)
                if after[1] != "=":
                    break
                _value(next(tokens, _END), tokens, _note(lines, place, key, token[2]), lines, depth + 1)
    return token
