"""Codebooks: what statements are coded for, written by people in TOML.

    name = "lfr-engagement"
    version = 1
    title = "Engagement about live facial recognition"

    [topic]                       # optional: without it, a statement with any code is on topic
    name = "facial recognition"
    cues = [...]                  # name the topic; `~` hints at it and counts only where the topic is being discussed
    sounds = [...]                # names that a recogniser may have garbled: what sounds like one names the topic too
    outside = [...]               # turn a naming into another matter (unlocking a phone) ...
    inside = [...]                # ... unless one of these is there too (the police)
    neighbours = [...]            # near subjects: a statement that names one, and not the topic, is not on topic
    others = [...]                # distant subjects: they end the discussion as well

    [stance]                      # optional: without it, stance is not judged
    target = "what the stance is towards"
    concerned = [...]
    supportive = [...]

    [[codes]]
    code = "consultation"
    name = "Consultation"
    definition = "..."
    include = [...]               # for people; as are exclude and examples
    exclude = [...]
    cues = [...]
    hypothesis = "..."            # the sentence that a zero-shot model is asked about
    examples = [...]

The language of the cues is that of `analyse.cues`.
"""

import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from analyse.cues import parse
from transcribe.problem import Problem
from transcribe.records import Record

MAX_BYTES = 1_000_000
_NAME = re.compile(r"[a-z0-9-]{1,80}")
_CODE = re.compile(r"[a-z0-9_]{1,80}")


class Code(Record):
    code: str
    name: str
    definition: str
    cues: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hypothesis: str = ""
    examples: tuple[str, ...] = ()


class TopicCues(Record):
    name: str
    cues: tuple[str, ...]
    sounds: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class StanceCues(Record):
    target: str
    concerned: tuple[str, ...]
    supportive: tuple[str, ...]


class Codebook(Record):
    name: str
    version: int
    codes: tuple[Code, ...]
    title: str = ""
    topic: TopicCues | None = None
    stance: StanceCues | None = None

    @property
    def id(self) -> str:
        """Name and version, as tags carry it: `lfr-engagement/1`."""
        return f"{self.name}/{self.version}"


def shipped() -> tuple[str, ...]:
    """Names of the codebooks that come with the program."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml")))


def load(path_or_name: str | Path) -> Codebook:
    """The codebook in a file, or a shipped one by its name. Raises Problem that says what is wrong and where."""
    if str(path_or_name) in shipped():
        return read(_folder().joinpath(f"{path_or_name}.toml").read_bytes(), where=str(path_or_name))
    path = Path(path_or_name)
    try:
        with path.open("rb") as f:
            data = f.read(MAX_BYTES + 1)
    except (OSError, ValueError) as e:  # ValueError: a name with a null byte
        raise Problem(
            f"cannot read the codebook: {getattr(e, 'strerror', None) or e}",
            where=path,
            fix=f"give the path of a codebook, or one of the shipped: {', '.join(shipped())}",
        ) from e
    return read(data, where=path)


def read(data: bytes, *, where: str | Path = "") -> Codebook:
    """The codebook in a TOML document, checked through and through. Raises Problem at the first thing wrong."""
    if len(data) > MAX_BYTES:
        raise Problem(f"a codebook of more than {MAX_BYTES:,} bytes", where=where, fix="is this the right file?")
    try:
        body = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise Problem(
            f"the codebook is not readable TOML: {e}", where=where, fix="correct the file at that place"
        ) from e
    # Each table is read on its own, so that an error can say which code it is in and not only that there is one.
    tables = body.pop("codes", None)
    if not isinstance(tables, list) or not tables:
        raise Problem("the codebook has no codes", where=where, fix="add at least one [[codes]] table")
    codes = tuple(_table(t, Code, f"{where}: {_which(t, n)}") for n, t in enumerate(tables, 1))
    topic = _table(body.pop("topic"), TopicCues, f"{where}: [topic]") if "topic" in body else None
    stance = _table(body.pop("stance"), StanceCues, f"{where}: [stance]") if "stance" in body else None
    head = _table({**body, "codes": []}, Codebook, str(where))
    book = msgspec.structs.replace(head, codes=codes, topic=topic, stance=stance)
    _check(book, where)
    return book


def _check(book: Codebook, where: str | Path) -> None:
    if not _NAME.fullmatch(book.name):
        raise Problem(f"not a name: {book.name!r}", where=where, fix="use a-z, 0-9 and hyphens in `name`")
    if book.version < 1:
        raise Problem(f"not a version: {book.version}", where=where, fix="number versions from 1 in `version`")
    seen: set[str] = set()
    for code in book.codes:
        here = f"{where}: code {code.code}"
        if not _CODE.fullmatch(code.code):
            raise Problem(f"not a code: {code.code!r}", where=where, fix="use a-z, 0-9 and underscores in `code`")
        if code.code in seen:
            raise Problem(f"the code {code.code!r} is there twice", where=where, fix="give each code its own name")
        seen.add(code.code)
        if not code.definition.strip():
            raise Problem("the definition is empty", where=here, fix="say when the code is given")
        _check_cues(code.cues, f"{here}, cues")
    for part, table in (("topic", book.topic), ("stance", book.stance)):
        for field in table.__struct_fields__ if table is not None else ():
            if isinstance(cues := getattr(table, field), tuple):
                _check_cues(cues, f"{where}: [{part}], {field}")
    if book.topic is not None and not any(not c.strip().startswith(("~", "-")) for c in book.topic.cues):
        raise Problem("no cue names the topic", where=f"{where}: [topic]", fix="add one that is neither `~` nor `-`")


def _check_cues(cues: Iterable[str], where: str) -> None:
    for cue in cues:
        try:
            parse(cue)
        except ValueError as e:
            raise Problem(f"bad cue {cue!r}: {e}", where=where, fix="write it as docs/formats.md shows") from e


T = TypeVar("T", bound=Record)


def _table(table: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as e:
        fields = ", ".join(f for f in kind.__struct_fields__)
        raise Problem(f"the codebook does not fit: {e}", where=where, fix=f"what may stand here: {fields}") from e


def _which(table: Any, n: int) -> str:
    return f"code {table['code']}" if isinstance(table, dict) and isinstance(table.get("code"), str) else f"code {n}"


def _folder() -> Any:
    return resources.files("analyse.codebooks")
