"""What somebody who found nothing may have meant: words spelt otherwise, fewer of them, or what sounds like them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, groupby
from typing import Any as Untyped

from search import index
from search import query as q
from search.fold import other_spelling, words
from search.index import stem
from transcribe.phones import closeness

N_SPOKEN = 6  # words: of a query with more, none is left out to find something
N_SUGGESTED = 3
LIKE = 0.8  # how alike two names sound for one to be suggested for the other
ALIKE = 0.9  # and whole phrases: "any engagement" is not to be suggested for "no engagement"
N_CODES = 20  # that are named where somebody asked for another
SMALL = frozenset(  # words that nobody looks for by themselves
    words(
        "a about all also am an and any are as at be been before but by can could did do does doing done down for "
        "from get got had has have having he her here him his how i if in into is it its just like may me might more "
        "most much must my no not now of off on one or other our out over own said say should so some such than that "
        "the their them then there these they this those through to too under up us very was we well were what when "
        "where which while who whom why will with would yes yet you your"
    )
)


def unknown_codes(node: q.Node, searcher: Untyped) -> Iterator[str]:
    """What there is to say of codes that are asked for and that no quote has."""
    if isinstance(node, q.All | q.Any):
        for part in node.parts:
            yield from unknown_codes(part, searcher)
    if isinstance(node, q.Filter) and node.field == "tag":
        (code,) = node.values
        if not searcher.doc_freq("marks", index.mark("tag", code)):
            known = [term.removeprefix(index.mark("tag", "")) for term, _ in _codes(searcher)]
            some = ", ".join(known[:N_CODES]) + (" …" if len(known) > N_CODES else "")
            yield f"no quote has the code “{code}”: " + (f"there are {some}" if known else "none has any")


def _codes(searcher: Untyped) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = searcher.terms_with_prefix("marks", index.mark("tag", ""))
    return sorted(found)


def suggestions(
    query: q.Query, searcher: Untyped, finds: Callable[[q.Node], int], texts: Callable[[q.Node], list[str]]
) -> tuple[str, ...]:
    """The query with its "or" as a choice, or with each word that nobody said put right, where that finds something;
    else those with one or two of its words fewer that do, what finds least first: a machine that misheard one may have
    heard the others. What stands there and sounds like all of the words is the first of them."""
    if (choice := _choice(query.root)) and finds(choice):
        return (q.understood(q.Query(root=choice)),)
    root = _respelt(query.root, searcher)
    if root != query.root and _tell(root.parts if isinstance(root, q.All | q.Any) else [root]) and finds(root):
        return (q.understood(q.Query(root=root)),)
    parts = query.root.parts if isinstance(query.root, q.All) else ()
    spoken = [i for i, part in enumerate(parts) if isinstance(part, q.Word)]
    for n_dropped in range(1, min(len(spoken), 3) if len(spoken) <= N_SPOKEN else 1):
        fewer = [
            q.All(parts=tuple(part for i, part in enumerate(parts) if i not in dropped))
            for dropped in combinations(spoken, n_dropped)
        ]
        telling = (each for each in fewer if _tell(q.wanted(each)))
        found = sorted((n, q.understood(q.Query(root=each)), each) for each in telling if (n := finds(each)))
        if found:
            kept = found[: N_SUGGESTED if n_dropped == 1 else 1]
            least = kept[0][2]
            heard = dict.fromkeys(_heard_as(parts, least.parts, texts(least)))
            return (*heard, *(text for _, text, _ in kept))[:N_SUGGESTED]
    return ()


def _choice(root: q.Node) -> q.Node | None:
    """What was asked for with a small "or" in it, as if that were OR; None where nothing that tells stands
    on both sides."""
    parts = root.parts if isinstance(root, q.All) else ()
    said = [part for part in parts if isinstance(part, q.Word | q.Phrase | q.Prefix)]
    sides = [tuple(run) for is_or, run in groupby(said, key=lambda part: part == q.Word(word="or")) if not is_or]
    if len(sides) < 2 or not all(map(_tell, sides)):
        return None
    choice = q.Any(parts=tuple(side[0] if len(side) == 1 else q.All(parts=side) for side in sides))
    conditions = [part for part in parts if part not in said]
    return q.All(parts=(choice, *conditions)) if conditions else choice


def _tell(parts: Iterable[q.Node]) -> bool:
    """Whether somebody would look for this: not for small words alone, but for a phrase of them."""
    return any(not isinstance(part, q.Word) or part.word not in SMALL for part in parts)


def _heard_as(asked: Sequence[q.Node], kept: Sequence[q.Node], texts: Iterable[str]) -> Iterator[str]:
    """Runs of words in these texts that hold a word that was `kept`, and sound like all that were `asked` for: with
    the conditions beside them, as queries."""
    said = [part.word for part in asked if isinstance(part, q.Word)]
    conditions = tuple(part for part in asked if not isinstance(part, q.Word))
    stems = {stem(part.word) for part in kept if isinstance(part, q.Word)}
    wanted = "".join(said)
    for text in texts:
        here = words(text)
        holding = [i for i, word in enumerate(here) if stem(word) in stems]
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
            known = searcher.doc_freq("stem", stem(node.word)) or (other and searcher.doc_freq("exact", other))
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
