"""What members of the public say that tells who they are or where they live, for people to decide about.

Nothing is hidden by itself: these are places to look at, found by how such things are said. Only words of the public
are looked at, and the names of those who are not shown by name, whoever says them.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal

from transcribe import english
from transcribe.privacy import not_named, stands_in
from transcribe.records import Person, Record, SpeakerName, Word, text_of
from transcribe.spoken import CIVIL, name_parts, plain

Kind = Literal["a name", "an address", "a telephone number", "an e-mail address"]


class Detail(Record):
    """A place to look at: words `[first_word, end_word)`, said from `start_ms` to `end_ms` by a voice."""

    kind: Kind
    start_ms: int
    end_ms: int
    first_word: int
    end_word: int
    label: str | None
    words: str


_NAME = r"[A-Z][\w'’-]{1,40}"
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr)\.?"
_WHOLE = rf"(?:{_TITLE}\s)?{_NAME}(?:\s(?:(?:de|van|von|der|la|le|al|el|bin)\s){{0,2}}{_NAME}){{0,3}}"
_ROADS = (
    "Street|St|Road|Rd|Avenue|Lane|Close|Drive|Court|Crescent|Way|Gardens|Terrace|Place|Square|Grove|Hill|Park|Walk|Mews"
    "|Row|Rise|View|Green|House|Buildings|Estate|Parade|Path|Wharf|Quay"
)
_ROAD = rf"(?:{_NAME}\s){{1,3}}(?:{_ROADS})\b"
_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_COUNT = (
    rf"(?:\d{{1,4}}[A-Za-z]?|(?:a |one )?hundred(?: and)?(?: (?:{_TENS}|{_UNITS})){{0,2}}"
    rf"|(?:{_TENS})(?:[ -](?:{_UNITS}))?|{_UNITS}|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
)
_HOME = r"\b(?:live|lives|lived|living|reside|home|house|flat|address)\b[^.?!]{0,40}?\b(?:at|in|on|is|off|of)\s"
_DOT = r"(?:\.|\s(?:dot|hyphen|dash|underscore)\s)"
_FOUND: tuple[tuple[Kind, "re.Pattern[str]"], ...] = (
    ("a name", re.compile(rf"\b[Mm]y name(?:['’]s|\sis|,)\s(?P<it>{_WHOLE})")),
    ("a name", re.compile(rf"\b(?:I['’]m|I am|[Tt]his is|[Ii]t['’]s)\s(?P<it>{_WHOLE})")),
    ("an address", re.compile(rf"(?i:\b(?:flat|number|unit|apartment)\s\w{{1,8}},?\s)?(?i:\b{_COUNT}),?\s{_ROAD}")),
    ("an address", re.compile(rf"(?i:{_HOME})(?P<it>(?:the\s)?{_ROAD})")),
    ("an address", re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b")),
    ("an e-mail address", re.compile(r"\b[\w+-]{1,64}(?:\.[\w+-]{1,64}){0,5}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}")),
    (
        "an e-mail address",
        re.compile(
            rf"(?i)\b[\w+-]{{1,64}}(?:{_DOT}[\w+-]{{1,64}}){{0,4}}\sat\s[\w-]{{1,64}}(?:{_DOT}[\w-]{{1,64}}){{0,2}}"
            rf"{_DOT}(?:com|org|net|uk|eu|ie|info|me)\b"
        ),
    ),
)
_DIGITS = {word: 1 for word in (*_UNITS.split("|"), "zero", "oh", "o", "nought", "naught", "nil")}
_TIMES = {"double": 2, "treble": 3, "triple": 3}
_ZERO = {"zero", "oh", "o", "nought", "naught"}
_ABOUT_CALLS = {"number", "phone", "telephone", "mobile", "call", "ring", "text", "landline"}
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_NEAR = 8  # words before a number that may say what it is


def details(words: Sequence[Word], names: Iterable[SpeakerName], people: Sequence[Person]) -> tuple[Detail, ...]:
    """Places where somebody who may be of the public says their name, where they live or how to reach them, and where
    anybody names somebody who is not shown by name; in order. Words without times are passed over."""
    in_office = {n.label for n in names if n.person is not None and not stands_in(n.person)}
    timed = [(i, w) for i, w in enumerate(words) if w.start_ms is not None]
    found: dict[tuple[int, int], Detail] = {}
    for label, run in groupby(timed, key=lambda pair: pair[1].speaker):
        said = list(run)
        spans = [*_called([w for _, w in said], people)]
        if label not in in_office:
            spans += [*_told([w for _, w in said]), *_numbers([w for _, w in said])]
        for kind, a, b in spans:
            part = [w for _, w in said[a:b]]
            place = said[a][0], said[b - 1][0] + 1
            found.setdefault(
                place,
                Detail(
                    kind=kind,
                    start_ms=part[0].start_ms or 0,
                    end_ms=max(max(w.end_ms or 0 for w in part), (part[0].start_ms or 0) + 1),
                    first_word=place[0],
                    end_word=place[1],
                    label=label,
                    words=text_of(part),
                ),
            )
    whole = [d for d in found.values() if not any(_inside(d, other) for other in found.values())]
    return tuple(sorted(whole, key=lambda d: (d.start_ms, d.first_word)))


def _inside(part: Detail, whole: Detail) -> bool:
    return part is not whole and whole.first_word <= part.first_word and part.end_word <= whole.end_word


Span = tuple[Kind, int, int]  # of words, from and to


def _told(words: Sequence[Word]) -> Iterator[Span]:
    text, starts = "", []
    for word in words:
        starts.append(len(text))
        text += f"{word.text} "
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            start, end = match.span("it") if "it" in pattern.groupindex else match.span()
            if kind == "a name" and not _is_name(match["it"], sure=match[0].casefold().startswith("my name")):
                continue
            yield kind, bisect_right(starts, start) - 1, bisect_left(starts, end)


def _is_name(said: str, *, sure: bool) -> bool:
    """Whether what somebody says to be is a name, not "Welsh" or "Chair"."""
    parts = [p for p in said.split() if plain(p) not in CIVIL]
    titled = len(parts) < len(said.split())
    if sure or titled:
        return bool(parts)
    known = [english.is_name(re.sub(r"\W+$", "", p)) for p in parts]
    if len(parts) == 1:  # a people is always written with a capital, too
        return known[0] and not re.search(r"(?:sh|ch|ese|an)$", parts[0])
    return known[0] or not all(english.is_word(p) for p in parts)


def _numbers(words: Sequence[Word]) -> Iterator[Span]:
    """Runs of digits, as figures or as words, that may be telephone numbers."""
    first, n_digits, times, from_zero = 0, 0, 1, False
    for i, word in enumerate([*words, None]):
        text = "" if word is None else plain(word.text)
        count = len(text) if text.isdecimal() and word and not re.search(r"\d,\d", word.text) else _DIGITS.get(text, 0)
        if text in _TIMES:
            first, times = (i if not n_digits and times == 1 else first), _TIMES[text]
            continue
        if count:
            if not n_digits:
                first = first if times > 1 else i
                from_zero = text.startswith("0") or text in _ZERO or bool(word and word.text.startswith("+"))
            n_digits, times = n_digits + count * times, 1
            continue
        about = {plain(w.text) for w in words[max(0, first - _NEAR) : first]}
        if _FEWEST_DIGITS <= n_digits <= _MOST_DIGITS and (from_zero or about & _ABOUT_CALLS):
            yield "a telephone number", first, i
        first, n_digits, times, from_zero = i, 0, 1, False


def _called(words: Sequence[Word], people: Sequence[Person]) -> Iterator[Span]:
    """Where somebody who is not shown by name is named: with first name or title, or by a surname that is no word."""
    heard = [re.sub(r"['’]s\W*$", "", w.text) for w in words]
    said = [plain(h) for h in heard]
    for person in not_named(people):
        given, surname = ([plain(p) for p in parts] for parts in name_parts(person.name))
        n = len(surname)
        for i in range(len(said) - n + 1):
            if said[i : i + n] != surname or not surname:
                continue
            first = i
            while first and (said[first - 1] in given or said[first - 1] in CIVIL):
                first -= 1
            telling = heard[i][:1].isupper() and not english.is_word(" ".join(heard[i : i + n]).casefold())
            if first < i or telling:
                yield "a name", first, i + n
