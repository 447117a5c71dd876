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
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any as Untyped
from typing import Literal

import msgspec
import tantivy
from tantivy import Filter as TokenFilter
from tantivy import Occur, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from search import query as q
from search.fold import spans, words
from search.quotes import Quote
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

VERSION = 1  # raised when folding or what goes into a field changes; the fields themselves are seen by `_shape`
N_HITS = 1000  # the most that one search gives
HEAP_BYTES = 64_000_000

# name -> tokenizer and what is kept: positions for phrases, frequencies for ranking, neither for filters
_TEXT_FIELDS = {
    "exact": ("words", "position"),
    "stem": ("stems", "freq"),
    **dict.fromkeys(sorted(q.NAME_FIELDS), ("words", "basic")),
    **dict.fromkeys(("tag", "stance", "status", "topic", "id", "edition"), ("raw", "basic")),
}


class Stale(Problem):
    """The index is there but of another version, or broken: the caller makes it again with `rebuild`."""


class Hit(Record):
    """A quote and the parts of its text that were looked for: character offsets `[start, end)`, in order."""

    quote: Quote
    spans: tuple[tuple[int, int], ...]
    score: float | None = None  # None where hits are in order of date


class Results(Record):
    """What a search found. `understood` is the query as it was read; `notes` say what of it could not be."""

    total: int
    hits: tuple[Hit, ...]
    understood: str
    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


# -- writing --------------------------------------------------------------------------------------


def replace(folder: Path, meeting: str, quotes: Sequence[Quote], *, wait_s: float = 60.0) -> None:
    """Put these quotes in the place of all that the index holds of this meeting, in one step.

    Makes the index where there is none. Raises Stale where `rebuild` is needed, and Problem when another process
    is still writing after `wait_s`.
    """
    if not (folder / _shape()).is_dir():
        _make(folder)
    _check(folder)

    def change(writer: Untyped, schema: Untyped) -> None:
        writer.delete_documents_by_term("id", meeting)
        _add(writer, schema, meeting, quotes)

    _write(folder, change, wait_s=wait_s)


def remove(folder: Path, meeting: str, *, wait_s: float = 60.0) -> None:
    """Take a meeting out of the index. It need not be there, and there need not be an index."""
    if _check(folder):
        _write(folder, lambda writer, _: writer.delete_documents_by_term("id", meeting), wait_s=wait_s)


def rebuild(folder: Path, meetings: Iterable[tuple[str, Sequence[Quote]]], *, wait_s: float = 60.0) -> None:
    """Make the whole index again, from pairs of a meeting's id and its quotes. Until it is done the old one stands."""
    current = folder / _shape()
    if current.is_dir() and _open(current) is None:
        current.rename(current.with_name(f"{current.name}-broken-{time.time_ns()}"))
    if not current.is_dir():
        _make(folder)

    def change(writer: Untyped, schema: Untyped) -> None:
        writer.delete_all_documents()
        for meeting, quotes in meetings:
            _add(writer, schema, meeting, quotes)

    _write(folder, change, wait_s=wait_s, n_threads=min(4, os.cpu_count() or 1))
    for other in folder.glob("v*-*"):
        if other != current and other.is_dir():
            shutil.rmtree(other, ignore_errors=True)


def held(folder: Path) -> dict[str, str]:
    """The meetings in the index, each with the `edition` of its quotes there. Raises Stale as `search` does."""
    if not _check(folder):
        return {}
    return dict(_editions(*_commit(folder)))


def edition(quotes: Sequence[Quote]) -> str:
    """SHA-256 over a meeting's quotes: what `held` tells of a meeting that holds exactly these."""
    return hashlib.sha256(msgspec.json.encode(quotes)).hexdigest()


def _add(writer: Untyped, schema: Untyped, meeting: str, quotes: Sequence[Quote]) -> None:
    """A document per quote, and one that says which edition of the meeting this is."""
    mark = {"id": meeting, "topic": "none", "edition": f"{meeting} {edition(quotes)}"}
    writer.add_document(tantivy.Document.from_dict(mark, schema))
    for quote in quotes:
        if quote.meeting != meeting:
            raise LookupError(f"{quote.address} is no quote of {meeting}")
        writer.add_document(tantivy.Document.from_dict(_document(quote), schema))


def _document(quote: Quote) -> dict[str, Untyped]:
    folded = " ".join(words(quote.text))
    document: dict[str, Untyped] = {
        "exact": folded,
        "stem": folded,
        "id": quote.meeting,
        "speaker": _folded(f"{quote.speaker} {quote.person or ''}"),
        "role": _folded(quote.role),
        "party": _folded(quote.party),
        "body": _folded(quote.body),
        "meeting": _folded(f"{quote.meeting} {quote.title}"),
        "tag": ["_".join(words(code)) for code in quote.codes],
        "stance": quote.stance or "",
        "status": quote.speaker_status,
        "topic": "yes" if quote.topic else "no",
        "newest": _newest(quote),
        "quote": msgspec.json.encode(quote),
    }
    if quote.held_on:
        document["day"] = quote.held_on.toordinal()
    return document


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    """The words of a name, of which a corpus has few and says them again and again."""
    return " ".join(words(name))


