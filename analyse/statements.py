"""Words -> statements: the pieces of one to four sentences that people cite.

A run of one voice is cut into sentences, and sentences are gathered until there is enough to stand alone. A statement
never crosses a change of speaker or language, the edge of a stretch without text, a long pause, or the opening of an
agenda item.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from analyse.agenda import opening
from transcribe.moments import languages
from transcribe.records import AgendaItem, Passage, Record, Stretch, Transcript, Word, language_code, text_of

LONG_PAUSE_MS = 3000  # nobody's sentence: what comes after is a new beginning
PAUSE_MS = 600  # ends a statement that is long enough, and a sentence where nothing is punctuated
MAX_SENTENCES = 4
ENOUGH_WORDS = 18  # a statement this long is closed at its sentence's end
SHORT_WORDS = 8  # "Yes. Thank you." does not stand alone while more follows
CONTRASTS = {"but", "however", "although", "yet", "nevertheless", "still", "secondly", "finally", "instead"}
MAX_WORDS = 60  # longer sentences are mostly missing punctuation: cut at the widest pause

# Abbreviations, without their last stop. Never the end of a sentence, whatever follows:
_TITLES = re.compile(
    r"mrs?|ms|mx|dr|prof|revd?|cllrs?|ald|hon|sgt|insp|supt|ch|det|gen|col|capt|lt|messrs|st|vs?|cf|viz"
    r"|e\.?g|i\.?e|paras?|pp?|cl|arts?|ref|fig|vol|ext|tel|dept|approx|incl"
)
# an end only where no number follows ("No. 5", "Nos. 3 and 4", "Sec. 2"):
_BEFORE_NUMBER = re.compile(r"nos?|secs?|app|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec")
# an end only where a capital follows, as are dotted initials ("U.K."):
_MAYBE = re.compile(r"etc|al|[ap]\.?m|ltd|plc|inc|co|[js]r|bros|(?:[a-z]\.)+[a-z]?")
_CLOSERS = "\"'”’)]»"
_STOP = re.compile(r"[.?!…]+$")


class Span(Record):
    """A statement before anything is said of it: `text` is exactly the words `[first_word, end_word)` joined, and
    `language` the code of theirs, empty where nobody knows."""

    start_ms: int
    end_ms: int
    first_word: int
    end_word: int
    speaker: str | None
    text: str
    language: str = ""
    opens_item: bool = False


def ends_sentence(word: str, following: str | None) -> bool:
    """Whether a sentence ends after `word`, given the word that follows it (None: nothing does).

    >>> [ends_sentence("Cllr.", "Okafor"), ends_sentence("No.", "5"), ends_sentence("No.", "It")]
    [False, False, True]
    """
    if word[-1:].isalnum():  # most words: no need to look closer
        return False
    bare = word.rstrip(_CLOSERS)
    stop = _STOP.search(bare)
    if stop is None:
        return False
    if following is None or "?" in stop[0] or "!" in stop[0]:
        return True
    if stop[0] != ".":  # an ellipsis trails off; it ends a sentence where another clearly begins
        return _starts_upper(following)
    stem = bare[:-1].lstrip("\"'“‘([«").casefold()
    if _TITLES.fullmatch(stem) or (len(stem) == 1 and stem.isalpha() and stem != "i" and bare[-2].isupper()):
        return False
    if _BEFORE_NUMBER.fullmatch(stem):
        return not following.lstrip("\"'“‘([").startswith(tuple("0123456789"))
    if _MAYBE.fullmatch(stem):
        return _starts_upper(following)
    return True


def sentences(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The sentences of a run of words, as `[first, end)`, together covering it exactly."""
    first = 0
    for i, word in enumerate(words):
        if i + 1 == len(words) or ends_sentence(word, words[i + 1]):
            yield first, i + 1
            first = i + 1


