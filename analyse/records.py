"""The records of the analysis room: statements and what is said of them."""

from typing import Literal

from transcribe.records import Record, check_range

Stance = Literal["concerned", "supportive", "mixed", "neutral"]
Holder = Literal["speaker", "reported"]


class Tag(Record):
    """A code given to a statement, with the words that carry it: `[first_word, end_word)` of the transcript."""

    code: str
    score: float
    first_word: int
    end_word: int
    tagger: str  # name and version, such as "rules/1"
    codebook: str  # name and version, such as "lfr-engagement/1"


class Topic(Record):
    """Whether a statement is about the codebook's topic, and on which words, here or around, that rests."""

    about: bool
    score: float
    first_word: int | None = None
    end_word: int | None = None
    reason: str = ""


class Statement(Record):
    """One to four sentences of one voice; `text` is exactly its words `[first_word, end_word)` joined, and `language`
    the code of theirs, empty where nobody knows."""

    meeting: str
    start_ms: int
    end_ms: int
    first_word: int
    end_word: int
    speaker: str | None
    text: str
    topic: Topic
    tags: tuple[Tag, ...] = ()
    stance: Stance | None = None
    stance_holder: Holder | None = None
    agenda_item: str = ""
    listen_first: tuple[str, ...] = ()
    language: str = ""

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)
        if not 0 <= self.first_word < self.end_word:
            raise ValueError(f"not a range of words: [{self.first_word}, {self.end_word})")


class TopicRange(Record):
    """A stretch of the meeting about the topic: `[start_ms, end_ms)`, from its first statement on it to its last.

    `n_statements` counts those on the topic; asides on something else may stand between them. `title` is the agenda
    item that it was said in; empty where none is known.
    """

    start_ms: int
    end_ms: int
    n_statements: int
    title: str = ""

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)


class PlacedItem(Record):
    """An item of the agenda, and where it was taken: from the words that opened it to the next opening.

    Times and words are None where nobody was heard to open it. `[first_word, end_word)` are the words that it rests
    on; `reason` says how they name it.
    """

    item: int | str
    title: str
    start_ms: int | None = None
    end_ms: int | None = None
    first_word: int | None = None
    end_word: int | None = None
    reason: str = ""


class Statements(Record):
    """All statements of a meeting, in order, and the codebook and tagger that were used.

    `topics` are the stretches about the codebook's topic, in order, none overlapping; `items` is the agenda, in its
    own order.
    """

    meeting: str
    transcript_sha256: str
    codebook: str
    tagger: str
    statements: tuple[Statement, ...]
    topics: tuple[TopicRange, ...] = ()
    items: tuple[PlacedItem, ...] = ()
