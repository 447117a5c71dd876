"""Codebooks: what statements are coded for, written by people in TOML.

    name = "lfr-engagement"
    version = 1
    title = "Engagement about live facial recognition"
    languages = ["en"]            # optional: what is said in others is not coded; without it everything is

    [topic]                       # optional: without it, a statement with any code is on topic
    name = "facial recognition"
    cues = [...]                  # name the topic; `~` hints at it and counts only where the topic is being discussed
    sounds = [...]                # names that a recogniser may have garbled: what sounds like one names the topic too
    outside = [...]               # turn a naming into another matter (unlocking a phone) ...
    inside = [...]                # ... unless one of these is there too (the police)
    neighbours = [...]            # near subjects: a statement that names one, and not the topic, is not on topic
    others = [...]                # distant subjects: they end the discussion as well
    keywords = [...]              # the plain words that somebody would search for: `score tags` shows how far they get

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

import json
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from analyse.cues import parse
from transcribe.problem import Problem, misfit
from transcribe.records import Record, language_code

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
    keywords: tuple[str, ...] = ()


class StanceCues(Record):
    target: str
    concerned: tuple[str, ...]
    supportive: tuple[str, ...]


class Codebook(Record):
    name: str
    version: int
    codes: tuple[Code, ...]
    title: str = ""
    languages: tuple[str, ...] = ()
    topic: TopicCues | None = None
    stance: StanceCues | None = None

    @property
    def id(self) -> str:
        """Name and version, as tags carry it: `lfr-engagement/1`."""
        return f"{self.name}/{self.version}"

    def reads(self, language: str) -> bool:
        """Whether what is said in a language can be coded: any, where the codebook names none, and one nobody knows."""
        return not (self.languages and language) or language in map(language_code, self.languages)


def shipped() -> tuple[str, ...]:
    """Names of the codebooks that come with the program."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml")))


def load(path_or_name: str | Path) -> Codebook:
    """The codebook in a file, or a shipped one by its name. Raises Problem that says what is wrong and where."""
    return read(bytes_of(path_or_name), where=path_or_name)


def bytes_of(path_or_name: str | Path) -> bytes:
    """A codebook as it is written, no more of it than could be one. Raises Problem where it cannot be read."""
    if str(path_or_name) in shipped():
        return bytes(_folder().joinpath(f"{path_or_name}.toml").read_bytes())
    path = Path(path_or_name)
    try:
        with path.open("rb") as f:
            return f.read(MAX_BYTES + 1)
    except (OSError, ValueError) as e:  # ValueError: a name with a null byte
        raise Problem(
            f"cannot read the codebook: {getattr(e, 'strerror', None) or e}",
            where=path,
            fix=f"give the path of a codebook, or one of the shipped: {', '.join(shipped())}",
        ) from e


class Fault(Record):
    """Something wrong in a codebook. `part` is the table and field, `line` where it stands (0: nowhere in it)."""

    what: str
    fix: str
    part: str = ""
    line: int = 0


def read(data: bytes, *, where: str | Path = "") -> Codebook:
    """The codebook in a TOML document, checked through and through. Raises Problem at the first thing wrong."""
    book, faults = examine(data)
    if book is None:
        first = faults[0]
        line = f", line {first.line}" if first.line else ""
        raise Problem(first.what, where=f"{where}{line}" + (f": {first.part}" if first.part else ""), fix=first.fix)
    return book


def examine(data: bytes) -> tuple[Codebook | None, list[Fault]]:
    """The codebook in a TOML document, or all that is wrong with it, in the order of the file."""
    if len(data) > MAX_BYTES:
        return None, [Fault(what=f"a codebook of more than {MAX_BYTES:,} bytes", fix="is this the right file?")]
    try:
        text = data.decode("utf-8-sig")
        body = tomllib.loads(text)
    except UnicodeDecodeError as e:
        return None, [Fault(what="the codebook is not UTF-8 text", fix="save it as UTF-8", line=_line_of(e, data))]
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        return None, [
            Fault(
                what=f"the codebook is not readable TOML: {e}", fix="correct it at that place", line=_line_of(e, data)
            )
        ]
    reader = _Reader(text)
    # Each table is read on its own, so that an error can say which code it is in and not only that there is one.
    tables = body.pop("codes", [])
    if not isinstance(tables, list):
        at = "codes 1" if isinstance(tables, dict) else "head"
        reader.fault("`codes` is no list of tables", "write each code as a [[codes]] table", "", at, "codes")
        tables = []
    elif not tables:
        reader.faults.append(Fault(what="the codebook has no codes", fix="add at least one [[codes]] table"))
    head = reader.table({**body, "codes": [], "topic": None, "stance": None}, Codebook, "", "head")
    topic = reader.table(body["topic"], TopicCues, "[topic]", "topic") if "topic" in body else None
    stance = reader.table(body["stance"], StanceCues, "[stance]", "stance") if "stance" in body else None
    codes = [reader.table(t, Code, _which(t, n), f"codes {n}") for n, t in enumerate(tables, 1)]
    if head is not None:
        reader.check_head(head)
    reader.check_codes(codes)
    for part, table in (("topic", topic), ("stance", stance)):
        for field in table.__struct_fields__ if table is not None else ():
            if isinstance(cues := getattr(table, field), tuple):
                reader.check_cues(cues, f"[{part}], {field}", part)
    if topic is not None and not any(not c.strip().startswith(("~", "-")) for c in topic.cues):
        reader.fault("no cue names the topic", "add one that is neither `~` nor `-`", "[topic]", "topic", "cues")
    if reader.faults or head is None:
        return None, sorted(reader.faults, key=lambda f: f.line)
    whole = tuple(c for c in codes if c is not None)
    return msgspec.structs.replace(head, codes=whole, topic=topic, stance=stance), []


