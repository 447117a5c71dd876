"""How well tags agree with labels that people gave.

Intervals are what 95 in 100 samples of the same documents would give: whole documents are drawn anew, since what one of
them says is said in its own words throughout. Where rows name no document, rows are drawn.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analyse.codebook import Codebook
from analyse.cues import Finder, tokens
from analyse.labels import Label, Placed
from transcribe.records import Record

STANCES = ("concerned", "supportive", "neutral", "mixed")
MEAN_STANCES = STANCES[:3]  # of "mixed" there are too few anywhere to say how well it is read
ENOUGH_ROWS = 8  # codes that fewer rows have are reported, and left out of the mean
WHOLE_ITEM = 0.4  # the second baseline: this share of an item's statements with a keyword makes all of it on topic
_ITEM = re.compile(r"\bitem\b", re.IGNORECASE)
N_SAMPLES = 1000

Floats = NDArray[np.float64]


class Figure(Record):
    """A figure, and the interval it might as well lie in: none where rows are from one document only. Where all are
    right, or none is, documents drawn anew can show no other: there it is the exact interval of so many documents."""

    value: float
    low: float | None = None
    high: float | None = None


class Agreement(Record):
    """Decisions about one label. `n` is its support: how many rows people gave it to."""

    n: int
    right: int
    false: int
    missed: int
    precision: float
    recall: float
    f1: Figure


class FalseAlarms(Record):
    """Rows that people put off topic, and how many of them were found on topic."""

    n: int
    false: int
    rate: float


class Score(Record):
    """Taggers against labels, on some rows.

    Of `elsewhere` are rows on other subjects, of `beside` those on other subjects inside an item on the topic, where
    rows say so. Codes are judged on all rows, so that a code on another subject is false; stance on the rows that
    people put on topic, one that was not found on topic being a wrong stance. `macro_f1` is over codes of at least
    eight rows, `macro_f1_of_all` over all that were given or found; `mean_stance_f1` over concerned, supportive and
    neutral, `macro_stance_f1` over all that people gave. `holder_right` counts whose stance it is, of `holder_n`.
    """

    n_rows: int
    n_on_topic: int
    topic: Agreement
    elsewhere: FalseAlarms
    beside: FalseAlarms
    baselines: dict[str, Agreement]
    codes: dict[str, Agreement]
    macro_f1: Figure
    macro_f1_of_all: Figure
    micro_f1: Figure
    stance: dict[str, Agreement]
    stance_accuracy: Figure
    mean_stance_f1: Figure
    macro_stance_f1: Figure
    holder_right: int
    holder_n: int


class Error(Record):
    """Where taggers and people differ: `kind` is `topic`, a code, or `stance`."""

    kind: str
    given: str
    found: str
    text: str
    meeting: str = ""
    start_ms: int = 0


class Report(Record):
    """`slices` are parts of the rows: those that name no technology, paraphrases (where topic cannot be told from the
    manner alone), and each style. `errors` are all of them, by kind."""

    codebook: str
    tagger: str
    whole: Score
    slices: dict[str, Score]
    errors: tuple[Error, ...]
    unknown_codes: tuple[str, ...] = ()  # that people gave and the codebook does not have


class Judged(Record):
    """A row, what was made of it, and what the plain baselines would make of its topic."""

    row: Label
    found: Placed
    baselines: dict[str, bool]


def report(
    rows: Sequence[Judged], codes: Sequence[str], *, codebook: str, tagger: str, has_stance: bool = True
) -> Report:
    """`codes` are the codebook's, in its order; a code that only the labels know is missed wherever it was given. Where
    the codebook says nothing of a stance, it is not judged."""
    known = list(dict.fromkeys([*codes, *sorted({c for j in rows for c in j.row.codes})]))
    stances = STANCES if has_stance else ()
    return Report(
        codebook=codebook,
        tagger=tagger,
        whole=score(rows, known, stances),
        slices={name: score(part, known, stances) for name, part in _slices(rows).items()},
        errors=tuple(e for e in _errors(rows, known) if has_stance or e.kind != "stance"),
        unknown_codes=tuple(known[len(set(codes)) :]),
    )


def score(rows: Sequence[Judged], codes: Sequence[str], stances: Sequence[str] = STANCES) -> Score:
    tally = _Tally(rows)
    on = [j for j in rows if j.row.topic]
    per_code = {c: tally.of((c in j.row.codes, c in j.found.codes) for j in rows) for c in codes}
    used = [c for c, cells in per_code.items() if cells.any()]
    enough = [c for c in used if per_code[c][:, [0, 2]].sum() >= ENOUGH_ROWS]
    per_stance = {
        s: tally.of((j.row.topic and j.row.stance == s, j.row.topic and j.found.stance == s) for j in rows)
        for s in stances
    }
    given = [s for s in stances if per_stance[s][:, [0, 2]].any()]
    held = [j for j in on if j.row.stance_holder and j.row.stance != "neutral" and j.found.stance_holder]
    names = dict.fromkeys(name for j in rows for name in j.baselines)
    return Score(
        n_rows=len(rows),
        n_on_topic=len(on),
        topic=tally.agreement(tally.of((j.row.topic, j.found.topic) for j in rows)),
        elsewhere=_false_alarms(j for j in rows if not _is_beside(j.row)),
        beside=_false_alarms(j for j in rows if _is_beside(j.row)),
        baselines={
            name: tally.agreement(tally.of((j.row.topic, j.baselines.get(name, False)) for j in rows)) for name in names
        },
        codes={c: tally.agreement(per_code[c]) for c in used},
        macro_f1=tally.mean_f1([per_code[c] for c in enough]),
        macro_f1_of_all=tally.mean_f1([per_code[c] for c in used]),
        micro_f1=tally.mean_f1([sum(per_code.values(), np.zeros_like(tally.nothing))]),
        stance={s: tally.agreement(per_stance[s]) for s in given},
        stance_accuracy=tally.share((j.row.topic, j.row.stance == j.found.stance) for j in rows),
        mean_stance_f1=tally.mean_f1([per_stance[s] for s in given if s in MEAN_STANCES]),
        macro_stance_f1=tally.mean_f1([per_stance[s] for s in given]),
        holder_right=sum(j.row.stance_holder == j.found.stance_holder for j in held),
        holder_n=len(held),
    )


# -- baselines -------------------------------------------------------------------------------------


def keywords_of(book: Codebook) -> Callable[[str], bool] | None:
    """Whether a text has one of the topic's keywords; None where the codebook gives none."""
    cues = book.topic.keywords if book.topic else ()
    finder = Finder(("keyword", cue) for cue in cues)
    return (lambda text: bool(finder.find(tokens(text.split())))) if cues else None


