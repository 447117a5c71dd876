"""YouTube's timed text in XML: srv1, whose lines have times, and srv3, whose words may have times of their own."""

import itertools
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, NoReturn
from xml.parsers import expat

from transcribe.problem import Problem
from transcribe.timedtext import Found, Piece, Untold, checked_span, lines_of, shown, too_many, untagged, until_next

DEEPEST, MOST_ELEMENTS = 20, 1_000_000
_CHUNK_BYTES = 1_000_000


class _Tag(NamedTuple):
    """A tag or text in XML: `name` is empty for text; `closes` for an end tag."""

    line: int
    name: str
    closes: bool = False
    text: str = ""
    attributes: Mapping[str, str] = MappingProxyType({})


def from_xml(data: bytes, *, where: str) -> Found:
    """srv1 (`<transcript>`, times in seconds) or srv3 (`<timedtext>`, in milliseconds, words with times of their own).

    Nothing in such a file can grow or reach out: a document type, and with it every entity of its own, is refused.
    """
    tags = _tags(data, where)
    root = next((t for t in tags if t.name), None)
    kind = {"transcript": "srv1", "timedtext": "srv3"}.get(root.name if root else "")
    if root is None or kind is None:
        raise Problem(
            f"this is not YouTube's XML: it begins with <{root.name[:40] if root else ''}>",
            where=f"{where}, line {root.line if root else 1}",
            fix="use srv1 (<transcript>) or srv3 (<timedtext>)",
        )
    return Found(kind=kind, cues=until_next(_youtube_cues(tags, kind, where)), marked=True)


def _tags(data: bytes, where: str) -> Iterator[_Tag]:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    found: list[_Tag] = []
    depth = n_elements = 0

    def opened(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, n_elements
        depth, n_elements = depth + 1, n_elements + 1
        if depth > DEEPEST:
            refuse("elements are nested deeper here than captions ever are", "check that this is the right file")
        if n_elements > MOST_ELEMENTS:
            too_many("elements", MOST_ELEMENTS, where)
        found.append(_Tag(parser.CurrentLineNumber, name, attributes=attributes))

    def closed(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(_Tag(parser.CurrentLineNumber, name, closes=True))

    def text(letters: str) -> None:
        found.append(_Tag(parser.CurrentLineNumber, "", text=letters))

    def doctype(*_: object) -> None:
        refuse("captions in XML have no document type and no entities of their own", "delete the <!DOCTYPE …>")

    def refuse(what: str, fix: str) -> NoReturn:
        raise Problem(what, where=f"{where}, line {parser.CurrentLineNumber}", fix=fix)

    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        for at in range(0, len(data) + 1, _CHUNK_BYTES):
            parser.Parse(data[at : at + _CHUNK_BYTES], at + _CHUNK_BYTES > len(data))
            yield from found
            found.clear()
    except (expat.ExpatError, ValueError, LookupError) as e:
        line = f"{where}, line {parser.ErrorLineNumber or 1}, column {parser.ErrorColumnNumber + 1}"
        why = expat.ErrorString(e.code) if isinstance(e, expat.ExpatError) else "unknown encoding"
        raise Problem(f"this is not well-formed XML ({why})", where=line, fix="get the file again") from e


def _youtube_cues(tags: Iterator[_Tag], kind: str, where: str) -> Iterator[Untold]:
    element, begin, length, unit_ms = ("text", "start", "dur", 1000) if kind == "srv1" else ("p", "t", "d", 1)
    for tag in tags:
        if tag.name != element or tag.closes:
            continue
        at = f"{where}, line {tag.line}"
        start_ms = _number(tag, begin, unit_ms, at)
        length_ms = _number(tag, length, unit_ms, at)
        if start_ms is None:
            raise Problem(f"<{element}> does not say when it begins ({begin}=)", where=at, fix="get the file again")
        _, end_ms = checked_span(start_ms, start_ms + (length_ms or 0), at)
        pieces: list[Piece] = []
        at_ms = None
        for inner in itertools.takewhile(lambda t: not (t.name == element and t.closes), tags):
            if inner.name == "s" and not inner.closes:
                offset_ms = _number(inner, "t", 1, f"{where}, line {inner.line}")
                at_ms = None if offset_ms is None else start_ms + offset_ms
            elif inner.name == "br":
                pieces.append(Piece("\n"))
            elif not inner.name:
                pieces.append(Piece(inner.text if kind == "srv1" else shown(inner.text), "", at_ms))
                at_ms = None
        if kind == "srv1":  # its text is HTML that was escaped once more
            pieces = [Piece(untagged("".join(p.text for p in pieces)))]
        yield start_ms, None if length_ms is None else end_ms, lines_of(pieces, start_ms, where=at)


def _number(tag: _Tag, name: str, unit_ms: int, where: str) -> int | None:
    written = tag.attributes.get(name)
    if written is None:
        return None
    if not re.fullmatch(r"\d{1,12}(\.\d{1,12})?", written.strip()):
        raise Problem(f"{name}={written[:40]!r} is not a time", where=where, fix="write a number that is not negative")
    return round(float(written) * unit_ms)