def _newest(quote: Quote) -> int:
    """A number that is greater for what comes first under "newest": later days, and within a meeting earlier words.

    22 bits of day, 12 that keep meetings of one day apart, 30 of time (12 days) counted downwards.
    """
    day = quote.held_on.toordinal() if quote.held_on else 0
    apart = int.from_bytes(hashlib.sha256(quote.meeting.encode()).digest()[:2], "big") >> 4
    return day << 42 | apart << 30 | (2**30 - 1 - min(quote.start_ms, 2**30 - 1))


def _write(folder: Path, change: Callable[[Untyped, Untyped], object], *, wait_s: float, n_threads: int = 1) -> None:
    """Make a change and commit it, or leave everything as it was."""
    where = folder / _shape()
    index = _opened(folder)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            writer = index.writer(HEAP_BYTES * n_threads, n_threads)
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


def _unwritable(where: Path, error: Exception) -> Problem:
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
        builder.add_text_field(name, tokenizer_name=tokenizer, index_option=kept)
    builder.add_integer_field("day", indexed=True, fast=True)
    builder.add_unsigned_field("newest", fast=True)
    builder.add_bytes_field("quote", stored=True)
    return builder.build()


def _analyser(*filters: Untyped) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.whitespace())
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


# One word in, one word out: whatever is folded parts at spaces and nowhere else.
_STEMS = _analyser(TokenFilter.stemmer("english"))


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


def _check(folder: Path) -> bool:
    """Whether there is an index to open. Raises Stale where one has to be made again first."""
    found = {p.name for p in folder.glob("v*-*") if p.is_dir()}
    if found - {_shape()}:
        raise _stale(folder, "the index was made by another version of this program, or not finished")
    return bool(found)


def _stale(where: Path, what: str) -> Stale:
    return Stale(what, where=where, fix="make it again with `onrecord run --through index`", exit_code=LACKING)


def _open(path: Path) -> Untyped | None:
    """The index in a directory, or None where that is none that this version can read."""
    try:
        index = tantivy.Index.open(str(path))
    except (ValueError, OSError):
        return None
    index.register_tokenizer("words", _analyser())
    index.register_tokenizer("stems", _STEMS)
    return index


def _opened(folder: Path) -> Untyped:
    index = _open(folder / _shape())
    if index is None:
        raise _stale(folder, "the index is damaged")
    return index


def _last_committed(folder: Path) -> Untyped:
    """The index for reading. Opening takes longer than most searches, so it is kept until somebody commits."""
    return _kept(*_commit(folder))


def _commit(folder: Path) -> tuple[Path, tuple[int, int, int]]:
    """Where the index is, and what becomes another thing with every commit."""
    where = folder / _shape()
    try:
        meta = (where / "meta.json").stat()
    except OSError as e:
        raise _stale(folder, "the index is damaged") from e
    return where, (meta.st_ino, meta.st_mtime_ns, meta.st_size)


@lru_cache(maxsize=2)
def _kept(where: Path, commit: tuple[int, int, int]) -> Untyped:
    return _opened(where.parent)


@lru_cache(maxsize=2)
def _editions(where: Path, commit: tuple[int, int, int]) -> dict[str, str]:
    searcher = _kept(where, commit).searcher()
    terms = searcher.terms_with_prefix("edition", "", tantivy.Query.all_query())
    return dict(sorted(term.split(" ") for term, n in terms if n))


# -- searching ------------------------------------------------------------------------------------


def search(
    folder: Path, text: str, *, sort: Literal["best", "newest"] = "best", limit: int = 20, offset: int = 0
) -> Results:
    """Quotes that match a query in the language of `search.query`, with where in them the words stand.

    `total` counts all of them, `hits` are at most `limit` (at most 1000) after the first `offset`. Without a word to
    rank by, hits come newest first. Raises Problem where nothing has been indexed and Stale where the index
    has to be made again; never for what the query says.
    """
    if not _check(folder):
        raise Problem("nothing has been indexed yet", where=folder, fix="make the index with `onrecord run`")
    query = q.parse(text)
    index = _last_committed(folder)
    searcher, schema = index.searcher(), index.schema
    compiled = _compile(query.root, schema)
    parts = list(q.wanted(query.root))
    by_date = sort == "newest" or not parts
    found = searcher.search(
        compiled,
        limit=max(1, min(limit, N_HITS)),
        offset=min(max(0, offset), searcher.num_docs),  # room is made for as many as are left out
        order_by_field="newest" if by_date else None,
    )
    try:
        quotes = [msgspec.json.decode(searcher.doc(at).get_first("quote"), type=Quote) for _, at in found.hits]
    except (ValueError, TypeError) as e:
        raise _stale(folder, "the index is damaged") from e
    scores = [None if by_date else float(score) for score, _ in found.hits]
    highlighter = _highlighter(parts)
    return Results(
        total=found.count,
        hits=tuple(
            Hit(quote=quote, spans=highlighter(quote.text), score=score)
            for quote, score in zip(quotes[: max(0, limit)], scores, strict=False)
        ),
        understood=q.understood(query),
        notes=query.notes,
        suggestions=() if found.count else _suggestions(query, searcher, schema),
    )


