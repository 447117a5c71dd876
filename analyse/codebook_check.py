"""What to think over in a codebook that can be read: codes that clash, cues that find too much or nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from analyse.codebook import Codebook, Fault, Lines
from analyse.cues import Cue, Finder, Token, parse, tokens
from transcribe.records import Record

MAX_EXAMPLES = 20_000  # of codes, that are tried on their cues


class CueMatches(Record):
    """How often a cue is found in statements. `example` is one that has it, `address` where that was said."""

    part: str
    cue: str
    line: int
    n: int
    example: str = ""
    address: str = ""


class Said(Record):
    """A statement that cues are tried on."""

    text: str
    address: str


def doubts(book: Codebook, text: str) -> list[Fault]:
    """What may not be meant, though it can be read, in the order of the file. `text` is the file's, for lines."""
    return sorted([*_clashes(book, Lines(text)), *_unfound(book, Lines(text))], key=lambda f: f.line)


def _clashes(book: Codebook, lines: Lines) -> Iterator[Fault]:
    names: dict[str, str] = {}
    hypotheses: dict[str, str] = {}
    owners: dict[tuple[tuple[str, ...], ...], str] = {}
    for n, code in enumerate(book.codes, 1):
        table, part = f"codes {n}", f"code {code.code}"
        for written, seen, fix in (
            (code.name, names, "people cannot tell them apart: name one of them otherwise"),
            (code.hypothesis, hypotheses, "a language model gives both or neither: say what parts them"),
        ):
            plain = written.casefold().strip()
            if plain and (other := seen.setdefault(plain, code.code)) != code.code:
                yield Fault(
                    what=f"{other} and {code.code} both say {written!r:.80}",
                    fix=fix,
                    part=part,
                    line=lines.find(table, written),
                )
        cues = {c: parse(c) for c in code.cues}
        barred = {cue.positions for cue in cues.values() if cue.bar}
        for written, cue in cues.items():
            line = lines.find(table, written)
            if not cue.bar and cue.positions in barred:
                yield Fault(
                    what=f"{written!r} never counts: a cue with - bars it", fix="take one out", part=part, line=line
                )
            elif not cue.bar and (other := owners.setdefault(cue.positions, code.code)) != code.code:
                yield Fault(
                    what=f"{written!r} is a cue of {other} too: what has it gets both codes",
                    fix="leave it to one of them, unless that is meant",
                    part=part,
                    line=line,
                )
    if book.stance is not None:
        for written in sorted({*book.stance.concerned} & {*book.stance.supportive}):
            yield Fault(
                what=f"{written!r} is a cue of both stances",
                fix="leave it to one of them",
                part="[stance]",
                line=lines.find("stance", written),
            )


def _unfound(book: Codebook, lines: Lines) -> Iterator[Fault]:
    n_tried = 0
    for n, code in enumerate(book.codes, 1):
        table, part = f"codes {n}", f"code {code.code}"
        if not code.cues and not code.examples:
            yield Fault(
                what="it has neither cues nor examples: only a zero-shot model could give it",
                fix="add `cues` for the rules, or `examples` to learn from",
                part=part,
                line=lines.find(table, "code"),
            )
        finder = Finder((code.code, cue) for cue in code.cues)
        for example in code.examples if code.cues else ():
            n_tried += 1
            if n_tried <= MAX_EXAMPLES and not finder.find(tokens(example.split())):
                yield Fault(
                    what=f"none of its cues finds its own example {example!r:.80}",
                    fix="add a cue, or move the example to another code",
                    part=part,
                    line=lines.find(table, example),
                )


def matches(book: Codebook, said: Iterable[Said], text: str = "") -> list[CueMatches]:
    """What every cue finds in statements, each cue by itself, whether it is barred by others or not; in the order of
    the codebook. `text` is the file's, for lines."""
    lines = Lines(text)
    places = list(_cues(book))
    by_words: dict[str, list[int]] = defaultdict(list)  # the same words may stand in several places
    for i, (_, _, cue) in enumerate(places):
        by_words[cue.source.strip().lstrip("-~").strip()].append(i)
    finder = Finder((words, words) for words in by_words)
    counts = dict.fromkeys(by_words, 0)
    examples: dict[str, tuple[str, str]] = {}
    for statement in said:
        spoken = statement.text.split()
        heard = tokens(spoken)
        for words, hits in finder.find(heard).items():
            counts[words] += len(hits)
            if words not in examples:
                examples[words] = _around(spoken, heard, hits[0].first, hits[0].end), statement.address
    found: dict[int, CueMatches] = {}
    for words, where in by_words.items():
        example, address = examples.get(words, ("", ""))
        for i in where:
            part, table, cue = places[i]
            found[i] = CueMatches(
                part=part,
                cue=cue.source,
                line=lines.find(table, cue.source),
                n=counts[words],
                example=example,
                address=address,
            )
    return [found[i] for i in range(len(places))]


def _cues(book: Codebook) -> Iterator[tuple[str, str, Cue]]:
    """Every cue with its part of the codebook and its table."""
    for part, table in (("topic", book.topic), ("stance", book.stance)):
        for field in table.__struct_fields__ if table is not None else ():
            if isinstance(cues := getattr(table, field), tuple):
                yield from ((f"[{part}] {field}", part, parse(c)) for c in cues)
    for n, code in enumerate(book.codes, 1):
        yield from ((code.code, f"codes {n}", parse(c)) for c in code.cues)


def _around(spoken: list[str], heard: list[Token], first: int, end: int, n: int = 5) -> str:
    """The words of a hit with a few around them, the hit in brackets."""
    a, b = heard[first].word, heard[end - 1].word + 1
    before, after = spoken[max(0, a - n) : a], spoken[b : b + n]
    cut = ["..."] * (a > n), ["..."] * (b + n < len(spoken))
    return " ".join([*cut[0], *before, f"[{' '.join(spoken[a:b])}]", *after, *cut[1]])