T = TypeVar("T", bound=Record)
_HEADER = re.compile(r"\s*\[{1,2}\s*(codes|topic|stance)\s*\]{1,2}\s*(?:#.*)?")


class Lines:
    """Where things stand in the text of a codebook: TOML's own reader does not say."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._tables = {"head": (0, len(self._lines))}
        n_codes, last = 0, "head"
        for n, line in enumerate(self._lines):
            if found := _HEADER.fullmatch(line):
                n_codes += found[1] == "codes"
                self._tables[last] = self._tables[last][0], n
                last = f"codes {n_codes}" if found[1] == "codes" else found[1]
                self._tables[last] = n, len(self._lines)

    def find(self, table: str, written: str) -> int:
        """The line, from 1, of a key or of a string in a table (`head`, `topic`, `stance`, `codes 1` ...); where it is
        not found, that of the table."""
        first, end = self._tables.get(table, (0, 0))
        quoted = {f'"{written}"', f"'{written}'", json.dumps(written, ensure_ascii=False)}
        key = re.compile(rf"\s*\"?{re.escape(written)}\"?\s*=")
        for n in range(first, end):
            if key.match(self._lines[n]) or any(q in self._lines[n] for q in quoted):
                return n + 1
        return min(first + 1, len(self._lines))


class _Reader:
    """Reads the tables of a codebook and gathers what is wrong with them."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._lines = Lines(text)

    def fault(self, what: str, fix: str, part: str, table: str, written: str) -> None:
        self.faults.append(Fault(what=what, fix=fix, part=part, line=self._lines.find(table, written)))

    def table(self, raw: Any, kind: type[T], part: str, table: str) -> T | None:
        may_stand = f"what may stand here: {', '.join(kind.__struct_fields__)}"
        if not isinstance(raw, dict):
            self.fault("this is no table", may_stand, part, table, "")
            return None
        unknown = [field for field in raw if field not in kind.__struct_fields__]
        for field in unknown:  # said, and left out: it hides nothing else that is wrong
            self.fault(f"there is no field {field!r:.80}", may_stand, part, table, field)
        missing = [f.name for f in msgspec.structs.fields(kind) if f.required and f.name not in raw]
        if missing:
            if not unknown:  # which is most likely what was meant
                self.fault(f"{' and '.join(missing)} must be given", may_stand, part, table, missing[0])
            return None
        try:
            return msgspec.convert({field: value for field, value in raw.items() if field not in unknown}, kind)
        except msgspec.ValidationError as e:
            at = re.search(r"`\$\.(\w+)(\[?)", str(e))
            written = at[1] if at else ""
            which = f"something in {written}" if at and at[2] else written
            self.fault(misfit(str(e), which), may_stand, part, table, written)
            return None

    def check_head(self, head: Codebook) -> None:
        if not _NAME.fullmatch(head.name):
            self.fault(f"not a name: {head.name!r}", "use a-z, 0-9 and hyphens in `name`", "", "head", "name")
        if head.version < 1:
            self.fault(f"not a version: {head.version}", "number versions from 1 in `version`", "", "head", "version")
        for tag in head.languages:
            if not re.fullmatch("[a-z]{2,3}", language_code(tag)):
                self.fault(f"not the code of a language: {tag!r}", 'write codes: ["en"]', "", "head", "languages")

    def check_codes(self, codes: Iterable[Code | None]) -> None:
        seen: set[str] = set()
        for n, code in enumerate(codes, 1):
            if code is None:
                continue
            part, table = f"code {code.code}", f"codes {n}"
            if not _CODE.fullmatch(code.code):
                self.fault(f"not a code: {code.code!r}", "use a-z, 0-9 and underscores in `code`", "", table, "code")
            if code.code in seen:
                self.fault(f"the code {code.code!r} is there twice", "give each code its own name", "", table, "code")
            seen.add(code.code)
            if not code.definition.strip():
                self.fault("the definition is empty", "say when the code is given", part, table, "definition")
            self.check_cues(code.cues, f"{part}, cues", table)

    def check_cues(self, cues: Iterable[str], part: str, table: str) -> None:
        for cue in cues:
            try:
                parse(cue)
            except ValueError as e:
                self.fault(f"bad cue {cue!r:.200}: {e}", "write it as docs/formats.md shows", part, table, cue)


def _line_of(error: Exception, data: bytes) -> int:
    """The line of which TOML's reader complains, from 1; 0 where it does not say."""
    if isinstance(error, UnicodeDecodeError):
        return data.count(b"\n", 0, error.start) + 1
    if at := re.search(r"\(at line (\d+)", str(error)):
        return int(at[1])
    return data.rstrip().count(b"\n") + 1 if "end of document" in str(error) else 0


def _which(table: Any, n: int) -> str:
    return f"code {table['code']}" if isinstance(table, dict) and isinstance(table.get("code"), str) else f"code {n}"


def _folder() -> Any:
    return resources.files("analyse.codebooks")
