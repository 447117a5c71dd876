"""How well tags agree with labels that people gave.

Counts add and rates are computed from them, so that results of parts can be put together without averaging averages.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from analyse.codebook import Codebook
from analyse.records import Stance, Statement, Statements
from analyse.rules import TAGGER, tag_text
from transcribe.problem import Problem
from transcribe.records import Record

KEYWORDS = re.compile(r"fac(?:ial|e)[- ]recognition|\bLFR\b", re.IGNORECASE)
STANCES: tuple[Stance, ...] = ("concerned", "supportive", "mixed", "neutral")
Part = Literal["all", "read", "held-back"]


class Counts(Record):
    """Right, false and missed decisions for one label."""

    right: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(right=self.right + other.right, false=self.false + other.false, missed=self.missed + other.missed)

    @property
    def precision(self) -> float:
        return _ratio(self.right, self.right + self.false)

    @property
    def recall(self) -> float:
        return _ratio(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.right, 2 * self.right + self.false + self.missed)


class CodeCounts(Record):
    """Counts per code, in the codebook's order."""

    per_code: tuple[tuple[str, Counts], ...]

    @property
    def micro_f1(self) -> float:
        return sum((c for _, c in self.per_code), Counts()).f1

    @property
    def macro_f1(self) -> float:
        """Mean over the codes that were given by people or tagger at least once."""
        used = [c.f1 for _, c in self.per_code if c != Counts()]
        return _ratio(sum(used), len(used))


class StanceCounts(Record):
    """How often `gold` was read as `found`, as (gold, found, n)."""

    confusion: tuple[tuple[str, str, int], ...]

    @property
    def accuracy(self) -> float:
        return _ratio(sum(n for a, b, n in self.confusion if a == b), sum(n for *_, n in self.confusion))

    @property
    def macro_f1(self) -> float:
        """Mean over the stances that occur in the labels."""
        gold = [s for s in STANCES if any(a == s for a, *_ in self.confusion)]
        return _ratio(sum(self.counts(s).f1 for s in gold), len(gold))

    def counts(self, stance: str) -> Counts:
        return Counts(
            right=sum(n for a, b, n in self.confusion if a == b == stance),
            false=sum(n for a, b, n in self.confusion if a != stance and b == stance),
            missed=sum(n for a, b, n in self.confusion if a == stance and b != stance),
        )


class TagScore(Record):
    """A tagger against labelled statements.

    `topic` uses each row's context where it has one, `topic_alone` the text only; `keywords` is the plain baseline on
    the text, `keywords_context` on text and context. Codes and stance are judged on the rows that people put on topic,
    with the topic given, so that one error is not counted twice.
    """

    n_rows: int
    n_on_topic: int
    topic: Counts
    topic_alone: Counts
    keywords: Counts
    keywords_context: Counts
    codes: CodeCounts
    stance: StanceCounts


class TagReport(Record):
    """`whole`, and the rows written as paraphrases, where topic cannot be told from the style alone."""

    tagger: str
    codebook: str
    part: Part
    whole: TagScore
    paraphrase: TagScore


class Label(msgspec.Struct, frozen=True):
    """One row of a labelled JSONL file; fields that scoring does not need are passed over."""

    text: str
    topic_lfr: bool
    tags: tuple[str, ...]
    stance: Stance
    context: str = ""
    source_doc: str = ""
    verbatim: bool = False
    style: str = ""


def score_tags(path: Path, codebook: Codebook, *, part: Part = "all") -> TagReport:
    """The rules against a labelled JSONL file. Raises Problem if it cannot be read.

    `part` cuts the file by source document: the rules were written with one half in view (`read`) and without ever
    looking into the other (`held-back`).
    """
    rows = [row for row in read_labels(path) if part == "all" or is_held_back(row) == (part == "held-back")]
    return TagReport(
        tagger=TAGGER,
        codebook=codebook.id,
        part=part,
        whole=score_rows(rows, codebook),
        paraphrase=score_rows([r for r in rows if r.style == "paraphrase" and not r.verbatim], codebook),
    )


def read_labels(path: Path) -> list[Label]:
    """The rows of a labelled JSONL file, in order. Raises Problem with the line that cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as e:
        raise Problem(f"cannot read the labels: {e.strerror}", where=path, fix="give a labelled JSONL file") from e
    rows = []
    for n, line in enumerate(lines, 1):
        try:
            rows += [msgspec.json.decode(line, type=Label)] if line.strip() else []
        except (msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise Problem(
                f"not a labelled statement: {e}",
                where=f"{path}, line {n}",
                fix="each line is an object with text, topic_lfr, tags and stance",
            ) from e
    return rows


def is_held_back(row: Label) -> bool:
    """Whether a row's source document belongs to the half that the rules were written without."""
    return int(hashlib.sha256(row.source_doc.encode()).hexdigest(), 16) % 2 == 0


