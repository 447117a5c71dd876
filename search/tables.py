"""All quotes as one table in formats that others read: CSV, Parquet, and SQLite with full-text search for Datasette.

CSV and SQLite take quotes a meeting at a time and hold no more than one meeting's in memory.
"""

import contextlib
import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from search.cite import NOTICE
from search.quotes import Quote, write_parquet
from transcribe.documents import GENERATOR

COLUMNS = {  # what each holds: the data dictionary
    "address": "permanent address, <meeting>/<start_ms>-<end_ms>",
    "check": "what follows the ~ when the quote is cited: it changes when wording or speaker do",
    "meeting": "the meeting's id",
    "title": "what the meeting is called",
    "body": "whose meeting it is",
    "held_on": "the day of the meeting, YYYY-MM-DD; empty where it is not known",
    "start_ms": "where the quote begins, in milliseconds from the start of the meeting's timeline",
    "end_ms": "where it ends; this moment is not part of it",
    "text": "the words, as a machine heard them or a person corrected them",
    "speaker_label": "the voice, within its meeting only",
    "speaker": "who speaks, as they are shown",
    "speaker_status": "confirmed (a person said so), inferred (named by software, not checked), unknown",
    "speaker_in_captions": "whether speaker, where it is unknown, is a name that the captions give and nobody has",
    "person": "id of the person; empty where nobody knows",
    "role": "the person's role on that day",
    "party": "the person's party on that day",
    "agenda_item": "the item of the agenda under which it was said, where one was heard to be opened",
    "topic": "whether it is about the codebook's topic",
    "codes": "the codes of the codebook that it was given, by software",
    "stance": "the position that it expresses or reports: concerned, supportive, mixed, neutral",
    "stance_holder": "whose position that is: the speaker's, or of the source that is reported",
    "listen_first": "why one should listen before quoting",
    "language": "code of the language that it is said in, such as en; empty where nobody knows",
    "listened_by": "who listened to these very words and found them right; empty where nobody did",
    "source_url": "where the public can hear the meeting",
    "source_start_ms": "where the quote begins there, in milliseconds",
    "transcript_sha256": "SHA-256 of the transcript that it was taken from",
}
_FORMULA = re.compile(r"\s*[=+\-@|%＝＋－＠]|[\t\r\n]")  # what makes a spreadsheet run a cell rather than show it
_SQL = {int: "integer", int | None: "integer", bool: "integer"}


def to_csv(meetings: Iterable[Sequence[Quote]], remark: str = "") -> Iterator[str]:
    """Rows of CSV, the first with the columns' names; the last column says what this is, with a `remark` where there is
    one. Lists are joined by `; `.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    yield _row([*COLUMNS, "notice"])
    notice = " ".join(filter(None, (NOTICE, f"Made by {GENERATOR}.", remark)))
    for quotes in meetings:
        for quote in quotes:
            yield _row([*(_cell(getattr(quote, name)) for name in COLUMNS), notice])


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)  # which quotes what its own line ends stand in, and these are \r\n
    return out.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str | tuple) and _FORMULA.match(text) else text


def to_parquet(meetings: Iterable[Sequence[Quote]], path: Path) -> None:
    """One Parquet file with the columns of the quotes dataset; its metadata say what it is and what each holds."""
    about = {"notice": NOTICE, "columns": json.dumps(COLUMNS)}
    write_parquet([quote for quotes in meetings for quote in quotes], path, about)


def to_sqlite(meetings: Iterable[Sequence[Quote]], path: Path) -> None:
    """A new SQLite database: `quotes`, `codes` (a row for each code of a quote), `quotes_fts` over text and speaker,
    `columns` (what each column holds) and `about`. Datasette finds and offers the full-text search by itself. Raises
    OSError where it can't be written."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            _fill(db, meetings)
    except sqlite3.OperationalError as e:
        raise OSError(str(e)) from e


def _fill(db: sqlite3.Connection, meetings: Iterable[Sequence[Quote]]) -> None:
    kinds = Quote.__annotations__
    columns = ", ".join(f'"{name}" {_SQL.get(kinds[name], "text")}' for name in COLUMNS)
    db.execute(f"create table quotes (id integer primary key, {columns})")
    db.execute("create table codes (quote integer references quotes (id), code text)")
    db.execute("create table columns (name text primary key, holds text)")
    db.execute("create table about (notice text, generator text)")
    db.execute("insert into about values (?, ?)", (NOTICE, GENERATOR))
    db.executemany("insert into columns values (?, ?)", COLUMNS.items())
    id = 0
    for quotes in meetings:
        for quote in quotes:
            id += 1
            values = [_stored(getattr(quote, name)) for name in COLUMNS]
            db.execute(f"insert into quotes values ({', '.join('?' * (len(COLUMNS) + 1))})", (id, *values))
            db.executemany("insert into codes values (?, ?)", [(id, code) for code in quote.codes])
    db.execute("create index codes_by_code on codes (code)")
    db.execute("create index quotes_by_meeting on quotes (meeting, start_ms)")
    db.execute(
        "create virtual table quotes_fts using fts5 (text, speaker, content='quotes', content_rowid='id',"
        " tokenize='porter unicode61')"
    )
    db.execute("insert into quotes_fts (quotes_fts) values ('rebuild')")


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else msgspec.to_builtins(value)
