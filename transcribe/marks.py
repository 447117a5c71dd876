"""The marks of live captions: `>>` says that somebody else speaks from there, and `>> MAYOR ASHBY:` says who.

A name is read behind that mark only, and only where it is plainly one. Everything else before a colon was said.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from transcribe import english
from transcribe.plaintext import IN_NO_NAME, NAME_WORD, OFTEN, OPENS_NAME, ROLES
from transcribe.spoken import PARTICLES, word_set
from transcribe.timedtext import DASHES, Cue, Said, voice_name

MARK = ">>"  # and with one more, about something else
LONGEST_NAME = 5  # words
PAUSE_MS = 3_000  # after a longer one, who was named may not be who speaks
LONGEST_CUE_MS = 10_000  # a longer one does not tell when its words were said

_OFFICES = OPENS_NAME | word_set("council board committee member")
_SPOKEN_TO = word_set("madam mister mr mrs ms miss")  # "Mr. Mayor" is what others call one
_NOBODY = word_set("unidentified unknown speaker audience member male female man woman voice caller all")
_SHORTENED = re.compile(r"(?i)['’](?:s|m|d|re|ve|ll)$|n['’]t$")  # "I'm", and "Mayor's"

_Placed = tuple[int, Said]  # the line that a word stands in, and the word


def unmarked(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Cues, in order of time, without marks and the names behind them, and without those that hold nothing else.

    A dash before a line, or `>>` anywhere, says that somebody else speaks: the voice before it ends there. One that is
    named behind `>>` goes on until the next mark, a voice that the file names otherwise, or a long pause.
    """
    often = Counter(" ".join(_label(words)) for cue in cues for mark, words in _parts(cue) if mark == MARK)
    voice, until_ms = "", 0
    for cue in cues:
        if cue.start_ms - until_ms > PAUSE_MS:
            voice = ""
        until_ms = max(until_ms, min(cue.end_ms, cue.start_ms + LONGEST_CUE_MS))
        kept: list[_Placed] = []
        over: set[str] = set()  # voices whose tags go on behind a mark
        tag = ""
        for mark, words in _parts(cue):
            if mark:
                over.add(tag)
                voice = ""
            if label := _label(words) if mark == MARK else []:
                is_nobody = label[0][:1].isupper() and _NOBODY.issuperset(_plain(label))
                if is_nobody or _is_name(label, often[" ".join(label)]):
                    voice = "" if is_nobody else voice_name(" ".join(label))
                    words = _without(words, len(label))
            for line, word in words:
                tag = word.voice
                if tag and tag not in over:
                    voice = ""
                    kept.append((line, word))
                else:
                    kept.append((line, word._replace(voice=voice)))
        if kept:
            lines = itertools.groupby(kept, key=lambda placed: placed[0])
            yield msgspec.structs.replace(cue, lines=tuple(tuple(word for _, word in line) for _, line in lines))


# -- marks and names ------------------------------------------------------------------------------


def _parts(cue: Cue) -> Iterator[tuple[str, list[_Placed]]]:
    """A cue cut before each of its marks: the mark, or nothing, and the words behind it."""
    mark = ""
    words: list[_Placed] = []
    for i, line in enumerate(cue.lines):
        at_ms = None  # of a mark that stands alone: the word behind it may have no time
        for k, word in enumerate(line):
            found, left = _mark(word.text, is_first=k == 0, is_last=k == len(line) - 1)
            if found:
                yield mark, words
                mark, words, at_ms = found, [], word.start_ms
            if left:
                words.append((i, word._replace(text=left, start_ms=at_ms if word.start_ms is None else word.start_ms)))
                at_ms = None
    yield mark, words


def _mark(text: str, *, is_first: bool, is_last: bool) -> tuple[str, str]:
    """The mark that a word of a line begins with, if any, and what else there is of the word."""
    if text.startswith(MARK):
        left = text.lstrip(">")
        return MARK, left if is_last or left not in DASHES else ""
    if is_first and text[0] in DASHES and (text[1:2].isalpha() or (len(text) == 1 and not is_last)):
        return text[0], text[1:]
    return "", text


def _label(words: Sequence[_Placed]) -> list[str]:
    """The few words up to a colon that words begin with."""
    texts = [word.text for _, word in words[:LONGEST_NAME]]
    n = next((n for n, text in enumerate(texts, 1) if text.endswith(":")), 0)
    return [*texts[: n - 1], texts[n - 1][:-1]] if n else []


def _without(words: Sequence[_Placed], n: int) -> list[_Placed]:
    """Words without the first `n`, whose time goes to the next one if that has none."""
    rest = list(words[n:])
    if rest and rest[0][1].start_ms is None:
        line, word = rest[0]
        rest[0] = line, word._replace(start_ms=words[0][1].start_ms)
    return rest


def _is_name(label: Sequence[str], n_times: int) -> bool:
    """Whether a label is plainly somebody: an office, or one with a name; or words that are all names, of which one is
    no word of English besides. One such word alone must come again, or it may be anything."""
    bare, plain = [part.rstrip(",") for part in label], _plain(label)
    if not all(NAME_WORD.fullmatch(part) and (part[0].isupper() or part in PARTICLES) for part in bare):
        return False
    n_offices = sum(1 for _ in itertools.takewhile(_OFFICES.__contains__, plain))
    names = bare[n_offices:]
    if not names:
        return plain[-1] in ROLES and plain[0] not in _SPOKEN_TO
    if any(map(IN_NO_NAME.fullmatch, plain[n_offices:])) or not all(map(_may_be_in_name, names)):
        return False
    return n_offices > 0 or (not all(map(english.is_word, names)) and (len(names) > 1 or n_times >= OFTEN))


def _may_be_in_name(part: str) -> bool:
    if part[1:] == "." or part.casefold() in PARTICLES:
        return True
    if _SHORTENED.search(part):
        return False
    return not english.is_word(part) or (english.is_name(part) and part != "I")


def _plain(label: Sequence[str]) -> list[str]:
    return [part.casefold().strip(".,") for part in label]
