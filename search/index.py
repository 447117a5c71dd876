"""The full-text index over all meetings: one Tantivy index, in which a meeting is replaced whole or not at all.

Words are folded by `search.fold` and indexed twice: as they stand, for phrases, and stemmed, for plain words.
A reader sees the last commit and nothing of a later one; a writer that dies leaves the last commit as it was.

The folder holds one index, in a directory named after its shape (fields, quote, folding). Where there is
a directory of any other shape, or of this one but broken, the index is `Stale`: it has to be made again, from all
quotes, by `rebuild`, which takes the old directory away only after its own commit.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any as Untyped

import msgspec
import tantivy
from tantivy import Filter as TokenFilter
from tantivy import TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from search.fold import fold, words
from search.quotes import Quote
from transcribe.problem import LACKING, Problem

VERSION = 5  # raised when folding or what goes into a field changes; the fields themselves are seen by `_shape`
# To change a meeting, and to make the whole index: the more there is room for, the fewer parts have to be merged.
HEAP_BYTES, WHOLE_HEAP_BYTES = 64_000_000, 400_000_000
_TIME = 2**30  # milliseconds, 12 days: more than any meeting

# Hits are counted by columns. To read one takes as long as to find the hits, so two hold all that is counted.
SAID, SPOKEN = "said", "spoken"

# name -> tokenizer, and what is kept: positions for phrases, frequencies for ranking, neither for conditions
_TEXT_FIELDS = {
    "exact": ("words", "position"),
    "stem": ("stems", "freq"),
    "marks": ("words", "basic"),  # all that a condition may ask for: a dozen fields would take three times as long
    SAID: ("raw", "basic"),
    SPOKEN: ("raw", "basic"),
}


class Stale(Problem):
    """The index is there but of another version, or broken: the caller makes it again with `rebuild`."""


# -- writing --------------------------------------------------------------------------------------


def replace(
    folder: Path,
    meeting: str,
    quotes: Sequence[Quote],
    *,
    first: Callable[[], None] = lambda: None,
    wait_s: float = 60.0,
) -> None:
    """Put these quotes in the place of all that the index holds of this meeting, in one step.

    `first` is called before they are committed and while nobody else writes the index: what it puts in place is there
    for whoever makes the index again afterwards.

    Makes the index where there is none. Raises Stale where `rebuild` is needed, and Problem when another process
    is still writing after `wait_s`.
    """
    if not (folder / _shape()).is_dir():
        _make(folder)
    check(folder)

    def change(writer: Untyped, schema: Untyped) -> None:
        writer.delete_documents_by_term("marks", mark("id", meeting))
        _add(writer, schema, meeting, quotes)
        first()

    _write(folder, change, wait_s=wait_s)


def remove(folder: Path, meeting: str, *, wait_s: float = 60.0) -> None:
    """Take a meeting out of the index. It need not be there, and there need not be an index."""
    if check(folder):
        gone = mark("id", meeting)
        _write(folder, lambda writer, _: writer.delete_documents_by_term("marks", gone), wait_s=wait_s)


def rebuild(folder: Path, meetings: Iterable[tuple[str, Sequence[Quote]]], *, wait_s: float = 60.0) -> None:
    """Make the whole index again, from pairs of a meeting's id and its quotes. Until it is done the old one stands."""
    current = folder / _shape()
    if current.is_dir() and _open(current) is None:
        try:
            current.rename(current.with_name(f"{current.name}-broken-{time.time_ns()}"))
        except OSError as e:
            raise _unwritable(current, e) from e
    if not current.is_dir():
        _make(folder)

    def change(writer: Untyped, schema: Untyped) -> None:
        writer.delete_all_documents()
        for meeting, quotes in meetings:
            _add(writer, schema, meeting, quotes)

    _write(folder, change, wait_s=wait_s, heap_bytes=WHOLE_HEAP_BYTES, n_threads=min(4, os.cpu_count() or 1))
    for other in folder.glob("v*-*"):
        if other != current and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)


def held(folder: Path) -> dict[str, str]:
    """The meetings in the index, each with the `edition` of its quotes there. Raises Stale as `search` does."""
    if not check(folder):
        return {}
    return dict(_editions(*commit_of(folder)))


def edition(quotes: Sequence[Quote]) -> str:
    """SHA-256 over a meeting's quotes: what `held` tells of a meeting that holds exactly these."""
    return hashlib.sha256(msgspec.json.encode(quotes)).hexdigest()