def _compile(node: q.Node, schema: Untyped) -> Untyped:
    """The query for Tantivy. Conditions weigh nothing: only words and phrases rank."""

    def term(field: str, value: str) -> Untyped:
        return tantivy.Query.term_query(schema, field, value)

    match node:
        case q.Word():
            # Any form counts, and the form that was typed counts again.
            return _either([term("stem", _stem(node.word)), term("exact", node.word)])
        case q.Phrase(words=(word,)):
            return term("exact", word)
        case q.Phrase():
            return tantivy.Query.phrase_query(schema, "exact", list(node.words))
        case q.Filter():
            wanted = [(Occur.Must, term(node.field, value)) for value in node.values]
            return _unranked(tantivy.Query.boolean_query(wanted))
        case q.Held():
            first, last = node.days()
            return _unranked(tantivy.Query.range_query(schema, "day", tantivy.FieldType.Integer, first, last))
        case q.Not():
            return _compile(q.All(parts=(node,)), schema)
        case q.All():
            refused = [_compile(part.part, schema) for part in node.parts if isinstance(part, q.Not)]
            asked = [_compile(part, schema) for part in node.parts if not isinstance(part, q.Not)]
            if not asked:  # everything, but for the documents that only say which edition is held
                asked, refused = [_unranked(tantivy.Query.all_query())], [term("topic", "none"), *refused]
            return _both(asked, refused)
        case q.Any():
            return _either([_compile(part, schema) for part in node.parts])


def _both(asked: Sequence[Untyped], refused: Sequence[Untyped]) -> Untyped:
    parts = [(Occur.Must, each) for each in asked] + [(Occur.MustNot, each) for each in refused]
    return tantivy.Query.boolean_query(parts)


def _either(parts: Sequence[Untyped]) -> Untyped:
    return tantivy.Query.boolean_query([(Occur.Should, each) for each in parts])


def _unranked(query: Untyped) -> Untyped:
    return tantivy.Query.const_score_query(query, 0.0)


def _stem(word: str) -> str:
    return str(_STEMS.analyze(word)[0])


def _highlighter(parts: Sequence[q.Word | q.Phrase]) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """A function from a text to where the words and phrases stand in it: `[start, end)`, in order, none touching."""
    stems = {_stem(part.word) for part in parts if isinstance(part, q.Word)}
    phrases = {part.words for part in parts if isinstance(part, q.Phrase)}

    def marks(text: str) -> Iterator[tuple[int, int]]:
        here = spans(text)
        said = tuple(word for word, _, _ in here)
        for (_, start, end), stem in zip(here, _STEMS.analyze(" ".join(said)) if stems else (), strict=False):
            if stem in stems:
                yield start, end
        for phrase in phrases:
            for i in range(len(said) - len(phrase) + 1):
                if said[i : i + len(phrase)] == phrase:
                    yield here[i][1], here[i + len(phrase) - 1][2]

    def highlight(text: str) -> tuple[tuple[int, int], ...]:
        merged: list[tuple[int, int]] = []
        for start, end in sorted(marks(text)):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return tuple(merged)

    return highlight


def _suggestions(query: q.Query, searcher: Untyped, schema: Untyped) -> tuple[str, ...]:
    """The query with each word that nobody said put right, where that finds something."""
    root = _respelt(query.root, searcher)
    if root == query.root:
        return ()
    found = searcher.search(_compile(root, schema), limit=1)
    return (q.understood(q.Query(root=root)),) if found.count else ()


def _respelt(node: q.Node, searcher: Untyped) -> q.Node:
    match node:
        case q.Word():
            known = searcher.doc_freq("stem", _stem(node.word))
            return node if known else q.Word(word=_nearest("exact", node.word, searcher))
        case q.Phrase():
            return q.Phrase(words=tuple(_nearest("exact", word, searcher) for word in node.words))
        case q.Filter():
            return q.Filter(
                field=node.field, values=tuple(_nearest(node.field, value, searcher) for value in node.values)
            )
        case q.All() | q.Any():
            return type(node)(parts=tuple(_respelt(part, searcher) for part in node.parts))
        case _:
            return node


def _nearest(field: str, word: str, searcher: Untyped) -> str:
    """The word of the index that is spelt most like this one and begins like it; itself where none is near."""
    from rapidfuzz.distance import OSA

    if len(word) < 3 or searcher.doc_freq(field, word):
        return word
    n_edits = 1 if len(word) < 6 else 2
    best = (n_edits + 1, 0, word)
    for term, n in searcher.terms_with_prefix(field, word[0]):
        if abs(len(term) - len(word)) <= n_edits:
            best = min(best, (OSA.distance(word, term, score_cutoff=n_edits), -n, term))
    return best[2]
