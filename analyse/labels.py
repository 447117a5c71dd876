"""Statements that people labelled: in a file of their own, or with their place in a meeting.

A row is a JSON object with `text`, `topic` (or `topic_lfr`), `codes` (or `tags`) and `stance`; what else may stand in
it is in `Label`, and anything more is passed over.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from analyse.records import Holder, Stance
from transcribe.problem import Problem
from transcribe.records import Record

MAX_BYTES = 200_000_000
_OTHER_NAMES = {"topic_lfr": "topic", "tags": "codes"}


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One statement as people labelled it. `meeting`, `start_ms` and `end_ms` say where it was said, if anywhere;
    `item` is what the agenda item around it is about, and `source_doc` the document that it is from."""

    topic: bool
    text: str = ""
    codes: tuple[str, ...] = ()
    stance: Stance = "neutral"
    stance_holder: Holder | None = None
    context: str = ""
    source_doc: str = ""
    style: str = ""
    verbatim: bool = False
    explicit_mention: bool | None = None
    item: int | str = ""
    meeting: str = ""
    start_ms: int = 0
    end_ms: int = 0


class Placed(Record):
    """What was said in `[start_ms, end_ms)` of a meeting, and what taggers made of it."""

    start_ms: int
    end_ms: int
    text: str
    topic: bool
    codes: frozenset[str] = frozenset()
    stance: str | None = None
    stance_holder: str | None = None


def read_labels(path: Path) -> list[Label]:
    """The rows of a labelled JSONL file, in order. Raises Problem with the line that cannot be read."""
    rows = []
    for n, line in enumerate(_bytes(path).splitlines(), 1):
        try:
            rows += [_label(msgspec.json.decode(line, type=dict[str, Any]))] if line.strip() else []
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
            raise Problem(
                f"not a labelled statement: {e}",
                where=f"{path}, line {n}",
                fix="each line is an object with text, topic, codes and stance"
                " (concerned, supportive, mixed or neutral)",
            ) from e
    if not rows:
        raise Problem("there is no labelled statement in it", where=path, fix="each line is one, as JSON")
    return rows


def read_sentences(path: Path) -> list[Label]:
    """The labelled sentences of a meeting's `reference.json`."""
    try:
        return [_label(s) for s in msgspec.json.decode(_bytes(path), type=dict[str, Any])["sentences"]]
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise Problem(f"not a reference with labelled sentences: {e}", where=path, fix="see docs/researchers.md") from e


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(MAX_BYTES + 1)
    except OSError as e:
        raise Problem(f"cannot read the labels: {e.strerror}", where=path, fix="give a labelled JSONL file") from e
    if len(data) > MAX_BYTES:
        raise Problem(f"labels of more than {MAX_BYTES:,} bytes", where=path, fix="is this the right file?")
    return data


def _label(row: dict[str, Any]) -> Label:
    return msgspec.convert({_OTHER_NAMES.get(k, k): v for k, v in row.items()}, Label)


# -- labels and statements of one meeting, matched by time -----------------------------------------


def heard(row: Label, said: Sequence[Placed]) -> Placed:
    """What was made of a labelled row: of the statements whose midpoint lies in it, else of the one that overlaps it
    most. It is on topic where one of them is, has the codes of all of them, and both their stances make a mixed one.
    """
    inside = [s for s in said if 2 * row.start_ms <= s.start_ms + s.end_ms < 2 * row.end_ms]
    nearest = max(said, key=lambda s: _overlap_ms(s, row), default=None)
    if not inside and nearest is not None and _overlap_ms(nearest, row):
        inside = [nearest]
    sides = [s for s in inside if s.stance not in (None, "neutral")]
    stances = [s for s in inside if s.stance is not None]
    held = next(iter(sides or stances), None)
    return Placed(
        start_ms=row.start_ms,
        end_ms=row.end_ms,
        text=" ".join(s.text for s in inside),
        topic=any(s.topic for s in inside),
        codes=frozenset().union(*(s.codes for s in inside)),
        stance=_together([s.stance for s in stances]) if stances else None,
        stance_holder=held.stance_holder if held else None,
    )


def labels_of(said: Sequence[Placed], sentences: Sequence[Label]) -> list[tuple[Label, Placed]]:
    """Each statement with what people gave to its sentences, together; and each sentence that is in no statement with
    nothing. A statement is on topic where at least half of its labelled time is."""
    pairs = []
    for statement in said:
        inside = [r for r in sentences if _overlap_ms(statement, r) * 2 > min(_ms(statement), r.end_ms - r.start_ms)]
        on = [r for r in inside if r.topic]
        on_ms = sum(_overlap_ms(statement, r) for r in on)
        topic = bool(on) and on_ms >= sum(_overlap_ms(statement, r) for r in inside if not r.topic)
        sides = [r for r in on if r.stance != "neutral"]
        label = Label(
            topic=topic,
            text=statement.text,
            codes=tuple(dict.fromkeys(c for r in on for c in r.codes)) if topic else (),
            stance=_together([r.stance for r in on]) if topic else "neutral",
            stance_holder=next((r.stance_holder for r in sides), None) if topic else None,
        )
        pairs.append((label, statement))
    lost = [r for r in sentences if not any(_overlap_ms(s, r) for s in said)]
    return pairs + [(r, Placed(start_ms=r.start_ms, end_ms=r.end_ms, text=r.text, topic=False)) for r in lost]


def _together(stances: Sequence[str | None]) -> Stance:
    """The stance of sentences that belong together.

    >>> _together(["neutral", "concerned"]), _together(["supportive", "concerned"])
    ('concerned', 'mixed')
    """
    concerned, supportive = ({side, "mixed"} & {*stances} for side in ("concerned", "supportive"))
    return (
        "mixed" if concerned and supportive else "concerned" if concerned else "supportive" if supportive else "neutral"
    )


def _overlap_ms(a: Placed, b: Label) -> int:
    return max(0, min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms))


def _ms(a: Placed) -> int:
    return a.end_ms - a.start_ms
