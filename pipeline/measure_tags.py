"""`onrecord score tags`: topic, codes and stance against what people said they are.

Three ways to be judged: statements alone, each by itself; statements where they stand, in meetings that have been run;
and one meeting's statements against its labelled sentences.
"""

from collections.abc import Sequence
from pathlib import Path

from analyse import score, taggers
from analyse.codebook import Codebook
from analyse.labels import Label, Placed, heard, labels_of, read_labels, read_sentences
from analyse.records import Statements
from analyse.rules import tag_text
from analyse.score import Judged, Report
from pipeline.meetings import Layout
from transcribe import references
from transcribe.documents import load
from transcribe.problem import Problem


def alone(labelled: Path, codebook: Codebook, tagger: taggers.Choice = taggers.RULES) -> Report:
    """Each row by itself: topic from its text and context; codes and stance with the topic given where people put the
    row on it, so that one error is not counted twice."""
    labels = read_labels(labelled)
    topics = [tag_text(row.text, codebook, context=row.context).topic.about for row in labels]
    readings = [
        tag_text(row.text, codebook, context=row.context, about=row.topic or topic)
        for row, topic in zip(labels, topics, strict=True)
    ]
    asked = [n for n, reading in enumerate(readings) if reading.topic.about]
    wordings = [taggers.Wording(labels[n].text, 0, readings[n].tags) for n in asked]
    tags = dict(zip(asked, taggers.code(wordings, codebook, tagger), strict=True))
    has_keyword = score.keywords_of(codebook)
    rows = []
    for n, (row, topic, reading) in enumerate(zip(labels, topics, readings, strict=True)):
        found = Placed(
            start_ms=0,
            end_ms=0,
            text=row.text,
            topic=topic,
            codes=frozenset(t.code for t in tags.get(n, ())),
            stance=reading.stance.stance if reading.stance else None,
            stance_holder=reading.stance.holder if reading.stance else None,
        )
        texts = {"keywords": row.text, "keywords + context": f"{row.text} {row.context}"}
        baselines = {name: has_keyword(text) for name, text in texts.items()} if has_keyword else {}
        rows.append(Judged(row=row, found=found, baselines=baselines))
    return _report(rows, codebook, tagger.id)


def in_meetings(labelled: Path, layout: Layout, codebook: Codebook) -> Report:
    """Rows that have a place in a meeting, against the quotes that a run has made of it."""
    by_meeting: dict[str, list[Label]] = {}
    for row in read_labels(labelled):
        if not row.meeting or row.start_ms >= row.end_ms:
            raise Problem(
                "a row has no place in a meeting", where=labelled, fix="give each its meeting, start_ms and end_ms"
            )
        by_meeting.setdefault(row.meeting, []).append(row)
    has_keyword = score.keywords_of(codebook)
    rows = []
    for meeting, labels in by_meeting.items():
        labels.sort(key=lambda row: row.start_ms)
        said = _quotes(layout, meeting)
        found = [heard(row, said) for row in labels]
        if has_keyword is None:
            rows += [Judged(row=row, found=f, baselines={}) for row, f in zip(labels, found, strict=True)]
            continue
        items = score.whole_items(labels, said, has_keyword)
        rows += [
            Judged(row=row, found=f, baselines={"keywords": has_keyword(row.text), "keywords, whole items": item})
            for row, f, item in zip(labels, found, items, strict=True)
        ]
    return _report(rows, codebook, "as run")


def of_meeting(reference: Path, hypothesis: Path, codebook: Codebook) -> Report:
    """A meeting's statements against its labelled sentences (`reference.json`), matched by time."""
    made = load(references.read_bytes(hypothesis), Statements, "statements/2", where=hypothesis)
    if made.codebook != codebook.id:
        raise Problem(
            f"these statements were coded with {made.codebook}, not with {codebook.id}",
            where=hypothesis,
            fix="name that codebook, with --codebook FILE, or its data folder, with --data DIR",
        )
    has_keyword = score.keywords_of(codebook)
    said = [
        Placed(
            start_ms=s.start_ms,
            end_ms=s.end_ms,
            text=s.text,
            topic=s.topic.about,
            codes=frozenset(t.code for t in s.tags),
            stance=s.stance,
            stance_holder=s.stance_holder,
        )
        for s in made.statements
    ]
    rows = [
        Judged(row=row, found=found, baselines={"keywords": has_keyword(row.text)} if has_keyword else {})
        for row, found in labels_of(said, read_sentences(reference))
    ]
    return _report(rows, codebook, made.tagger)


def _report(rows: Sequence[Judged], codebook: Codebook, tagger: str) -> Report:
    codes = [c.code for c in codebook.codes]
    return score.report(rows, codes, codebook=codebook.id, tagger=tagger, has_stance=codebook.stance is not None)


def _quotes(layout: Layout, meeting: str) -> list[Placed]:
    from search.quotes import read_parquet

    path = layout.made(meeting) / "quotes.parquet"
    if not path.is_file():
        raise Problem(f"the meeting {meeting!r} has not been run", where=path, fix="run `onrecord run` over them first")
    return [
        Placed(
            start_ms=q.start_ms,
            end_ms=q.end_ms,
            text=q.text,
            topic=q.topic,
            codes=frozenset(q.codes),
            stance=q.stance,
            stance_holder=q.stance_holder,
        )
        for q in read_parquet(path)
    ]
