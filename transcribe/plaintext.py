"""Transcripts as plain text, with the names of those who speak: "Cllr Okafor: Thank you, Chair."

Such a text has no times, so nothing of it can be cited until it has been aligned to the sound. Who speaks is taken
from a name and a colon at the beginning of a line, and only where that is plainly a name. After a line that may name
somebody else, or is a heading, nobody speaks until the next name: unknown before a guess.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from transcribe.spoken import AFTER_NAME, BEFORE_TITLE, CHAIR, PARTICLES, TITLES
from transcribe.timedtext import MOST_LINES, MOST_WORDS, Cue, Found, Said, shown, too_many, voice_name

LONGEST_LABEL = 80  # letters
LONGEST_NAME = 6  # words
OFTEN = 2  # lines that begin with the same first and last name, so that it is believed without a title

_ROLES = CHAIR | frozenset(["clerk", "mayor", "leader", "officer", "president", "solicitor", "interviewer"])
_OPENS_NAME = TITLES | _ROLES | BEFORE_TITLE | {"vice", "madam", "mister"}
_IN_NO_NAME = re.compile(
    r"actions?|agenda|amendments?|apologies|appendix|attend\w+|background|comments?|conclusions?|councillors|dates?"
    r"|decisions?|declarations?|e-?mail|items?|location|meeting|members?|minutes|motions?|next|notes?|officers|pages?"
    r"|part|points?|present|public|questions?|reasons?|recommend\w+|reports?|resol\w+|sections?|sources?|steps?"
    r"|subject|summary|telephone|times?|titles?|venue|votes?|voting|warning|website"
)
_NUMBERED = re.compile(r"(?i)(public )?(speaker|voice)[ _-]?\d{1,3}")
_NAME_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.-])*")


def transcript(text: str, *, where: str) -> Found:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MOST_LINES:
        too_many("lines", MOST_LINES, where)
    return Found(kind="txt", cues=_lines(shown(text).split("\n")))


def _lines(lines: Sequence[str]) -> Iterator[Cue]:
    """Each line with every word of it but the name before the colon."""
    labels = [_label(line) for line in lines]
    often = Counter(name for name, _ in labels)
    voice = ""
    for i, (line, (label, said)) in enumerate(zip(lines, labels, strict=True)):
        if _is_name(label, often[label]):
            voice, line = voice_name(label), said
        elif (label and not label[0].islower()) or _is_heading(lines, i):
            voice = ""
        words = tuple(Said(word, voice) for word in line.split(maxsplit=MOST_WORDS))
        yield Cue(start_ms=0, end_ms=0, lines=(words,) if words else (), timing="none")


def _label(line: str) -> tuple[str, str]:
    """The few words before a colon at the beginning of a line, without stars around them and a role in brackets
    behind them, and the rest of the line."""
    start = line[:LONGEST_LABEL]
    colon = start.find(":")
    while colon >= 0 and not re.match(r"[*_]{0,3}(\s|$)", line[colon + 1 : colon + 5]):
        colon = start.find(":", colon + 1)  # of a time of day, or of an address
    label = re.sub(r"\([^()]*\)$", "", start[: max(colon, 0)].strip(" \t*_")).split()
    if not label or len(label) > LONGEST_NAME:
        return "", line
    return " ".join(label), line[colon + 1 :].lstrip("*_")


def _is_name(label: str, n_times: int) -> bool:
    """Whether a label is plainly somebody: a title or office and a name, or a whole name that speaks repeatedly."""
    if _NUMBERED.fullmatch(label):
        return True
    parts = [part.rstrip(",") for part in label.split()]
    if not parts or not all(map(_NAME_WORD.fullmatch, parts)):
        return False
    plain = [part.casefold().strip(".") for part in parts]
    if len(parts) == 1:
        return plain[0] in _ROLES
    if any(map(_IN_NO_NAME.fullmatch, plain)) or not all(map(_may_be_in_name, parts, plain)):
        return False
    return plain[0].split("-")[0] in _OPENS_NAME or n_times >= OFTEN


def _may_be_in_name(part: str, plain: str) -> bool:
    return part[0].isupper() or plain in PARTICLES | AFTER_NAME | {"of", "the"}


def _is_heading(lines: Sequence[str], i: int) -> bool:
    """A line alone that begins with a capital or a number and does not end as a sentence does."""
    line = lines[i].strip()
    alone = not (i and lines[i - 1].strip()) and not (i + 1 < len(lines) and lines[i + 1].strip())
    return alone and 0 < len(line) <= LONGEST_LABEL and not line[0].islower() and line[-1] not in ".?!…,;\"'”’)-–—"
