"""Records as documents: JSON that starts with its schema, and what an older schema became since."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from transcribe.problem import Problem
from transcribe.records import Record, SpeakerName

R = TypeVar("R", bound=Record)
GENERATOR = "onrecord 0.1.0"


def dump(record: Record, schema: str) -> bytes:
    """A record as a JSON document that starts with its schema and generator, one line per list item."""
    body: dict[str, Any] = {"schema": schema, "generator": GENERATOR, **msgspec.to_builtins(record)}
    lines = []
    for key, value in body.items():
        if isinstance(value, list) and value:
            items = ",\n  ".join(msgspec.json.encode(v).decode() for v in value)
            lines.append(f"{msgspec.json.encode(key).decode()}: [\n  {items}\n ]")
        else:
            lines.append(f"{msgspec.json.encode(key).decode()}: {msgspec.json.encode(value).decode()}")
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode()


class Unreadable(Problem):
    """A file that this program wrote is not what it should be; what made it can make it again."""


Body = dict[str, Any]


def captions_call(display: str, person: str | None, role: str) -> bool:
    """Whether a voice is shown as captions call it, as files tell in which that is not kept: an unknown one that had
    neither a number from this program nor, as a member of the public has, a role."""
    return person is None and not role and re.fullmatch(r"[Uu]nknown speaker( [0-9]+)?", display) is None


def _transcript_2(body: Body) -> Body:
    names = msgspec.convert(body.get("names", ()), tuple[SpeakerName, ...])
    told = (msgspec.structs.replace(n, in_captions=captions_call(n.display, n.person, n.role)) for n in names)
    return body | {"names": msgspec.to_builtins(tuple(told))}


# What an older schema became, and how: from a document's body to the newer one's. Words and turns are worth it, since
# an engine listened for hours, what people wrote, and what an old file tells by itself; else what is old is made again.
UPGRADES: dict[str, tuple[str, Callable[[Body], Body]]] = {"transcript/1": ("transcript/2", _transcript_2)}


def upgraded(found: object, body: Body, schema: str) -> tuple[object, Body]:
    """A document's schema and body, as near to `schema` as upgrades take it."""
    while found != schema and isinstance(found, str) and found in UPGRADES:
        found, upgrade = UPGRADES[found]
        body = upgrade(body)
    return found, body


def load(data: bytes, kind: type[R], schema: str, *, where: str | Path = "") -> R:
    """The record in a JSON document of this schema, or of an older one that has upgrades to it.

    Raises Unreadable when it is anything else.
    """
    try:
        body = msgspec.json.decode(data, type=Body)
        found = body.pop("schema", None)
        body.pop("generator", None)
        found, body = upgraded(found, body, schema)
        if found != schema:
            raise Unreadable(
                f"this is {found or 'no schema'}, not {schema}", where=where, fix="make it again with `onrecord run`"
            )
        return msgspec.convert(body, kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise Unreadable(
            f"not a readable {schema} file: {e}", where=where, fix="make it again with `onrecord run`"
        ) from e
