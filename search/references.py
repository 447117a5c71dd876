"""A citation as data that reference managers read: CSL-JSON, RIS and BibTeX.

What they make of it is not ours, so a name that software gave is never a bare name: it says so itself, in the one field
that every style prints.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from search.styles import MONTHS, Citation, day, name_of
from transcribe.transcript import NOTICE

LANGUAGE = "en-GB"
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\lbrace{}",  # BibTeX counts braces and knows no backslash before them
    "}": r"\rbrace{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{c: f"\\{c}" for c in "$&%#_"},
}


def to_csl_json(c: Citation) -> str:
    """CSL-JSON, as an array of one item of the type `speech`.

    `event` is what `event-title` was called before CSL 1.0.2, and older processors know only that. The timestamp is a
    locator, and its label stands in `custom`: to a processor that gets none it would be a page.
    """
    name = name_of(c)
    if name.family and not c.doubt:
        author = {"family": name.family, "given": name.given}
    else:
        author = {"literal": _author(c)}
    item: dict[str, Any] = {
        "id": c.address,
        "type": "speech",
        "language": LANGUAGE,
        "title": c.title,
        "author": [author],
        "event": c.place,
        "event-title": c.place,
        "issued": _parts(c.held_on),
        "event-date": _parts(c.held_on),
        "genre": f"statement ({c.kind})",
        "abstract": c.words,
        "locator": c.at,
        "custom": {"label": "timestamp"},
        "URL": c.url,
        "accessed": _parts(c.accessed) if c.url else None,
        "note": _note(c),
    }
    return json.dumps([{key: value for key, value in item.items() if value}], ensure_ascii=False, indent=1)


def to_ris(c: Citation) -> str:
    """RIS. `SLIDE`, a presentation, is its only type for a talk at a meeting."""
    name = name_of(c)
    author = f"{name.family}, {name.given}" if name.family and not c.doubt else _author(c)
    tags = [
        ("TY", "SLIDE"),
        ("AU", author),
        ("TI", c.title),
        ("T2", c.meeting),
        ("PB", c.body),
        ("PY", f"{c.held_on.year:04d}" if c.held_on else ""),
        ("DA", _slashed(c.held_on) if c.held_on else ""),
        ("M3", f"Statement ({c.kind})"),
        ("AB", c.words),
        ("N1", _note(c)),
        ("UR", c.url),
        ("Y2", _slashed(c.accessed) if c.accessed and c.url else ""),
        ("LA", LANGUAGE),
        ("ID", c.address),
        ("ER", ""),
    ]
    return "\n".join(f"{tag}  - {value}" for tag, value in tags if value or tag == "ER")


def to_bibtex(c: Citation) -> str:
    """BibTeX, for BibTeX itself as for biblatex: `@misc`, with text that TeX sets as it stands."""
    name = name_of(c)
    parted = name.family and not c.doubt
    author = f"{_tex(name.family)}, {_tex(name.given)}" if parted else f"{{{_tex(_author(c))}}}"
    held = f", {day(c.held_on)}" if c.held_on else ""
    fields = {
        "author": f"{{{author}}}",
        "title": f"{{{{{_tex(c.title)}}}}}",
        "howpublished": f"{{Statement, {_tex(c.place)}{held}, at {c.at}}}",
        "year": f"{c.held_on.year}" if c.held_on else "",
        "month": MONTHS[c.held_on.month - 1][:3].lower() if c.held_on else "",
        "url": f"{{{c.url}}}" if c.url else "",
        "urldate": f"{{{c.accessed.isoformat()}}}" if c.accessed and c.url else "",
        "note": f"{{{_tex(_note(c))}}}",
        "abstract": f"{{{_tex(c.words)}}}",
        "langid": "{british}",
    }
    key = re.sub(r"[^a-z0-9-]", "-", c.address.partition("~")[0])
    lines = [f"  {field} = {value}," for field, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _author(c: Citation) -> str:
    """The speaker as one text. Without a comma, which in RIS makes two parts of a name."""
    named = c.speaker + (f" ({c.doubt})" if c.doubt else "")
    return (named[:1].upper() + named[1:]).replace(",", ";")


def _note(c: Citation) -> str:
    known = {
        "confirmed": f"Speaker confirmed: {c.speaker}" + (f", {c.role}" if c.role else ""),
        "inferred": f"Speaker named by software, not checked: {c.speaker}" + (f", {c.role}" if c.role else ""),
        "unknown": "Speaker not known",
    }[c.status]
    at = f"At {c.at}" + (" in the published recording" if c.published else " in the recording that was transcribed")
    return f"{known}. {at}. {_sentence(c.checked)} {c.address}. {NOTICE}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _slashed(on: date) -> str:
    return on.isoformat().replace("-", "/")


def _parts(on: date | None) -> dict[str, list[list[int]]] | None:
    return {"date-parts": [[on.year, on.month, on.day]]} if on else None


def _tex(text: str) -> str:
    """Text that TeX sets as it stands: signs that it would act on, or make into another sign two at a time."""
    return re.sub(r"([-',])(?=\1)", r"\1{}", "".join(_TEX.get(c, c) for c in text))


FORMATS: dict[str, Callable[[Citation], str]] = {"csl-json": to_csl_json, "ris": to_ris, "bibtex": to_bibtex}
