"""Queries to begin with, made of the codebook in use: whatever it is about, they are about that, and find something."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from analyse.codebook import Codebook
from analyse.cues import Cue, parse
from search.find import Results
from search.fold import words
from transcribe.records import Record

N_WORDS = 6  # that pairs are made of
N_TRIED = 24  # of each kind, until one finds something
LEAST_LETTERS = 5  # of a word that tells what something is about
STANCES = ("concerned", "supportive", "mixed")


class Example(Record):
    """A query, what it finds in words for people, and whether it finds anything here."""

    typed: str
    finds: str
    found: bool = True


def examples(book: Codebook, n_found: Callable[[str], int]) -> tuple[Example, ...]:
    """One query of each kind, from plain to particular; of a kind of which none finds anything, the first that there
    is. `n_found` counts what a query finds."""
    cues = [c for c in map(parse, _cues(book)) if not c.bar]
    known = list(dict.fromkeys(_words(book, cues)))[: 4 * N_TRIED]
    said = [word for word in known if n_found(word)][:N_WORDS] or known[:N_WORDS]
    pairs = list(combinations(said, 2))
    about = topic(book)
    kinds: list[list[tuple[str, str]]] = [
        [(f"{a} {b}", "both words, in any of their forms") for a, b in pairs],
        [(f'"{p}"', "exactly these words, in this order") for p in dict.fromkeys(_phrases(book, cues))],
        [(f"{a} near/5 {b}", "both, at most five words apart") for a, b in pairs],
        [(f"{a} OR {b}", "either") for a, b in pairs],
        [(f"{a} -{b}", "the first, without the second") for a, b in pairs],
        [(beginning, "words that begin so") for beginning in dict.fromkeys(_beginnings(cues))],
        [(f"tag:{c.code}", f"what is marked with “{c.name}”") for c in book.codes],
        [("topic:yes", f"what is about {about}")],
        [(f"topic:yes stance:{s}", f"on {about}, where the speaker sounds {s}") for s in STANCES if book.stance],
    ]
    made = []
    for kind in kinds:
        found = next((each for each in kind[:N_TRIED] if n_found(each[0])), None)
        for typed, finds in [found] if found else kind[:1]:
            made.append(Example(typed=typed, finds=finds, found=bool(found)))
    return tuple(made)


def of_fields(everything: Results) -> tuple[Example, ...]:
    """Conditions, with names and days that stand in the data; made-up ones where there is none."""
    counted = {f.name: [v.value for v in f.values] for f in everything.facets}
    newest = everything.hits[0].quote if everything.hits else None
    people = words((counted.get("speaker") or ["Okafor"])[0])
    bodies = words((counted.get("body") or ["Wrenbridge"])[0])
    titles = words(newest.title if newest else "") or ["scrutiny"]
    day = newest.held_on if newest else None
    year = day.year if day else 2024
    each = [
        (f"speaker:{people[-1] if people else 'okafor'}", "what somebody of that name said"),
        ("role:chair", "what people in that office said"),
        (f"body:{bodies[0] if bodies else 'wrenbridge'}", "by whose meeting it is"),
        (f"meeting:{max(titles, key=len)}", "by the meeting’s name"),
        ("status:confirmed", "where a person confirmed who speaks"),
        (f"on:{day:%Y-%m}" if day else "on:2024-05", "meetings of that day, month or year"),
        (f"after:{year - 1} before:{year + 1}", "later, earlier"),
    ]
    return tuple(Example(typed=typed, finds=finds) for typed, finds in each)


def topic(book: Codebook) -> str:
    """What a codebook calls its topic."""
    return book.topic.name if book.topic else "what the codebook looks for"


def _cues(book: Codebook) -> Iterator[str]:
    for code in book.codes:
        yield from code.cues
    if book.topic:
        yield from book.topic.cues


def _words(book: Codebook, cues: Sequence[Cue]) -> Iterator[str]:
    """Telling words: of the names of codes, then what codes and topic look for."""
    named = [word for code in book.codes for word in words(code.name)]
    single = [p[0] for c in cues if len(c.positions) == 1 for p in c.positions]
    for word in [*named, *(words(book.topic.name) if book.topic else ()), *single]:
        if len(word) >= LEAST_LETTERS and word.isalpha():
            yield word


def _phrases(book: Codebook, cues: Sequence[Cue]) -> Iterator[str]:
    if book.topic:
        yield from (" ".join(words(name)) for name in (book.topic.name, *book.topic.sounds))
    for cue in cues:
        said = [position[0] for position in cue.positions]
        if len(said) > 1 and all(word.isalpha() for word in said):
            yield " ".join(said)


def _beginnings(cues: Sequence[Cue]) -> Iterator[str]:
    for cue in cues:
        for word in cue.positions[0] if len(cue.positions) == 1 else ():
            if word.endswith("*") and len(word) > LEAST_LETTERS:
                yield word