def cut(transcript: Transcript, agenda: Sequence[AgendaItem] = ()) -> tuple[Span, ...]:
    """All statements of a transcript, in order.

    Every word that has a time is in exactly one; words without one are in none, and end the statement before them.
    """
    words, said_in = transcript.words, languages(transcript.words, transcript.language, transcript.passages)
    return tuple(
        _span(words, first, end, opens, language_code(said_in[first]))
        for run_first, run_end in _runs(transcript)
        for first, end, opens in _gather(words, run_first, run_end, agenda)
    )


def _runs(transcript: Transcript) -> Iterator[tuple[int, int]]:
    """Stretches of words of one voice with nothing between them that a statement must not cross."""
    apart: tuple[Stretch | Passage, ...] = (*transcript.stretches, *transcript.passages)
    edges = sorted({ms for s in apart for ms in (s.start_ms, s.end_ms)})
    first: int | None = None
    last: Word | None = None
    place = 0
    for i, word in enumerate(transcript.words):
        if word.start_ms is None or word.end_ms is None:
            if first is not None:
                yield first, i
            first = last = None
            continue
        now = bisect_right(edges, (word.start_ms + word.end_ms) // 2)
        if first is None or last is None:
            first = i
        elif word.speaker != last.speaker or now != place or word.start_ms - (last.end_ms or 0) >= LONG_PAUSE_MS:
            yield first, i
            first = i
        last, place = word, now
    if first is not None:
        yield first, len(transcript.words)


def _gather(
    words: Sequence[Word], first: int, end: int, agenda: Sequence[AgendaItem]
) -> Iterator[tuple[int, int, bool]]:
    """Sentences of one run put together to statements: `[first, end)` and whether it opens an agenda item."""
    start, n_sentences, opens = first, 0, False
    for a, b in _pieces(words, first, end):
        n_words = a - start
        opening_here = opening(text_of(words[a:b]), agenda) is not None
        if n_words and (
            opening_here
            or n_sentences == MAX_SENTENCES
            or n_words >= ENOUGH_WORDS
            or n_words + b - a > MAX_WORDS
            or (n_words >= SHORT_WORDS and (_pause_ms(words, a) >= PAUSE_MS or _turns(words, a)))
        ):
            yield start, a, opens
            start, n_sentences, opens = a, 0, False
        n_sentences += 1
        opens = opens or opening_here
    yield start, end, opens


def _pieces(words: Sequence[Word], first: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of a run; what is too long to be one is cut where the speaker paused most."""
    for a, b in sentences([w.text for w in words[first:end]]):
        yield from _shorten(words, first + a, first + b)


def _shorten(words: Sequence[Word], first: int, end: int) -> Iterator[tuple[int, int]]:
    while end - first > MAX_WORDS:
        # A cut in the first words or just before the end would leave a scrap.
        places = range(first + SHORT_WORDS, min(first + MAX_WORDS, end - SHORT_WORDS) + 1)
        at = max(
            places,
            key=lambda i: (
                _pause_ms(words, i) >= PAUSE_MS // 2,
                words[i - 1].text[-1] in ",;:",
                _pause_ms(words, i),
                i,
            ),
        )
        yield first, at
        first = at
    yield first, end


def _pause_ms(words: Sequence[Word], i: int) -> int:
    """Silence before word `i`, in ms; 0 where words overlap."""
    return max(0, (words[i].start_ms or 0) - (words[i - 1].end_ms or 0))


def _turns(words: Sequence[Word], i: int) -> bool:
    """Whether the meaning turns before word `i`, which begins a sentence: a contrast, or the end of a question."""
    return words[i].text.casefold().rstrip(",") in CONTRASTS or words[i - 1].text.rstrip(_CLOSERS).endswith("?")


def _span(words: Sequence[Word], first: int, end: int, opens: bool, language: str) -> Span:
    said = words[first:end]
    start_ms = said[0].start_ms or 0
    return Span(
        start_ms=start_ms,
        end_ms=max(start_ms, *(w.end_ms or 0 for w in said)),
        first_word=first,
        end_word=end,
        speaker=said[0].speaker,
        text=text_of(said),
        language=language,
        opens_item=opens,
    )


def _starts_upper(word: str) -> bool:
    return word.lstrip("\"'“‘([«")[:1].isupper()
