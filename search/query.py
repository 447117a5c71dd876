"""The query language: from what somebody typed to a small tree, and back into words.

Any text at all is a query. What cannot be read is left out and said in `Query.notes`; nothing here raises.
The grammar stands in `docs/search.md`.
"""

import calendar
import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Literal

from search.fold import words
from transcribe.records import Record

N_CHARACTERS = 10_000  # a longer query is cut
N_TERMS = 200
N_NESTED = 30
N_APART = 30  # words, the most that `near/` takes
N_LETTERS = 2  # the fewest that `*` may stand after


class Word(Record):
    """A word in any of its forms: `brief` finds "briefed" and "briefings"."""

    word: str


class Phrase(Record):
    """Words exactly as they stand, next to each other and in this order."""

    words: tuple[str, ...]


class Prefix(Record):
    """Any word that begins so: `consult*` finds "consultation" and "consultee"."""

    letters: str


class Near(Record):
    """Two of these at most so many words apart, in either order: 1 is next to each other. Of a phrase, any of its
    words."""

    n_words: int
    parts: tuple[Word | Phrase | Prefix, Word | Phrase | Prefix]


class Filter(Record):
    """A condition on who, where or how. `values` are all wanted: the parts of a name, or the one value."""

    field: str
    values: tuple[str, ...]


class Held(Record):
    """When the meeting was held, against a `period`: YYYY, YYYY-MM or YYYY-MM-DD."""

    when: Literal["before", "after", "on"]
    period: str

    def days(self) -> tuple[int | None, int | None]:
        """First and last day, as ordinals, both included; None is open."""
        year, month, day = ([int(part) for part in self.period.split("-")] + [0, 0])[:3]
        first = date(year, month or 1, day or 1).toordinal()
        last = date(year, month or 12, day or calendar.monthrange(year, month or 12)[1]).toordinal()
        return {"before": (None, first - 1), "after": (last + 1, None), "on": (first, last)}[self.when]


class Not(Record):
    part: "Node"


class All(Record):
    """Every part; with no parts, everything."""

    parts: tuple["Node", ...] = ()


class Any(Record):
    """At least one part; with no parts, nothing."""

    parts: tuple["Node", ...] = ()


Node = Word | Phrase | Prefix | Near | Filter | Held | Not | All | Any


class Query(Record):
    """A query as understood. `notes` say in words what could not be, and what was done instead."""

    root: Node
    notes: tuple[str, ...] = ()


NAME_FIELDS = frozenset({"speaker", "role", "party", "body", "meeting"})
CHOICES = {
    "stance": ("concerned", "supportive", "mixed", "neutral"),
    "status": ("confirmed", "inferred", "unknown"),
    "topic": ("yes", "no"),
}
FIELDS = NAME_FIELDS | CHOICES.keys() | {"tag", "person", "before", "after", "on"}
_SAME = {"true": "yes", "1": "yes", "false": "no", "0": "no"}

_DOUBLE_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″＂", '"') | {"（": "(", "）": ")", "：": ":"})
_LEXEME = re.compile(r'(?P<bracket>[()])|"(?P<quoted>[^"]*)(?P<closed>"?)|(?P<bare>[^\s"()]+)')
_NEAR = re.compile(r"near(?:/(\d{1,9}))?", re.IGNORECASE)
_FILTER = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL)
_MINUS = "-−–"  # what a keyboard gives, and what a word processor makes of it


def parse(text: str) -> Query:
    """What `text` asks for. Never raises.

    >>> understood(parse("“no engagement” -tweet speaker:Okafor before:2024-06"))
    '"no engagement" -tweet speaker:okafor before:2024-06'
    """
    return _Parser(text).query()


def understood(query: Query) -> str:
    """The query in its own language, with the brackets that it implies; parsing it gives the same tree."""
    if query.root == All():
        return "everything"
    if query.root == Any():
        return "nothing"
    if isinstance(query.root, All):
        return " ".join(map(_written, query.root.parts))
    if isinstance(query.root, Any):
        return " OR ".join(map(_written, query.root.parts))
    return _written(query.root)


def wanted(node: Node) -> Iterator[Word | Phrase | Prefix]:
    """The words and phrases that a hit may show: all but those under a `-`."""
    if isinstance(node, Word | Phrase | Prefix):
        yield node
    elif isinstance(node, All | Any | Near):
        for part in node.parts:
            yield from wanted(part)