def whole_items(rows: Sequence[Label], said: Sequence[Placed], has_keyword: Callable[[str], bool]) -> list[bool]:
    """The second baseline: a meeting's rows, cut where somebody opens an "item" between two of them, and an item on
    topic as a whole where enough of its rows have a keyword. `rows` are of one meeting, in order."""
    openings = sorted(
        s.start_ms
        for s in said
        if _ITEM.search(s.text) and not any(r.start_ms < s.end_ms and s.start_ms < r.end_ms for r in rows)
    )
    items: dict[int, list[bool]] = {}
    at = [sum(ms < r.end_ms for ms in openings) for r in rows]
    for n, row in zip(at, rows, strict=True):
        items.setdefault(n, []).append(has_keyword(row.text))
    about = {n: sum(hits) >= WHOLE_ITEM * len(hits) for n, hits in items.items()}
    return [about[n] or has_keyword(row.text) for n, row in zip(at, rows, strict=True)]


# -- counting --------------------------------------------------------------------------------------


class _Tally:
    """Counts per document, and what comes of them when documents are drawn anew."""

    def __init__(self, rows: Sequence[Judged]) -> None:
        documents: dict[str, int] = {}
        self._of = [documents.setdefault(j.row.source_doc or f"row {n}", len(documents)) for n, j in enumerate(rows)]
        n = len(documents)
        self.nothing: Floats = np.zeros((n, 3))
        draws = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_SAMPLES) if n > 1 else np.zeros((0, n))
        self._draws: Floats = draws.astype(np.float64)

    def of(self, decisions: Iterable[tuple[bool, bool]]) -> Floats:
        """Right, false and missed ones of each document: `[n_documents, 3]`. Decisions are (given, found) per row."""
        cells = np.zeros_like(self.nothing)
        for document, (given, found) in zip(self._of, decisions, strict=True):
            if given or found:
                cells[document, 0 if given and found else 1 if found else 2] += 1
        return cells

    def agreement(self, cells: Floats) -> Agreement:
        right, false, missed = (int(n) for n in cells.sum(axis=0))
        return Agreement(
            n=right + missed,
            right=right,
            false=false,
            missed=missed,
            precision=_ratio(right, right + false),
            recall=_ratio(right, right + missed),
            f1=self.mean_f1([cells]),
        )

    def mean_f1(self, labels: Sequence[Floats]) -> Figure:
        n = int(sum(labels, self.nothing).any(axis=1).sum())
        return self._figure(lambda draws: _mean([_f1(draws @ cells) for cells in labels], len(draws)), n)

    def share(self, decisions: Iterable[tuple[bool, bool]]) -> Figure:
        """How many of those that count, the first of each pair, are right, the second."""
        cells = np.zeros((len(self.nothing), 2))
        for document, (counts, right) in zip(self._of, decisions, strict=True):
            cells[document] += (counts and right, counts)
        n = int(cells.any(axis=1).sum())
        return self._figure(lambda draws: _ratios((draws @ cells)[:, 0], (draws @ cells)[:, 1]), n)

    def _figure(self, of: Callable[[Floats], Floats], n_documents: int) -> Figure:
        """`n_documents` are those that the figure rests on."""
        value = float(of(np.ones((1, len(self.nothing))))[0])
        if not len(self._draws) or not n_documents:
            return Figure(value=value)
        low, high = (float(edge) for edge in np.percentile(of(self._draws), (2.5, 97.5)))
        if value == 1.0:
            low = min(low, 0.025 ** (1 / n_documents))
        elif value == 0.0:
            high = max(high, 1 - 0.025 ** (1 / n_documents))
        return Figure(value=value, low=low, high=high)


