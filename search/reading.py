"""What the reading pages show: a meeting as it stands, in the order and the words in which people read it.

The page asks a `Shelf` for what it shows; whoever serves it says where that is kept.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

from analyse.codebook import Codebook
from analyse.listen import UNREAD
from analyse.records import Statement, Statements, TopicRange
from search.cite import Passage, timecode
from search.exports import STRETCHES
from search.find import Results
from search.quotes import Quote, speaker_name
from transcribe.privacy import kept_back
from transcribe.problem import Problem
from transcribe.records import Coverage, Meeting, Record, Recording, SpeakerName, Stretch, Transcript, Word

N_COLOURS = 10  # of speakers; names stand beside them, so that nobody depends on colours
LONG_WORDS = 90  # a paragraph that goes on for longer is parted where a statement begins

STATUS = {  # how a name is known, in words for people
    "confirmed": "confirmed by a person",
    "inferred": "named by software, not checked",
    "unknown": "unknown speaker",
}
LISTEN = {  # reasons to listen first that read better said otherwise
    "name inferred, not confirmed": "the name is software’s, not checked",
    "name inferred, and only barely": "the name is software’s, and it was nearly too unsure to give one",
    "speaker unknown": "nobody knows who speaks",
    "words unsure": "the software was unsure of these words",
    "a telling word is unsure": "the software was unsure of a word that matters",
    "voice unsure": "it may be another voice",
}
# Reasons that hold for whole voices or meetings: they are said where those are named, not at each statement.
OF_ALL = {"name inferred, not confirmed", "speaker unknown", "times from captions only", UNREAD}


class NotNow(Problem):
    """There is something, but not to be shown just now: it is being changed."""


class Held(Record, dict=True):
    """A meeting as it stands. `settled` is false while a run is between its transcript and what is made of that:
    then there are neither statements nor quotes that could be trusted to belong to it."""

    meeting: Meeting
    recording: Recording | None
    transcript: Transcript
    statements: Statements | None
    quotes: tuple[Quote, ...]
    settled: bool = True

    @property
    def title(self) -> str:
        return self.meeting.title or self.meeting.id

    @property
    def duration_ms(self) -> int:
        ends = [w.end_ms for w in self.transcript.words[-1:] if w.end_ms]
        return max([self.recording.duration_ms if self.recording else 0, *ends])

    @cached_property
    def voices(self) -> dict[str | None, "Voice"]:
        """Voices by label, in the order in which they first speak; None is words of nobody."""
        labels = dict.fromkeys(word.speaker for word in self.transcript.words)
        known = {n.label: n for n in self.transcript.names}
        named = ((label, known.get(label or "") or speaker_name(label, ())) for label in labels)
        colours: dict[str, int] = {}
        found: dict[str | None, Voice] = {}
        for label, name in named:
            key = name.person or f" {label}"  # a person whom two voices are is one colour
            colour = 0 if label is None else colours.setdefault(key, len(colours) % N_COLOURS + 1)
            found[label] = Voice(label=label, name=name, colour=colour)
        return found


class Voice(Record):
    """Who a voice is, and which colour stands for it; 0 is the grey of nobody."""

    label: str | None
    name: SpeakerName
    colour: int


class Listed(Record):
    """A meeting in the list of meetings, and what the list of all of them is summed up from."""

    id: str
    title: str
    body: str
    held_on: date | None
    duration_ms: int
    coverage: Coverage | None
    stretches: tuple[Stretch, ...]
    n_words: int
    words_by_status: dict[str, int]
    engine: str
    has_sound: bool


class Sound(Record):
    """The file that plays a meeting, 0 ms of it 0:00; `video` whether there are pictures."""

    path: Path
    video: bool


class Ground(Record):
    """Something on which a voice's name rests, in words; `at_ms` where it can be heard, None where a person said it."""

    text: str
    at_ms: int | None = None

    def __str__(self) -> str:
        return self.text if self.at_ms is None else f"{timecode(self.at_ms)}: {self.text}"


class Told(Record):
    """What is known of a place beside what is said there: lines for people on who changed it, and on what was put right
    by software; the citation in every style; the evidence for the name, the strongest first; who
    confirmed it; and where the public can listen to this."""

    changes: tuple[str, ...]
    citations: dict[str, str]
    evidence: tuple[Ground, ...]
    confirmed_by: str = ""
    link: str = ""
    link_plays: bool = False  # whether it opens at this moment, or at the beginning


class Shelf(Protocol):
    """Where meetings are kept. Each raises Problem for what is not there, or not now."""

    def search(
        self, text: str, *, sort: Literal["best", "newest"], limit: int, offset: int, facets: bool
    ) -> Results: ...
    def meetings(self) -> Sequence[Listed]: ...
    def meeting(self, id: str) -> Held: ...
    def sound(self, id: str) -> Sound | None: ...
    def plays(self, quote: Quote) -> str:
        """Where a quote can be listened to: its page here, or its moment in the published recording; empty where in
        neither."""

    def moment(self, held: Held, ms: int) -> str:
        """A moment of a meeting in its published recording; empty where no link begins there."""

    def passage(self, address: str) -> tuple[Held, Passage]: ...
    def told(self, held: Held, passage: Passage) -> Told: ...
    def person(self, id: str) -> "Known": ...
    def codebook(self) -> Codebook: ...
    def clip(self, address: str, pad_s: int) -> Path: ...