def _written(node: Node) -> str:
    match node:
        case Word():
            return node.word
        case Phrase():
            return f'"{" ".join(node.words)}"'
        case Prefix():
            return f"{node.letters}*"
        case Near():
            return f" near/{node.n_words} ".join(map(_written, node.parts))
        case Filter():
            value = " ".join(node.values)
            value = value.replace("_", "-") if node.field == "person" else value  # as ids are written
            return f'{node.field}:"{value}"' if " " in value else f"{node.field}:{value}"
        case Held():
            return f"{node.when}:{node.period}"
        case Not():
            return f"-{_written(node.part)}"
        case All():
            return f"({' '.join(map(_written, node.parts))})"
        case Any():
            return f"({' OR '.join(map(_written, node.parts))})"


def _all(parts: list[Node]) -> Node:
    flat = [p for part in parts for p in (part.parts if isinstance(part, All) else (part,))]
    return flat[0] if len(flat) == 1 else All(parts=tuple(flat))


def _any(parts: list[Node]) -> Node:
    flat = [p for part in parts for p in (part.parts if isinstance(part, Any) else (part,))]
    return flat[0] if len(flat) == 1 else Any(parts=tuple(flat))


def _not(part: Node) -> Node:
    return part.part if isinstance(part, Not) else Not(part=part)


