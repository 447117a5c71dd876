"""Searching the index: quotes for a query, where in them its words stand, how many are whose, and what was meant."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any as Untyped
from typing import Literal, get_args

import msgspec
import tantivy
from tantivy import Occur

from search import index
from search import query as q
from search.fold import other_spelling, spans, words
from search.index import STEMS
from search.quotes import Quote
from transcribe.phones import closeness
from transcribe.problem import Problem
from transcribe.records import Record

N_HITS = 1000  # the most that one search gives
N_FORMS = 50  # of a word, beside each other in a `near`
N_COUNTED = 30_000  # of a column's values: of more the rarest are not counted, and Tantivy refuses 65,000
N_VALUES = 20  # of a facet, the commonest first
N_SPOKEN = 6  # words: of a query with more, none is left out to find something
N_SUGGESTED = 3
LIKE = 0.8  # how alike two names sound for one to be suggested for the other
ALIKE = 0.9  # and whole phrases: "any engagement" is not to be suggested for "no engagement"
N_CODES = 20  # that are named where somebody asked for another
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
    last = index.last_committed(folder)
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
        counted, total = _all_facets(folder, index.commit_of(folder)) if everything else _facets(searcher, chosen)
    return Results(
        total=total,
        hits=tuple(
            Hit(quote=quote, spans=highlighter(quote.text), score=score)
            for quote, score in zip(quotes[: max(0, limit)], scores, strict=False)
        ),
        understood=q.understood(query),
        notes=query.notes if total else (*query.notes, *_unknown_codes(query.root, searcher)),
        suggestions=() if total else _suggestions(query, searcher, finds, texts),
        facets=counted,
        as_of=index.as_of(folder),
    )


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
def _all_facets(folder: Path, commit: Untyped) -> tuple[tuple[Facet, ...], int]:
    """The facets and the number of everything, which are counted once for each commit."""
    last = index.last_committed(folder)
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
        return [term("stem", _stem(part.word)), *(term("exact", word) for word in exact)]

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
    stem = _stem(part.word)
    begins = stem[:-1] or stem  # "policy" and "policies" part at the end of theirs, "polici"
    known = (term for term, _ in searcher.terms_with_prefix("exact", begins))
    other = other_spelling(part.word)
    forms = [term for term in known if _stem(term) == stem][:N_FORMS]
    return forms + ([other] if other and searcher.doc_freq("exact", other) else [])


def _both(asked: Sequence[Untyped], refused: Sequence[Untyped]) -> Untyped:
    parts = [(Occur.Must, each) for each in asked] + [(Occur.MustNot, each) for each in refused]
    return tantivy.Query.boolean_query(parts)


def _either(parts: Sequence[Untyped]) -> Untyped:
    return tantivy.Query.boolean_query([(Occur.Should, each) for each in parts])


def _unranked(query: Untyped) -> Untyped:
    return tantivy.Query.const_score_query(query, 0.0)


def _stem(word: str) -> str:
    return str(STEMS.analyze(word)[0])


def highlighter(text: str) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """The same for a query: a function from any text to where in it what was looked for stands."""
    return _highlighter(list(q.wanted(q.parse(text).root)))


def _highlighter(parts: Sequence[q.Word | q.Phrase | q.Prefix]) -> Callable[[str], tuple[tuple[int, int], ...]]:
    """A function from a text to where the words and phrases stand in it: `[start, end)`, in order, none touching."""
    asked = {part.word for part in parts if isinstance(part, q.Word)}
    stems = {_stem(word) for word in (*asked, *map(other_spelling, asked)) if word}
    phrases = {part.words for part in parts if isinstance(part, q.Phrase)}
    prefixes = tuple({part.letters for part in parts if isinstance(part, q.Prefix)})

    def marks(text: str) -> Iterator[tuple[int, int]]:
        here = spans(text)
        said = tuple(word for word, _, _ in here)
        for (_, start, end), stem in zip(here, STEMS.analyze(" ".join(said)) if stems else (), strict=False):
            if stem in stems:
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


def _unknown_codes(node: q.Node, searcher: Untyped) -> Iterator[str]:
    """What there is to say of codes that are asked for and that no quote has."""
    if isinstance(node, q.All | q.Any):
        for part in node.parts:
            yield from _unknown_codes(part, searcher)
    if isinstance(node, q.Filter) and node.field == "tag":
        (code,) = node.values
        if not searcher.doc_freq("marks", index.mark("tag", code)):
            known = [term.removeprefix(index.mark("tag", "")) for term, _ in _codes(searcher)]
            some = ", ".join(known[:N_CODES]) + (" …" if len(known) > N_CODES else "")
            yield f"no quote has the code “{code}”: " + (f"there are {some}" if known else "none has any")


def _codes(searcher: Untyped) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = searcher.terms_with_prefix("marks", index.mark("tag", ""))
    return sorted(found)


class _Text(msgspec.Struct):
    """What is read of a quote where only its words are wanted."""

    text: str


def _suggestions(
    query: q.Query, searcher: Untyped, finds: Callable[[q.Node], int], texts: Callable[[q.Node], list[str]]
) -> tuple[str, ...]:
    """The query with each word that nobody said put right, where that finds something; else those with one or two of
    its words fewer that do, what finds least first: a machine that misheard one may have heard the others. What stands
    there and sounds like all of the words is the first of them."""
    root = _respelt(query.root, searcher)
    if root != query.root and finds(root):
        return (q.understood(q.Query(root=root)),)
    parts = query.root.parts if isinstance(query.root, q.All) else ()
    spoken = [i for i, part in enumerate(parts) if isinstance(part, q.Word)]
    for n_dropped in range(1, min(len(spoken), 3) if len(spoken) <= N_SPOKEN else 1):
        fewer = [
            q.All(parts=tuple(part for i, part in enumerate(parts) if i not in dropped))
            for dropped in combinations(spoken, n_dropped)
        ]
        found = sorted((n, q.understood(q.Query(root=each)), each) for each in fewer if (n := finds(each)))
        if found:
            kept = found[: N_SUGGESTED if n_dropped == 1 else 1]
            least = kept[0][2]
            heard = dict.fromkeys(_heard_as(parts, least.parts, texts(least)))
            return (*heard, *(text for _, text, _ in kept))[:N_SUGGESTED]
    return ()


def _heard_as(asked: Sequence[q.Node], kept: Sequence[q.Node], texts: Iterable[str]) -> Iterator[str]:
    """Runs of words in these texts that hold a word that was `kept`, and sound like all that were `asked` for: with
    the conditions beside them, as queries."""
    said = [part.word for part in asked if isinstance(part, q.Word)]
    conditions = tuple(part for part in asked if not isinstance(part, q.Word))
    stems = {_stem(part.word) for part in kept if isinstance(part, q.Word)}
    wanted = "".join(said)
    for text in texts:
        here = words(text)
        holding = [i for i, stem in enumerate(map(_stem, here)) if stem in stems]
        runs = {
            (first, first + n)
            for at in holding
            for n in range(max(2, len(said) - 1), len(said) + 2)
            for first in range(max(0, at - n + 1), min(at, len(here) - n) + 1)
        }
        alike = {(a, b): closeness(wanted, "".join(here[a:b]), ALIKE) for a, b in runs}
        best = max(alike, key=lambda run: (alike[run], -run[0], -run[1]), default=(0, 0))
        if alike.get(best):
            phrase = q.Phrase(words=tuple(here[slice(*best)]))
            yield q.understood(q.Query(root=q.All(parts=(phrase, *conditions))))


def _respelt(node: q.Node, searcher: Untyped) -> q.Node:
    match node:
        case q.Word():
            other = other_spelling(node.word)
            known = searcher.doc_freq("stem", _stem(node.word)) or (other and searcher.doc_freq("exact", other))
            return node if known else q.Word(word=_nearest(node.word, searcher))
        case q.Phrase():
            return q.Phrase(words=tuple(_nearest(word, searcher) for word in node.words))
        case q.Filter():
            values = tuple(_nearest(value, searcher, condition=node.field) for value in node.values)
            return q.Filter(field=node.field, values=values)
        case q.All() | q.Any():
            return type(node)(parts=tuple(_respelt(part, searcher) for part in node.parts))
        case _:
            return node


def _nearest(word: str, searcher: Untyped, *, condition: str = "") -> str:
    """The word of the index that is spelt most like this one and begins like it, or of speakers' names sounds most like
    it; itself where none is near. Of those of one condition, if one is named."""
    from rapidfuzz.distance import OSA

    field, before = ("marks", index.mark(condition, "")) if condition else ("exact", "")

    def known(begins: str) -> Iterator[tuple[str, int]]:
        for term, n in searcher.terms_with_prefix(field, before + begins):
            yield term.removeprefix(before), n

    if len(word) < 3 or any(map(str.isdigit, word)) or searcher.doc_freq(field, before + word):
        return word
    n_edits = 1 if len(word) < 6 else 2
    best = (n_edits, 0, word)  # anything as near as this that was said at all comes before
    for term, n in known(word[0]):
        if abs(len(term) - len(word)) <= n_edits:
            best = min(best, (OSA.distance(word, term, score_cutoff=n_edits), -n, term))
    if best[2] != word or condition != "speaker":
        return best[2]
    alike = {term: closeness(word, term, LIKE) for term, _ in known("")}
    return max((term for term in alike if alike[term]), key=lambda term: (alike[term], term), default=word)