def score_rows(rows: Sequence[Label], codebook: Codebook) -> TagScore:
    on_topic = [r for r in rows if r.topic_lfr]
    readings = [tag_text(r.text, codebook, about=True) for r in on_topic]
    return TagScore(
        n_rows=len(rows),
        n_on_topic=len(on_topic),
        topic=_counts((r.topic_lfr, tag_text(r.text, codebook, context=r.context).topic.about) for r in rows),
        topic_alone=_counts((r.topic_lfr, tag_text(r.text, codebook).topic.about) for r in rows),
        keywords=_counts((r.topic_lfr, bool(KEYWORDS.search(r.text))) for r in rows),
        keywords_context=_counts((r.topic_lfr, bool(KEYWORDS.search(f"{r.text} {r.context}"))) for r in rows),
        codes=_code_counts(
            [(set(r.tags), {t.code for t in found.tags}) for r, found in zip(on_topic, readings, strict=True)], codebook
        ),
        stance=_stance_counts(
            (r.stance, found.stance.stance) for r, found in zip(on_topic, readings, strict=True) if found.stance
        ),
    )


# -- against a meeting whose sentences people have labelled ----------------------------------------


class Sentence(Record):
    """A labelled sentence of a meeting, as in the sample's `reference.json`."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str
    topic: bool
    codes: tuple[str, ...] = ()
    stance: Stance = "neutral"
    stance_holder: Literal["speaker", "reported"] = "speaker"
    agenda_item: int | str = ""


class MeetingScore(Record):
    """A meeting's statements against its labelled sentences, matched by time.

    `sentences` counts labelled sentences, each found when statements on topic cover at least half of what statements
    cover of it. `statements` counts statements, each on topic when at least half of its labelled time is. `missed` are
    the sentences on topic that were not found, `false` the statements that should not be on topic. Codes and stance are
    judged on the statements that are rightly on topic, against all that was given to their sentences on topic.
    """

    sentences: Counts
    statements: Counts
    codes: CodeCounts
    stance: StanceCounts
    holder_right: int
    holder_n: int
    missed: tuple[Sentence, ...]
    false: tuple[Statement, ...]


def score_meeting(found: Statements, reference: Sequence[Sentence], codebook: Codebook) -> MeetingScore:
    def about_ms(sentence: Sentence, about: bool) -> int:
        return sum(_overlap_ms(s, sentence) for s in found.statements if s.topic.about == about)

    judged = [(r, (on := about_ms(r, True)) > 0 and on >= about_ms(r, False)) for r in reference]
    pairs = []
    for statement in found.statements:
        inside = [r for r in reference if _overlap_ms(statement, r) * 2 > min(_ms(statement), _ms(r))]
        on = sum(_overlap_ms(statement, r) for r in inside if r.topic)
        off = sum(_overlap_ms(statement, r) for r in inside if not r.topic)
        pairs.append((statement, [r for r in inside if r.topic], on > 0 and on >= off))
    right = [(s, inside) for s, inside, gold in pairs if gold and s.topic.about]
    stances = [(_together(inside), s.stance, inside, s) for s, inside in right if s.stance is not None]
    holders = [
        (s.stance_holder, {r.stance_holder for r in inside if r.stance != "neutral"})
        for gold, _, inside, s in stances
        if gold != "neutral"
    ]
    return MeetingScore(
        sentences=_counts((r.topic, f) for r, f in judged),
        statements=_counts((gold, s.topic.about) for s, _, gold in pairs),
        codes=_code_counts(
            [({c for r in inside for c in r.codes}, {t.code for t in s.tags}) for s, inside in right], codebook
        ),
        stance=_stance_counts((gold, stance) for gold, stance, *_ in stances),
        holder_right=sum(holder in gold for holder, gold in holders),
        holder_n=len(holders),
        missed=tuple(r for r, f in judged if r.topic and not f),
        false=tuple(s for s, _, gold in pairs if s.topic.about and not gold),
    )


def _together(sentences: Iterable[Sentence]) -> Stance:
    """The stance of a statement whose sentences were labelled one by one."""
    sides = {r.stance for r in sentences} - {"neutral"}
    return "neutral" if not sides else next(iter(sides)) if len(sides) == 1 else "mixed"


def _overlap_ms(a: Statement, b: Sentence) -> int:
    return max(0, min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms))


def _ms(a: Statement | Sentence) -> int:
    return a.end_ms - a.start_ms


def _counts(pairs: Iterable[tuple[bool, bool]]) -> Counts:
    seen = Counter(pairs)
    return Counts(right=seen[True, True], false=seen[False, True], missed=seen[True, False])


def _code_counts(pairs: Sequence[tuple[set[str], set[str]]], codebook: Codebook) -> CodeCounts:
    names = [c.code for c in codebook.codes]
    names += sorted(
        {code for gold, _ in pairs for code in gold} - set(names)
    )  # a code that the codebook lacks is missed
    return CodeCounts(per_code=tuple((n, _counts((n in gold, n in found) for gold, found in pairs)) for n in names))


def _stance_counts(pairs: Iterable[tuple[str, str]]) -> StanceCounts:
    return StanceCounts(confusion=tuple((a, b, n) for (a, b), n in sorted(Counter(pairs).items())))


def _ratio(a: float, b: float) -> float:
    return a / b if b else 0.0