class _Parser:
    """One pass over the lexemes. Operators are strings on the way, everything else is a node already."""

    def __init__(self, text: str) -> None:
        self.notes: list[str] = []
        self.n_terms = 0
        if len(text) > N_CHARACTERS:
            self._note(f"only the first {N_CHARACTERS:,} characters were read")
        text = text[:N_CHARACTERS].translate(_DOUBLE_QUOTES)
        # Marks that steer the direction of text hide before a `-` or a `speaker:`; control characters part words.
        kept = ((c, unicodedata.category(c)) for c in text)
        self.text = "".join(" " if kind == "Cc" else c for c, kind in kept if kind != "Cf")
        self.lexemes = self._paired(self._lex())

    def query(self) -> Query:
        root = self._sequence(0)
        if root == All() and self.text.strip():
            self._note("nothing in this can be searched for")
            root = Any()
        return Query(root=root, notes=tuple(self.notes))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    # -- lexemes

    def _lex(self) -> Iterator["Node | str"]:
        """`(`, `)`, `-`, `OR` and nodes. An `AND` between words is what a space means, so it is dropped."""
        at = 0
        while found := _LEXEME.search(self.text, at):
            if self.n_terms >= N_TERMS:
                self._note(f"only the first {N_TERMS} words and phrases were used")
                return
            at = found.end()
            if found["bracket"]:
                yield found["bracket"]
            elif found["bare"] is None:
                yield from self._phrase(self._quoted(found))
            elif found["bare"] == "OR":
                yield "OR"
            elif near := self._near(found["bare"]):
                yield near
            elif found["bare"] == "NOT":
                yield "-"
            elif found["bare"] != "AND":
                bare = found["bare"]
                if bare[0] in _MINUS and self._begins_here(found.start()):
                    bare = bare.lstrip(_MINUS)
                    if bare or self.text[at : at + 1] in ('"', "("):
                        yield "-"
                if (named := _FILTER.fullmatch(bare)) and named[1].casefold() in FIELDS:
                    value, at = self._value(named[2], at)
                    yield from self._filter(named[1].casefold(), value)
                elif bare:
                    if named and named[2] and not named[2].startswith("//"):
                        self._note(f"there is no filter called {named[1]}: so its words were searched for")
                    yield from self._bare(bare)

    def _near(self, bare: str) -> str:
        """`near/` and the distance, where that is what this is; a bare NEAR means five words, "near" is a word."""
        found = _NEAR.fullmatch(bare)
        if bare.casefold() == "near/":
            self._note("near/ takes a number of words, as in near/5")
        if not found or not (found[1] or bare == "NEAR"):
            return ""
        n = int(found[1] or 5)
        if not 1 <= n <= N_APART:
            self._note(f"near/ takes 1 to {N_APART} words")
        return f"near/{min(max(n, 1), N_APART)}"

    def _paired(self, lexemes: Iterator["Node | str"]) -> Iterator["Node | str"]:
        """The same with what stands on either side of a `near/` put together; `a near/5 b near/5 c` are two pairs."""
        given = list(lexemes)
        i = 0
        while i < len(given):
            pairs: list[Node] = []
            while i + 2 < len(given) and isinstance(sign := given[i + 1], str) and sign.startswith("near/"):
                left, right = given[i], given[i + 2]
                if not isinstance(left, Word | Phrase | Prefix) or not isinstance(right, Word | Phrase | Prefix):
                    break
                pairs.append(Near(n_words=int(sign[5:]), parts=(left, right)))
                i += 2
            lexeme = _all(pairs) if pairs else given[i]
            if isinstance(lexeme, str) and lexeme.startswith("near/"):
                self._note("near/ stands between two words: without one on either side it was left out")
            else:
                yield lexeme
            i += 1

    def _begins_here(self, at: int) -> bool:
        return at == 0 or self.text[at - 1].isspace() or self.text[at - 1] == "("

    def _quoted(self, found: re.Match[str]) -> str:
        if not found["closed"] and found["quoted"].strip():
            self._note("a quotation mark was never closed: the phrase was taken to run to the end")
        return found["quoted"]

    def _value(self, attached: str, at: int) -> tuple[str, int]:
        """The value of a filter, which may be quoted or come after a space, and where to go on."""
        found = _LEXEME.search(self.text, at)
        if attached or not found or found["bracket"]:
            return attached, at
        if found["bare"] is None:
            return self._quoted(found), found.end()
        if found["bare"] in ("OR", "AND", "NOT") or _FILTER.fullmatch(found["bare"]):
            return "", at
        return found["bare"], found.end()

    def _phrase(self, text: str) -> Iterator["Node | str"]:
        if exact := tuple(words(text)):
            self.n_terms += len(exact)
            yield Phrase(words=exact)

    def _bare(self, text: str) -> Iterator["Node | str"]:
        """A word; or, where punctuation parts it, a phrase: `face-to-face` also as one word, as some would write it."""
        parts = tuple(words(text))
        self.n_terms += len(parts)
        if len(parts) == 1 and text.endswith("*") and len(parts[0]) >= N_LETTERS:
            yield Prefix(letters=parts[0])
        elif len(parts) == 1:
            if text.endswith("*"):
                self._note(f"a * needs at least {N_LETTERS} letters before it")
            yield Word(word=parts[0])
        elif parts and "-" in text:
            yield Any(parts=(Phrase(words=parts), Word(word="".join(parts))))
        elif parts:
            yield Phrase(words=parts)

    def _filter(self, field: str, value: str) -> Iterator["Node | str"]:
        self.n_terms += 1
        parts = tuple(words(value))
        if not parts:
            self._note(f"{field}: has nothing after it and was left out")
        elif field in NAME_FIELDS:
            yield Filter(field=field, values=parts)
        elif field in ("tag", "person"):  # an id, whole
            yield Filter(field=field, values=("_".join(parts),))
        elif field in CHOICES:
            choice = _SAME.get(parts[0], parts[0])
            if len(parts) == 1 and choice in CHOICES[field]:
                yield Filter(field=field, values=(choice,))
            else:
                self._note(f"{field}: is one of {', '.join(CHOICES[field])}; “{' '.join(parts)}” was left out")
        elif period := _period(value):
            yield Held(when=field, period=period)  # type: ignore[arg-type]  # the three fields that are left
        else:
            self._note(f"“{_shown(value)}” is no date such as 2024-05-14, 2024-05 or 2024; {field}: was left out")

    # -- grammar

    def _sequence(self, depth: int) -> Node:
        """Parts up to the closing bracket or the end. OR joins its two neighbours and nothing more."""
        parts: list[Node] = []
        negative = joined = False
        for lexeme in self.lexemes:
            if lexeme == "OR":
                joined, negative = bool(parts), False
                continue
            if lexeme == "-":
                negative = not negative
                continue
            if lexeme == ")":
                if depth:
                    break
                continue
            if lexeme == "(":
                if depth >= N_NESTED:
                    self._note(f"brackets more than {N_NESTED} deep were not read")
                    continue
                lexeme = self._sequence(depth + 1)
                if lexeme == All():
                    negative = False
                    continue
            assert not isinstance(lexeme, str)
            part = _not(lexeme) if negative else lexeme
            if joined:
                parts[-1] = _any([parts[-1], part])
            else:
                parts.append(part)
            negative = joined = False
        return _all(parts)


def _shown(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()[:60]


_MONTHS = [name.lower() for name in calendar.month_name]


def _period(text: str) -> str:
    """A year, month or day as YYYY, YYYY-MM or YYYY-MM-DD; empty where it is none. Days come before months, as in
    14/05/2024."""
    text = " ".join(text.split()).lower()
    if named := re.fullmatch(r"(?:(\d{1,2})(?:st|nd|rd|th)? )?([a-z]{3,9})\.?,? (\d{4})", text):
        month = next((n for n, name in enumerate(_MONTHS) if name and name.startswith(named[2])), 0)
        parts = [named[3], str(month), *([named[1]] if named[1] else [])]
    elif iso := re.fullmatch(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?", text):
        parts = [part for part in iso.groups() if part]
    elif british := re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", text):
        parts = [british[3], british[2], british[1]]
    else:
        return ""
    numbers = [int(part) for part in parts]
    try:
        date(*[*numbers, 1, 1][:3])
    except ValueError:
        return ""
    return "-".join(f"{n:04d}" if i == 0 else f"{n:02d}" for i, n in enumerate(numbers))