def _add(writer: Untyped, schema: Untyped, meeting: str, quotes: Sequence[Quote]) -> None:
    """A document per quote, and one that says which edition of the meeting this is."""
    marks = mark("id", meeting), mark("topic", "none"), mark("edition", f"{meeting}:{edition(quotes)}")
    # Nobody reads this one's columns: but those that have a value in every document are read in a third of the time.
    columns = {SAID: "", SPOKEN: "", "newest": 0}
    writer.add_document(tantivy.Document.from_dict({"marks": " ".join(marks)} | columns, schema))
    for quote in quotes:
        if quote.meeting != meeting:
            raise LookupError(f"{quote.address} is no quote of {meeting}")
        writer.add_document(tantivy.Document.from_dict(_document(quote), schema))


def _document(quote: Quote) -> dict[str, Untyped]:
    folded = fold(quote.text)
    stance = (quote.stance or "") if quote.stance_holder == "speaker" else ""  # a reported one is nobody's here
    tags = [_id(code) for code in quote.codes]
    document: dict[str, Untyped] = {
        "exact": folded,
        "stem": folded,
        "marks": " ".join(
            (
                _of_meeting(quote.meeting, quote.title, quote.body),
                _of_speaker(quote.speaker, quote.speaker_status, quote.person, quote.role, quote.party),
                mark("topic", "yes" if quote.topic else "no"),
                mark("stance", stance),
                *(mark("tag", tag) for tag in tags),
            )
        ),
        SAID: " ".join((str(quote.held_on.year) if quote.held_on else "", stance, quote.speaker_status, *tags)),
        SPOKEN: f"{quote.speaker if quote.speaker_status != 'unknown' else ''}\n{quote.body}",
        "newest": _newest(quote.meeting, quote.held_on) - min(quote.start_ms, _TIME - 1),
        "quote": msgspec.json.encode(quote),
    }
    if quote.held_on:
        document["day"] = quote.held_on.toordinal()
    return document


def said(column: str) -> tuple[str, str, str, list[str]]:
    """Year, stance, status of the speaker and codes out of the column SAID; empty where there is none."""
    year, stance, status, *codes = column.split(" ")
    return year, stance, status, codes


def spoken(column: str) -> tuple[str, str]:
    """Speaker and body out of the column SPOKEN; empty where there is none."""
    speaker, _, body = column.partition("\n")
    return speaker, body


def mark(field: str, value: str) -> str:
    """A condition's field and value as the one word that is indexed for it."""
    return f"{field}:{value}"


# What is said of many quotes is folded once.


@lru_cache(maxsize=256)
def _of_meeting(meeting: str, title: str, body: str) -> str:
    return " ".join([mark("id", meeting), _marks("meeting", f"{meeting} {title}"), _marks("body", body)])


@lru_cache(maxsize=4096)
def _of_speaker(speaker: str, status: str, person: str | None, role: str, party: str) -> str:
    names = _marks("speaker", f"{speaker} {person or ''}"), _marks("role", role), _marks("party", party)
    return " ".join([*names, mark("person", _id(person or "")), mark("status", status)])


def _marks(field: str, name: str) -> str:
    return " ".join(mark(field, word) for word in words(name))


@lru_cache(maxsize=4096)
def _id(text: str) -> str:
    return "_".join(words(text))


@lru_cache(maxsize=256)
def _newest(meeting: str, held_on: date | None) -> int:
    """A number that is greater for what comes first under "newest", less by a quote's time for each quote of a meeting.

    22 bits of day, 12 that keep meetings of one day apart, 30 of time (12 days) counted downwards.
    """
    apart = int.from_bytes(hashlib.sha256(meeting.encode()).digest()[:2], "big") >> 4
    return (held_on.toordinal() if held_on else 0) << 42 | apart << 30 | (_TIME - 1)


def _write(
    folder: Path,
    change: Callable[[Untyped, Untyped], object],
    *,
    wait_s: float,
    heap_bytes: int = HEAP_BYTES,
    n_threads: int = 1,
) -> None:
    """Make a change and commit it, or leave everything as it was."""
    where = folder / _shape()
    index = _opened(folder)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            writer = index.writer(heap_bytes, n_threads)
            break
        except ValueError as e:
            if "LockBusy" not in str(e):
                raise _unwritable(where, e) from e
            if time.monotonic() >= deadline:
                raise Problem(
                    "another process is writing the index",
                    where=where,
                    fix="wait until it is done, then run this again",
                    exit_code=LACKING,
                ) from e
            time.sleep(0.05)
    try:
        change(writer, index.schema)
        writer.commit()
    except (ValueError, OSError) as e:
        raise _unwritable(where, e) from e
    finally:
        writer.wait_merging_threads()  # and gives the lock back; what was not committed is gone