def _f1(counts: Floats) -> Floats:
    """Of `[n, 3]` right, false and missed ones; 0 where there is none."""
    return _ratios(2 * counts[:, 0], 2 * counts[:, 0] + counts[:, 1] + counts[:, 2])


def _mean(values: Sequence[Floats], n: int) -> Floats:
    return np.mean(values, axis=0) if values else np.zeros(n)


def _ratios(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)


def _ratio(a: float, b: float) -> float:
    return a / b if b else 0.0


def _is_beside(row: Label) -> bool:
    return not row.topic and row.item in ("topic", "lfr")


def _false_alarms(rows: Iterable[Judged]) -> FalseAlarms:
    found = [j.found.topic for j in rows if not j.row.topic]
    return FalseAlarms(n=len(found), false=sum(found), rate=_ratio(sum(found), len(found)))


# -- parts and errors ------------------------------------------------------------------------------


def _slices(rows: Sequence[Judged]) -> Mapping[str, list[Judged]]:
    parts = {
        "paraphrases": [j for j in rows if j.row.style == "paraphrase" and not j.row.verbatim],
        "no technology named": [j for j in rows if j.row.explicit_mention is False],
    }
    parts |= {
        f"style {style}": [j for j in rows if j.row.style == style]
        for style in sorted({j.row.style for j in rows} - {"", "paraphrase"})
    }
    return {name: part for name, part in parts.items() if part}


def _errors(rows: Sequence[Judged], codes: Sequence[str]) -> Iterable[Error]:
    def error(j: Judged, kind: str, given: str, found: str) -> Error:
        return Error(
            kind=kind,
            given=given,
            found=found,
            text=j.row.text or j.found.text,
            meeting=j.row.meeting,
            start_ms=j.row.start_ms,
        )

    for j in rows:
        if j.row.topic != j.found.topic:
            yield error(j, "topic", *("yes" if on else "no" for on in (j.row.topic, j.found.topic)))
    for code in codes:
        for j in rows:
            given, found = code in j.row.codes, code in j.found.codes
            if given != found:
                yield error(j, code, "yes" if given else "no", "yes" if found else "no")
    for j in rows:
        if j.row.topic and j.row.stance != j.found.stance:
            yield error(j, "stance", j.row.stance, j.found.stance or "none")
