"""Transcripts as plain text, with the names of those who speak: "Cllr Okafor: Thank you, Chair."

Such a text has no times, so nothing of it can be cited until it has been aligned to the sound. Who speaks is taken
from a name and a colon at the beginning of a line, and only where that is plainly a name. After a line that may name
somebody else (whatever stands before a colon, a title or office at its beginning, a name alone), or is a heading,
nobody speaks until the next name: unknown before a guess. Times before a line are no words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from transcribe.spoken import AFTER_NAME, BEFORE_TITLE, CHAIR, PARTICLES, TITLES
from transcribe.timedtext import MOST_LINES, MOST_WORDS, Cue, Found, Said, shown, too_many, voice_name

LONGEST_LABEL = 80  # letters
LONGEST_NAME = 6  # words
OFTEN = 2  # lines that begin with the same first and last name, so that it is believed without a title

ROLES = CHAIR | frozenset(["clerk", "mayor", "leader", "officer", "president", "solicitor", "interviewer"])
_SHORT_TITLES = frozenset(
    ["ald", "borough", "cdr", "comdr", "dc", "dci", "di", "ds", "hon", "insp", "pc", "ps", "sgt", "supt"]
)
OPENS_NAME = TITLES | ROLES | BEFORE_TITLE | {"vice", "madam", "mister"}
IN_NO_NAME = re.compile(
    r"actions?|agenda|amendments?|apologies|appendix|attend\w+|background|comments?|conclusions?|councillors|dates?"
    r"|decisions?|declarations?|e-?mail|items?|location|meeting|members?|minutes|motions?|next|notes?|officers|pages?"
    r"|part|points?|present|public|questions?|reasons?|recommend\w+|reports?|resol\w+|sections?|sources?|steps?"
    r"|subject|summary|telephone|times?|titles?|venue|votes?|voting|warning|website"
)
_NUMBERED = re.compile(r"(?i)(public )?(speaker|voice)[ _-]?\d{1,3}")
_CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_STAMP = re.compile(
    rf"\s*(?:\[{_CLOCK}(?:\s*(?:-+>?|–)\s*{_CLOCK})?\]|\({_CLOCK}\)|\d{{1,2}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,3}})?(?=\s))\s*"
)
_MARKUP = re.compile(r"\s*(?:</?[a-zA-Z][^<>]{0,40}>\s*)+")
_COLON = re.compile(r"(?<!\d)[:：](?!//)|[:：](?!//|\d)")  # of no time of day and no address
NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.-])*")


def transcript(text: str, *, where: str) -> Found:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        too_many("lines", MOST_LINES, where)
    return Found(kind="txt", cues=_lines(shown(text).split("\n")))


def _lines(lines: Sequence[str]) -> Iterator[Cue]:
    """Each line with every word of it but the name before the colon."""
    lines = [_STAMP.sub("", line, count=1) if _STAMP.match(line) else line for line in lines]
    labels = [_label(line) for line in lines]
    often = Counter(name for name, _ in labels)
    voice = ""
    for i, (line, (label, said)) in enumerate(zip(lines, labels, strict=True)):
        if _is_name(label, often[label]):
            voice, line = voice_name(label), said
        elif _may_name(line) or _is_heading(lines, i):
            voice = ""
        words = tuple(Said(word, voice) for word in line.split(maxsplit=MOST_WORDS))
        yield Cue(start_ms=0, end_ms=0, lines=(words,) if words else (), timing="none")


def _label(line: str) -> tuple[str, str]:
    """The few words before a colon at the beginning of a line, without stars or tags around them and a role in
    brackets behind them, and the rest of the line."""
    opening = _MARKUP.match(line)
    bare = line[opening.end() :] if opening else line
    colon = _COLON.search(bare[:LONGEST_LABEL])
    label = re.sub(r"\([^()]*\)$", "", bare[: colon.start()].strip(" \t*_")).split() if colon else []
    if not colon or not label or len(label) > LONGEST_NAME:
        return "", line
    said = bare[colon.end() :].lstrip("*_")
    closing = _MARKUP.match(said) if opening else None
    return " ".join(label), said[closing.end() :] if closing else said


def _is_name(label: str, n_times: int) -> bool:
    """Whether a label is plainly somebody: a title or office and a name, or a whole name that speaks repeatedly."""
    if _NUMBERED.fullmatch(label):
        return True
    parts = [part.rstrip(",") for part in label.split()]
    if not parts or not all(map(NAME_WORD.fullmatch, parts)):
        return False
    plain = [part.casefold().strip(".") for part in parts]
    if len(parts) == 1:
        return plain[0] in ROLES
    if any(map(IN_NO_NAME.fullmatch, plain)) or not all(map(_may_be_in_name, parts, plain)):
        return False
    return plain[0].split("-")[0] in OPENS_NAME or n_times >= OFTEN


def _may_name(line: str) -> bool:
    """Whether a line that names nobody plainly may yet be somebody else's."""
    start = _MARKUP.sub("", line[:LONGEST_LABEL]).lstrip(" \t*_-–—•\"'“‘([{")
    if _COLON.search(line[:LONGEST_LABEL]) or re.match(r"\s*[\[(][^\W\d_]", line):
        return True
    parts = [part.strip("()[],;.*_") for part in start.split()]
    plain = [part.casefold() for part in parts if part]
    if plain[:1] == ["the"]:
        del plain[0]
    if plain and re.split(r"[^\w]", plain[0])[0] in OPENS_NAME | _SHORT_TITLES:
        return True
    is_alone = len(line) <= LONGEST_LABEL and 2 <= len(parts) <= LONGEST_NAME and line.rstrip()[-1] not in ".?!…,;"
    return is_alone and all(part and NAME_WORD.fullmatch(part) and part[0].isupper() for part in parts)


def _may_be_in_name(part: str, plain: str) -> bool:
    return part[0].isupper() or plain in PARTICLES | AFTER_NAME | {"of", "the"}


def _is_heading(lines: Sequence[str], i: int) -> bool:
    """A line alone that begins with a capital or a number and does not end as a sentence does."""
    line = lines[i].strip()
    alone = not (i and lines[i - 1].strip()) and not (i + 1 < len(lines) and lines[i + 1].strip())
    return alone and 0 < len(line) <= LONGEST_LABEL and not line[0].islower() and line[-1] not in ".?!…,;\"'”’)-–—"
