"""The tagger that is always there: the codebook's cues, read with a little English and the discussion around them.

Scores are weights of rules, not probabilities: a code with one plain cue scores 0.5, with two 0.67, with three 0.75.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple

from analyse.agenda import Heard, heard, in_order, label, placed
from analyse.codebook import Codebook
from analyse.cohesion import content
from analyse.context import Item, Sight, stretches, topics
from analyse.cues import Finder, Hit, Token, tokens
from analyse.garbled import find as find_garbled
from analyse.listen import UNREAD, reasons
from analyse.records import Statement, Statements, Tag, Topic
from analyse.stance import View, view
from analyse.statements import Span, cut, sentences
from transcribe.records import AgendaItem, Meeting, Transcript

TAGGER = "rules/3"
THRESHOLD = 0.5  # the score of one plain cue, or of two hints
PROCEDURE_WORDS = 14  # longer than this, a vote of thanks has something else in it
SCRAP_WORDS = 3  # "Yes, Chair."
COUNTED = 2  # items that follow the one before by number: the chair counts them
REFERS = frozenset(("it", "its", "itself", "this", "that", "these", "those", "they", "them", "their"))

_PROCEDURE = Finder(
    ("procedure", cue)
    for cue in (
        *("thank you", "thanks", "your hand up", "bring ... back in", "briefly please", "over to", "please go ahead"),
        *("all those in favour", "those against", "abstain|abstentions", "carried", "seconded|seconder", "agreed"),
        *("point of order", "any questions|comments|other", "who would like to", "next speaker|question"),
        *(
            "microphone*|muted|mute",
            "move|moving on",
            "item",
            "when you're ready",
            "one at a time",
            "get|have your turn",
        ),
        *("two|three|five minutes", "want|like to answer|respond|reply|come", "come in there|here"),
    )
)


class Reading(NamedTuple):
    """What the rules say of one text."""

    topic: Topic
    tags: tuple[Tag, ...]
    stance: View | None


def tag_transcript(transcript: Transcript, meeting: Meeting, codebook: Codebook, transcript_sha256: str) -> Statements:
    """All statements of a meeting, cut, tagged and marked where one should listen first."""
    spans = cut(transcript, meeting.agenda)
    words = [w.text for w in transcript.words]
    readings = tag(spans, words, codebook, agenda=meeting.agenda)
    openings = _openings(spans, words, meeting.agenda)
    items: list[str] = []
    for opened in openings:
        items.append(label(opened.opening) if opened else items[-1] if items else "")
    statements = tuple(
        Statement(
            meeting=meeting.id,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            first_word=span.first_word,
            end_word=span.end_word,
            speaker=span.speaker,
            text=span.text,
            language=span.language,
            topic=reading.topic,
            tags=reading.tags,
            stance=reading.stance.stance if reading.stance else None,
            stance_holder=reading.stance.holder if reading.stance else None,
            agenda_item=item,
            listen_first=(
                *reasons(span, transcript, reading.tags),
                *(() if codebook.reads(span.language) else (UNREAD,)),
            ),
        )
        for span, reading, item in zip(spans, readings, items, strict=True)
    )
    return Statements(
        meeting=meeting.id,
        transcript_sha256=transcript_sha256,
        codebook=codebook.id,
        tagger=TAGGER,
        statements=statements,
        topics=stretches(statements) if codebook.topic else (),
        items=placed([h for h in openings if h], meeting.agenda, max((s.end_ms for s in spans), default=0)),
    )


def tag(
    spans: Sequence[Span], words: Sequence[str], codebook: Codebook, *, agenda: Sequence[AgendaItem] = ()
) -> tuple[Reading, ...]:
    """What the rules say of each statement of a meeting. `spans` are in order; `words` are the whole transcript's.

    What is said in a language that the codebook does not read is as if nothing had been said.
    """
    texts = [
        tokens(words[s.first_word : s.end_word], s.first_word) if codebook.reads(s.language) else [] for s in spans
    ]
    finder = _finder(codebook)  # once: to find it hashes the codebook
    hits = [finder.find(text) for text in texts]
    found = [_tags(text, h, codebook) for text, h in zip(texts, hits, strict=True)]
    if codebook.topic is None:
        about = tuple(any_code(tags) for tags in found)
    else:
        openings = _openings(spans, words, agenda)
        items = [
            _item(span, h, codebook, agenda, counted=counted)
            for span, h, counted in zip(spans, openings, _counted(openings), strict=True)
        ]
        sights = [
            _sight(text, h, item, codebook.topic.sounds)._replace(
                voice=span.speaker, new_voice=last is None or last.speaker != span.speaker
            )
            for text, h, item, span, last in zip(texts, hits, items, spans, (None, *spans), strict=False)
        ]
        about = topics(sights, codebook.topic.name)
    about = tuple(
        topic if codebook.reads(span.language) else Topic(about=False, score=0.0, reason=UNREAD)
        for topic, span in zip(about, spans, strict=True)
    )
    return tuple(
        _reading(topic, text, h, tags, codebook) for topic, text, h, tags in zip(about, texts, hits, found, strict=True)
    )


def tag_text(text: str, codebook: Codebook, *, context: str = "", about: bool | None = None) -> Reading:
    """What the rules say of a single text. `context` is what stood before it; `about` settles the topic beforehand.

    Word indices are those of `text.split()`.
    """
    said, before = tokens(text.split()), tokens(context.split())
    hits = _finder(codebook).find(said)
    tags = _tags(said, hits, codebook)
    if codebook.topic is None:
        topic = any_code(tags)
    else:
        sights = [_sight(said, hits, sounds=codebook.topic.sounds)]
        if before:
            named = _sight(before, _finder(codebook).find(before)).named is not None
            # Spans of the context would point into another text.
            sights.insert(0, Sight(item="on" if named else "new"))
        topic = topics(sights, codebook.topic.name)[-1]
    if about is not None:
        topic = Topic(
            about=about, score=topic.score, first_word=topic.first_word, end_word=topic.end_word, reason="given"
        )
    return _reading(topic, said, hits, tags, codebook)


def _reading(
    topic: Topic, text: Sequence[Token], hits: dict[str, list[Hit]], tags: tuple[Tag, ...], codebook: Codebook
) -> Reading:
    if not topic.about:
        return Reading(topic, (), None)
    stance = view(text, hits.get("concerned", ()), hits.get("supportive", ())) if codebook.stance else None
    return Reading(topic, tags, stance)


def any_code(tags: tuple[Tag, ...]) -> Topic:
    if not tags:
        return Topic(about=False, score=0.0, reason="no code")
    best = max(tags, key=lambda t: t.score)
    return Topic(about=True, score=best.score, first_word=best.first_word, end_word=best.end_word, reason="has a code")


def _tags(text: Sequence[Token], hits: dict[str, list[Hit]], codebook: Codebook) -> tuple[Tag, ...]:
    out = []
    for code in codebook.codes:
        found = hits.get(f"code {code.code}", ())
        weight = sum(h.cue.weight for h in found)
        score = round(weight / (weight + 1), 3)
        if score >= THRESHOLD:
            best = max(found, key=lambda h: (h.cue.weight, h.end - h.first))
            first, end = _words(text, best.first, best.end)
            out.append(
                Tag(code=code.code, score=score, first_word=first, end_word=end, tagger=TAGGER, codebook=codebook.id)
            )
    return tuple(out)


def _sight(
    text: Sequence[Token],
    hits: dict[str, list[Hit]],
    item: Item = "",
    sounds: tuple[str, ...] = (),
) -> Sight:
    cues = hits.get("topic", ())
    hit = next((h for h in cues if h.cue.weight == 1), None)
    named = (hit.first, hit.end) if hit else find_garbled(text, sounds)
    scene, outside = bool(hits.get("inside")), hits.get("outside", ())
    neighbours = hits.get("neighbour", ())
    if named and outside and not scene:
        named, neighbours = None, outside
    hints = [h for h in cues if h.cue.weight < 1]
    others = hits.get("other", ())
    n_words = len({t.word for t in text})
    return Sight(
        named=_words(text, *named) if named else None,
        hint=_words(text, hints[0].first, hints[0].end) if hints else None,
        n_hints=len({h.cue.source for h in hints}),
        neighbour=_words(text, neighbours[0].first, neighbours[0].end) if neighbours else None,
        other=_words(text, others[0].first, others[0].end) if others else None,
        n_others=len({h.cue.source for h in others}),
        scene=scene,
        n_sides=sum(h.cue.weight == 1 for side in ("concerned", "supportive") for h in hits.get(side, ())),
        refers=any(t.text in REFERS for t in text),
        procedural=n_words <= SCRAP_WORDS or (n_words <= PROCEDURE_WORDS and bool(_PROCEDURE.find(text))),
        item=item,
        n_words=n_words,
        content=content(text),
    )


def _item(span: Span, opened: Heard | None, codebook: Codebook, agenda: Sequence[AgendaItem], *, counted: bool) -> Item:
    """What the opening of an item in this statement says of the topic."""
    if opened is None:
        return ""
    item = opened.opening.item
    finder = _finder(codebook)
    if _names(finder, span.text) or (item and _names(finder, item.title)):
        return "listed" if item or counted else "on"
    # An agenda that gives the topic an item of its own gives the others to something else.
    if item and any(_names(finder, other.title) for other in agenda):
        return "off"
    title = item.title if item else ""
    return "near" if finder.find(tokens(f"{span.text} {title}".split())).get("inside") else "new"


def _counted(openings: Sequence[Heard | None]) -> Iterator[bool]:
    """Whether the chair has counted the items so far, leaving none out: the next will be opened as well."""
    last, n_in_order, complete = 0, 0, True
    for opened in openings:
        number = opened.opening.number.rstrip(ascii_lowercase) if opened else ""
        if number.isdecimal():
            if last and int(number) > last:
                complete = complete and int(number) == last + 1
                n_in_order += 1
            last = max(last, int(number))
        yield complete and n_in_order >= COUNTED


def _names(finder: Finder, text: str) -> bool:
    return any(h.cue.weight == 1 for h in finder.find(tokens(text.split())).get("topic", ()))


def _openings(spans: Sequence[Span], words: Sequence[str], agenda: Sequence[AgendaItem]) -> list[Heard | None]:
    """The item that each statement opens, if it opens one that can be believed."""
    found = []
    for span in spans:
        if not span.opens_item:
            continue
        said = words[span.first_word : span.end_word]
        parts = [(span.first_word + a, span.first_word + b) for a, b in sentences(said)]
        # "That concludes the item. Item five": the last one said is the one that is opened.
        last = (heard(" ".join(words[a:b]), agenda, span.start_ms, a, b) for a, b in reversed(parts))
        found += [h for h in last if h is not None][:1]
    believed = {h.first_word: h for h in in_order(found, agenda)}
    return [
        next((believed[i] for i in range(s.first_word, s.end_word) if i in believed), None) if s.opens_item else None
        for s in spans
    ]


def _words(text: Sequence[Token], first: int, end: int) -> tuple[int, int]:
    return text[first].word, text[end - 1].word + 1


@lru_cache(maxsize=8)
def _finder(codebook: Codebook) -> Finder:
    cues = [(f"code {code.code}", cue) for code in codebook.codes for cue in code.cues]
    if topic := codebook.topic:
        parts = {"topic": topic.cues, "outside": topic.outside, "inside": topic.inside}
        parts |= {"neighbour": topic.neighbours, "other": topic.others}
        cues += [(owner, cue) for owner, found in parts.items() for cue in found]
    if stance := codebook.stance:
        cues += [("concerned", cue) for cue in stance.concerned] + [("supportive", cue) for cue in stance.supportive]
    return Finder(cues)
