"""Searching the index: quotes for a query, where in them its words stand, how many are whose, and what was meant."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any as Untyped
from typing import Literal, get_args

import msgspec
import tantivy
from tantivy import Occur

from search import index, suggest
from search import query as q
from search.fold import other_spelling, spans, words
from search.index import STEMS, stem
from search.quotes import Quote
from transcribe.problem import Problem
from transcribe.records import Record

N_HITS = 1000  # the most that one search gives
N_FORMS = 50  # of a word, beside each other in a `near`
N_COUNTED = 30_000  # of a column's values: of more the rarest are not counted, and Tantivy refuses 65,000
N_VALUES = 20  # of a facet, the commonest first
N_HEARD = 8  # quotes in which a phrase is looked for that sounds like what was typed


class Hit(Record):
    """A quote and the parts of its text that were looked for: character offsets `[start, end)`, in order."""

    quote: Quote
    spans: tuple[tuple[int, int], ...]
    score: float | None = None  # None where hits are in order of date


class Value(Record):
    """How many hits have a value; `query`, put beside what was asked, narrows the search to them."""

    value: str
    n: int
    query: str


FacetName = Literal["speaker", "body", "year", "code", "stance", "status"]


class Facet(Record):
    name: FacetName
    values: tuple[Value, ...]


class Results(Record):
    """What a search found. `understood` is the query as it was read; `notes` say what of it could not be.

    Hits have one order for as long as the index stands as it does, so that pages by `offset` fit together: `as_of` is
    the same for two searches exactly while nothing was written between them.
    """

    total: int
    hits: tuple[Hit, ...]
    understood: str
    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    facets: tuple[Facet, ...] = ()
    as_of: str = ""


# -- searching ------------------------------------------------------------------------------------


def search(
    folder: Path,
    text: str,
    *,
    sort: Literal["best", "newest"] = "best",
    limit: int = 20,
    offset: int = 0,
    facets: bool = False,
    without: frozenset[str] = frozenset(),
) -> Results:
    """Quotes that match a query in the language of `search.query`, with where in them the words stand.

    Meetings `without` which is searched, by their ids, are neither found nor counted.

    `total` counts all of them, `hits` are at most `limit` (at most 1000) after the first `offset`. Without a word to
    rank by, hits come newest first. With `facets` all hits are also counted by speaker, body, year, code, stance and
    how the speaker is known. Raises Problem where nothing has been indexed and Stale where the index has to be made
    again; never for what the query says.
    """
    if not index.check(folder):
        raise Problem("nothing has been indexed yet", where=folder, fix="make the index with `onrecord run`")
    query = q.parse(text)
    where, commit = index.commit_of(folder)
    last = index.committed(where, commit)
    searcher, schema = last.searcher(), last.schema

    def compiled(root: q.Node, *, ranked: bool) -> Untyped:
        refused = [tantivy.Query.term_query(schema, "marks", index.mark("id", id)) for id in sorted(without)]
        asked = _compile(root, searcher, schema, ranked=ranked)
        return _both([asked], refused) if refused else asked

    chosen = compiled(query.root, ranked=False)
    parts = list(q.wanted(query.root))
    by_date = sort == "newest" or not parts
    found = searcher.search(
        chosen if by_date else compiled(query.root, ranked=True),
        limit=max(1, min(limit, N_HITS)),
        offset=min(max(0, offset), searcher.num_docs),  # room is made for as many as are left out
        order_by_field="newest" if by_date else None,
        count=not facets,  # which count them all anyway; without, the best are found by passing most over
    )
    try:
        quotes = [msgspec.json.decode(searcher.doc(at).get_first("quote"), type=Quote) for _, at in found.hits]
    except (ValueError, TypeError) as e:
        raise index.stale(folder, "the index is damaged") from e
    scores = [None if by_date else float(score) for score, _ in found.hits]
    highlighter = _highlighter(parts)

    def finds(root: q.Node) -> int:
        return int(searcher.search(compiled(root, ranked=True), limit=1).count)

    def texts(root: q.Node) -> list[str]:
        hits = searcher.search(compiled(root, ranked=True), limit=N_HEARD, count=False).hits
        return [msgspec.json.decode(searcher.doc(at).get_first("quote"), type=_Text).text for _, at in hits]

    counted: tuple[Facet, ...] = ()
    total = found.count
    if facets:
        everything = query.root == q.All() and not without
        counted, total = _all_facets(where, commit) if everything else _facets(searcher, chosen)
    return Results(
        total=total,
        hits=tuple(
            Hit(quote=quote, spans=highlighter(quote.text), score=score)
            for quote, score in zip(quotes[: max(0, limit)], scores, strict=False)
        ),
        understood=q.understood(query),
        notes=query.notes if total else (*query.notes, *suggest.unknown_codes(query.root, searcher)),
        suggestions=() if total else suggest.suggestions(query, searcher, finds, texts),
        facets=counted,
        as_of=index.as_of(commit),
    )


class _Text(msgspec.Struct):
    """What is read of a quote where only its words are wanted."""

    text: str


# -- counting -------------------------------------------------------------------------------------

_FILTERS = {"year": "on", "code": "tag"}


def _facets(searcher: Untyped, chosen: Untyped) -> tuple[tuple[Facet, ...], int]:
    """The facets of all hits, and how many hits there are: each has one value in each column."""
    asked = {column: {"terms": {"field": column, "size": N_COUNTED}} for column in (index.SAID, index.SPOKEN)}
    found = searcher.aggregate(chosen, asked)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for bucket in found[index.SAID]["buckets"]:
        n = int(bucket["doc_count"])
        year, stance, status, codes = index.said(bucket["key"])
        counted["year"][year] += n
        counted["stance"][stance] += n
        counted["status"][status] += n
        for code in codes:
            counted["code"][code] += n
    for bucket in found[index.SPOKEN]["buckets"]:
        n = int(bucket["doc_count"])
        speaker, body = index.spoken(bucket["key"])
        counted["speaker"][speaker] += n
        counted["body"][body] += n
    facets = []
    for name in get_args(FacetName):
        commonest = sorted(((-n, value) for value, n in counted[name].items() if value))[:N_VALUES]
        values = tuple(Value(value=value, n=-n, query=_narrowed(name, value)) for n, value in commonest)
        facets.append(Facet(name=name, values=values))
    told = found[index.SAID]
    return tuple(facets), sum(int(b["doc_count"]) for b in told["buckets"]) + int(told["sum_other_doc_count"])


@lru_cache(maxsize=2)
def _all_facets(where: Path, commit: str) -> tuple[tuple[Facet, ...], int]:
    """The facets and the number of everything, which are counted once for each commit."""
    last = index.committed(where, commit)
    return _facets(last.searcher(), _compile(q.All(), last.searcher(), last.schema, ranked=False))


@lru_cache(maxsize=4096)
def _narrowed(name: str, value: str) -> str:
    parts = tuple(words(value))
    return q.understood(q.Query(root=q.Filter(field=_FILTERS.get(name, name), values=parts)))


# -- the query for Tantivy ------------------------------------------------------------------------


def _compile(node: q.Node, searcher: Untyped, schema: Untyped, *, ranked: bool = True) -> Untyped:
    """The query for Tantivy. Conditions weigh nothing: only words and phrases rank.

    Where hits are not to be `ranked`, the same are found by fewer terms.
    """

    def compiled(part: q.Node) -> Untyped:
        return _compile(part, searcher, schema, ranked=ranked)

    def term(field: str, value: str) -> Untyped:
        return tantivy.Query.term_query(schema, field, value)

    def mark(field: str, value: str) -> Untyped:
        return term("marks", index.mark(field, value))

    def forms(part: q.Word) -> list[Untyped]:
        # Any form counts, and the form that was typed counts again.
        other = other_spelling(part.word)
        exact = ([part.word] if ranked else []) + ([other] if other else [])
        return [term("stem", stem(part.word)), *(term("exact", word) for word in exact)]

    match node:
        case q.Word():
            return _either(forms(node))
        case q.Phrase(words=(word,)):
            return term("exact", word)
        case q.Phrase():
            return tantivy.Query.phrase_query(schema, "exact", list(node.words))
        case q.Prefix():
            return tantivy.Query.regex_query(schema, "exact", f"{re.escape(node.letters)}.*")
        case q.Near():
            return _near(node, searcher, schema)
        case q.Filter():
            wanted = [(Occur.Must, mark(node.field, value)) for value in node.values]
            return _unranked(tantivy.Query.boolean_query(wanted))
        case q.Held():
            first, last = node.days()
            return _unranked(tantivy.Query.range_query(schema, "day", tantivy.FieldType.Integer, first, last))
        case q.Not():
            return compiled(q.All(parts=(node,)))
        case q.All():
            refused = [compiled(part.part) for part in node.parts if isinstance(part, q.Not)]
            asked = [compiled(part) for part in node.parts if not isinstance(part, q.Not)]
            if not asked:  # everything, but for the documents that only say which edition is held
                asked, refused = [_unranked(tantivy.Query.all_query())], [mark("topic", "none"), *refused]
            return _both(asked, refused)
        case q.Any():
            # All the words beside each other, which is ranked in half the time that a choice of choices takes.
            each = [forms(part) if isinstance(part, q.Word) else [compiled(part)] for part in node.parts]
            return _either([form for part in each for form in part])


def _near(node: q.Near, searcher: Untyped, schema: Untyped) -> Untyped:
    """Two words at most so many apart. A phrase must stand there too, and one of its words be near."""
    forms = [_forms(part, searcher) for part in node.parts]
    if not all(forms):
        return tantivy.Query.empty_query()
    one, other = (f"({'|'.join(map(re.escape, each))})" for each in forms)
    if set(forms[0]) & set(forms[1]):
        # Where a word may be both, Tantivy takes it for its own neighbour: each distance is asked for by itself.
        pairs = [[(0, a), (n, b)] for n in range(1, node.n_words + 1) for a, b in ((one, other), (other, one))]
        close = [tantivy.Query.regex_phrase_query(schema, "exact", pair) for pair in pairs]
    else:
        slop = node.n_words - 1
        close = [tantivy.Query.regex_phrase_query(schema, "exact", p, slop) for p in ([one, other], [other, one])]
    phrases = [_compile(part, searcher, schema) for part in node.parts if isinstance(part, q.Phrase)]
    return _both([_either(close), *phrases], [])


def _forms(part: q.Word | q.Phrase | q.Prefix, searcher: Untyped) -> list[str]:
    """The words, as they stand in quotes, that may be meant: of a word all forms, the commonest first."""
    if isinstance(part, q.Phrase):
        return [word for word in dict.fromkeys(part.words) if searcher.doc_freq("exact", word)]
    if isinstance(part, q.Prefix):
        return [term for term, _ in searcher.terms_with_prefix("exact", part.letters, limit=N_FORMS)]
    stemmed = stem(part.word)
    begins = stemmed[:-1] or stemmed  # "policy" and "policies" part at the end of theirs, "polici"
    known = (term for term, _ in searcher.terms_with_prefix("exact", begins))
    other = other_spelling(part.word)
    forms = [term for term in known if stem(term) == stemmed][:N_FORMS]
    return forms + ([other] if other and searcher.doc_freq("exact", other) else [])


def _both(asked: Sequence[Untyped], refused: Sequence[Untyped]) -> Untyped:
    parts = [(Occur.Must, each) for each in asked] + [(Occur.MustNot, each) for each in refused]
    return tantivy.Query.boolean_query(parts)


def _either(parts: Sequence[Untyped]) -> Untyped:
    return tantivy.Query.boolean_query([(Occur.Should, each) for each in parts])


def _unranked(query: Untyped) -> Untyped:
    return tantivy.Query.const_score_query(query, 0.0)


def highlighter(text: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """The same for a query: a function from any text to where in it what was looked for stands."""
    return _highlighter(list(q.wanted(q.parse(text).root)))


def _highlighter(parts: Sequence[q.Word | q.Phrase | q.Prefix]) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """A function from a text to where the words and phrases stand in it: `[start, end)`, in order, none touching."""
    asked = {part.word for part in parts if isinstance(part, q.Word)}
    stems = {stem(word) for word in (*asked, *map(other_spelling, asked)) if word}
    phrases = {part.words for part in parts if isinstance(part, q.Phrase)}
    prefixes = tuple({part.letters for part in parts if isinstance(part, q.Prefix)})

    def marks(text: str) -> Iterator[tuple[int, int]]:
        here = spans(text)
        said = tuple(word for word, _, _ in here)
        for (_, start, end), stemmed in zip(here, STEMS.analyze(" ".join(said)) if stems else (), strict=False):
            if stemmed in stems:
                yield start, end
        if prefixes:
            yield from ((start, end) for word, start, end in here if word.startswith(prefixes))
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