class Known(Record):
    """A person as meetings know them: names and offices by meeting, and how each was known."""

    id: str
    name: str
    appearances: tuple["Appearance", ...]


class Appearance(Record):
    meeting: Listed
    name: SpeakerName
    evidence: tuple[Ground, ...]


def code_names(book: Codebook) -> dict[str, str]:
    """Codes of a codebook, with their names."""
    return {code.code: code.name for code in book.codes}


def has_page(person: str | None, role: str) -> bool:
    """Whether there is a page of somebody: of a member of the public there is none. What stands for their id is of one
    meeting, and in another of somebody else; and to gather what a private person said helps nobody who may know it."""
    return bool(person) and not kept_back(person, role)


# -- a transcript to be read -----------------------------------------------------------------------


class Piece(Record):
    """Words that stand together in a paragraph: a statement, or what belongs to none. `marks` are its codes and stance,
    `unsure` whether one should listen before quoting, for other reasons than the speaker's name."""

    text: str
    language: str = ""
    topic: bool = False
    unsure: bool = False
    found: tuple[tuple[int, int], ...] = ()
    start_ms: int | None = None
    end_ms: int | None = None
    marks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Block(Record):
    """A part of the page of a meeting: what a voice says in a row, a stretch without words, or an item of the agenda.

    `times` holds a paragraph's words in a compact form: for each, its start after the one before it and its length,
    both in ms, as `12+340`; a word without a time is `-`. The first is counted from `start_ms`.
    """

    kind: Literal["said", "stretch", "item"]
    start_ms: int
    end_ms: int
    voice: Voice | None = None
    goes_on: bool = False
    pieces: tuple[Piece, ...] = ()
    times: str = ""
    n_lines: int = 1
    text: str = ""
    stretch: str = ""


def blocks(held: Held, codes: dict[str, str], look_for: Callable[[str], tuple[tuple[int, int], ...]]) -> list[Block]:
    """A meeting from its beginning to its end."""
    made = [*_said(held, codes, look_for), *map(_stretch, _shown(held.transcript.stretches))]
    starts = [b.start_ms for b in made if b.kind == "said"]
    for item in held.statements.items if held.statements else ():
        if item.start_ms is not None:
            # Above the paragraph with the words that open it.
            i = bisect_right(starts, item.start_ms)
            at_ms = starts[i - 1] if i else item.start_ms
            made.append(Block(kind="item", start_ms=at_ms, end_ms=at_ms, text=f"{item.item}. {item.title}"))
    order = {"item": 0, "stretch": 1, "said": 2}
    return sorted(made, key=lambda b: (b.start_ms, order[b.kind]))