def _unwritable(where: Path, error: Exception | str) -> Problem:
    return Problem(
        f"the index cannot be written: {str(error)[:300]}",
        where=where,
        fix="check the rights of this folder and the room on its disk",
        exit_code=LACKING,
    )


# -- the folder -----------------------------------------------------------------------------------


def _shape() -> str:
    """The directory's name: a version and a digest of all that an index of this program must agree on."""
    shape = repr((_TEXT_FIELDS, sorted(Quote.__struct_fields__)))
    return f"v{VERSION}-{hashlib.sha256(shape.encode()).hexdigest()[:8]}"


def _fields() -> Untyped:
    builder = tantivy.SchemaBuilder()
    for name, (tokenizer, kept) in _TEXT_FIELDS.items():
        builder.add_text_field(name, tokenizer_name=tokenizer, index_option=kept, fast=name in (SAID, SPOKEN))
    builder.add_integer_field("day", fast=True)
    builder.add_unsigned_field("newest", fast=True)
    builder.add_bytes_field("quote", stored=True)
    return builder.build()


def _analyser(*filters: Untyped) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.whitespace())
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


# One word in, one word out: whatever is folded parts at spaces and nowhere else.
STEMS = _analyser(TokenFilter.stemmer("english"))


def stem(word: str) -> str:
    return str(STEMS.analyze(word)[0])


def _make(folder: Path) -> None:
    """An empty index, made to the side and put in place by one rename; another process may be first."""
    side = folder / f".new-{secrets.token_hex(8)}"
    try:
        side.mkdir(parents=True)
        tantivy.Index(_fields(), str(side))
        side.rename(folder / _shape())
    except (ValueError, OSError) as e:
        if not (folder / _shape()).is_dir():
            raise _unwritable(folder, e) from e
    finally:
        shutil.rmtree(side, ignore_errors=True)


def check(folder: Path) -> bool:
    """Whether there is an index to open. Raises Stale where one has to be made again first."""
    found = {p.name for p in folder.glob("v*-*") if p.is_dir()}
    if found - {_shape()}:
        raise stale(folder, "the index was made by another version of this program, or not finished")
    return bool(found)


def stale(where: Path, what: str) -> Stale:
    return Stale(what, where=where, fix="make it again with `onrecord run --through index`", exit_code=LACKING)


def _open(path: Path) -> Untyped | None:
    """The index in a directory, or None where that is none that this version can read."""
    try:
        index = tantivy.Index.open(str(path))
    except (ValueError, OSError):
        return None
    index.register_tokenizer("words", _analyser())
    index.register_tokenizer("stems", STEMS)
    return index


def _open_to_read(path: Path) -> Untyped | None:
    """The same where nothing may be written, as on a disk that is mounted so: even a reader makes a lock file, so it is
    given a directory of its own with links to the files of the index."""
    if os.access(path, os.W_OK):
        return _open(path)
    with tempfile.TemporaryDirectory(prefix="onrecord-index-") as side:  # what was opened stays open without it
        for file in path.iterdir():
            if not file.name.endswith(".lock"):
                (Path(side) / file.name).symlink_to(file.absolute())
        return _open(Path(side))


def _opened(folder: Path, *, to_read: bool = False) -> Untyped:
    index = (_open_to_read if to_read else _open)(folder / _shape())
    if index is None and not to_read and not os.access(folder / _shape(), os.W_OK):
        raise _unwritable(folder / _shape(), "nothing may be written here")
    if index is None:
        raise stale(folder, "the index is damaged")
    return index


def last_committed(folder: Path) -> Untyped:
    """The index for reading. Opening takes longer than most searches, so it is kept until somebody commits."""
    return committed(*commit_of(folder))


def commit_of(folder: Path) -> tuple[Path, str]:
    """Where the index is, and a digest that becomes another with every commit.

    It is taken over what the commit says: the file's times may be those of the commit before, within a tick of a clock.
    """
    where = folder / _shape()
    try:
        return where, hashlib.sha256((where / "meta.json").read_bytes()).hexdigest()
    except OSError as e:
        raise stale(folder, "the index is damaged") from e


def as_of(commit: str) -> str:
    """A name for a commit, as eight hex digits."""
    return commit[:8]


@lru_cache(maxsize=2)
def committed(where: Path, commit: str) -> Untyped:
    """The index for reading, as of what `commit_of` gave."""
    return _opened(where.parent, to_read=True)


@lru_cache(maxsize=2)
def _editions(where: Path, commit: str) -> dict[str, str]:
    searcher = committed(where, commit).searcher()
    terms = searcher.terms_with_prefix("marks", mark("edition", ""), tantivy.Query.all_query())
    return dict(sorted(term.split(":")[1:] for term, n in terms if n))