def _shown(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    return (s for s in stretches if s.kind in STRETCHES and s.end_ms > s.start_ms)


def _stretch(stretch: Stretch) -> Block:
    told = stretch.reason if stretch.kind in ("excluded", "withheld") else ""
    return Block(
        kind="stretch",
        start_ms=stretch.start_ms,
        end_ms=stretch.end_ms,
        stretch=stretch.kind,
        text=STRETCHES[stretch.kind] + (f": {told}" if told else ""),
    )


def _said(held: Held, codes: dict[str, str], look_for: Callable[[str], tuple[tuple[int, int], ...]]) -> Iterator[Block]:
    words = held.transcript.words
    statements = iter(held.statements.statements if held.statements else ())
    statement = next(statements, None)
    last_ms = 0
    changing = (i for i in range(1, len(words)) if words[i].speaker != words[i - 1].speaker)
    cuts = sorted({0, len(words), *changing, *_openings(held), *_after_stretches(held.transcript)})
    for first, end in pairwise(cuts):
        at, before = first, None
        run: list[tuple[int, int, Statement | None]] = []  # pieces of a paragraph: words [first, end)
        while at < end:
            while statement and statement.end_word <= at:
                statement = next(statements, None)
            own = statement if statement and statement.first_word <= at else None
            until = min(end, own.end_word if own else statement.first_word if statement else end)
            if run and at - run[0][0] >= LONG_WORDS:
                block = _paragraph(held, run, codes, look_for, last_ms, goes_on=before is not None)
                yield block
                last_ms, before, run = block.end_ms, block, []
            run.append((at, until, own))
            at = until
        block = _paragraph(held, run, codes, look_for, last_ms, goes_on=before is not None)
        yield block
        last_ms = block.end_ms


def _openings(held: Held) -> Iterator[int]:
    """Words at which an item of the agenda is opened: the first of the statement that does."""
    if held.statements:
        firsts = [s.first_word for s in held.statements.statements]
        for item in held.statements.items:
            if item.first_word is not None and (i := bisect_right(firsts, item.first_word)):
                yield firsts[i - 1]


def _after_stretches(transcript: Transcript) -> Iterator[int]:
    """Words that a stretch without words stands before: nobody is shown to go on over one. No statement does."""
    starts = sorted(s.start_ms for s in _shown(transcript.stretches))
    n_before = 0
    for i, word in enumerate(transcript.words if starts else ()):
        if word.start_ms is not None and (n := bisect_right(starts, word.start_ms)) > n_before:
            n_before = n
            yield i


def _paragraph(
    held: Held,
    run: Sequence[tuple[int, int, Statement | None]],
    codes: dict[str, str],
    look_for: Callable[[str], tuple[tuple[int, int], ...]],
    last_ms: int,
    *,
    goes_on: bool,
) -> Block:
    words = held.transcript.words[run[0][0] : run[-1][1]]
    timed = [w for w in words if w.start_ms is not None]
    start_ms = timed[0].start_ms if timed and timed[0].start_ms is not None else last_ms
    pieces = tuple(_piece(held.transcript.words[a:b], s, codes, look_for) for a, b, s in run)
    n_letters = sum(len(p.text) for p in pieces)
    return Block(
        kind="said",
        start_ms=start_ms,
        end_ms=max([start_ms, *(w.end_ms or 0 for w in timed)]),
        voice=held.voices[words[0].speaker],
        goes_on=goes_on,
        pieces=pieces,
        times=_times(words, start_ms),
        n_lines=min(20, 1 + n_letters // 75),
    )


def _piece(
    words: Sequence[Word],
    s: Statement | None,
    codes: dict[str, str],
    look_for: Callable[[str], tuple[tuple[int, int], ...]],
) -> Piece:
    text = " ".join(w.text for w in words)
    if s is None:
        return Piece(text=text)
    return Piece(
        text=text,
        language=s.language,
        topic=s.topic.about,
        unsure=bool(set(s.listen_first) - OF_ALL),
        found=look_for(text),
        start_ms=s.start_ms,
        end_ms=s.end_ms,
        marks=marks(tuple(t.code for t in s.tags), s.stance if s.topic.about else None, s.stance_holder, codes),
        reasons=tuple(LISTEN.get(r, r) for r in s.listen_first if r not in OF_ALL),
    )


def _times(words: Sequence[Word], from_ms: int) -> str:
    parts, at_ms = [], from_ms
    for w in words:
        if w.start_ms is None or w.end_ms is None:
            parts.append("-")
        else:
            parts.append(f"{w.start_ms - at_ms}+{w.end_ms - w.start_ms}")
            at_ms = w.start_ms
    return " ".join(parts)


def marks(codes: Sequence[str], stance: str | None, holder: str | None, names: dict[str, str]) -> tuple[str, ...]:
    """What a statement was coded with, in words; a stance only where it is the speaker's own and one at all."""
    told = [names.get(code, code.replace("_", " ")) for code in dict.fromkeys(codes)]
    if stance and stance != "neutral" and holder == "speaker":
        told.append(f"a guess: sounds {stance}")
    return tuple(told)


def chosen(text: str, found: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    """A text in parts, and whether each is what was looked for.

    >>> list(chosen("no notice given", [(3, 9)]))
    [('no ', False), ('notice', True), (' given', False)]
    """
    at = 0
    for start, end in found:
        if start > at:
            yield text[at:start], False
        yield text[start:end], True
        at = end
    if at < len(text):
        yield text[at:], False


# -- the timeline ----------------------------------------------------------------------------------


class Bar(Record):
    """A stretch of the timeline, in thousandths of its width."""

    x: float
    width: float
    kind: str
    title: str
    start_ms: int


def timeline(made: Sequence[Block], topics: Sequence[TopicRange], duration_ms: int) -> tuple[list[Bar], list[Bar]]:
    """Who speaks when, with what is silent; and where the topic is talked about."""
    whole = max(1, duration_ms)

    def bar(start_ms: int, end_ms: int, kind: str, title: str) -> Bar:
        x = 1000 * start_ms / whole
        width = max(0.8, 1000 * (end_ms - start_ms) / whole)
        return Bar(x=round(x, 2), width=round(width, 2), kind=kind, title=title, start_ms=start_ms)

    spoken: list[Bar] = []
    run: Block | None = None
    end_ms = 0
    for b in made:
        if b.kind == "stretch":
            spoken.append(bar(b.start_ms, b.end_ms, f"silent {b.stretch}", b.text))
        if b.kind != "said" or b.voice is None:
            continue
        if run and run.voice and run.voice.label == b.voice.label and b.start_ms - end_ms < whole / 500:
            end_ms = b.end_ms
            continue
        if run and run.voice:
            spoken.append(bar(run.start_ms, end_ms, f"v{run.voice.colour}", run.voice.name.display))
        run, end_ms = b, b.end_ms
    if run and run.voice:
        spoken.append(bar(run.start_ms, end_ms, f"v{run.voice.colour}", run.voice.name.display))
    return spoken, [bar(t.start_ms, t.end_ms, "topic", t.title) for t in topics]
