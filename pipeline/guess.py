"""What a recording's names and tags say about its meeting: date, title, whose it is, which part.

Everything here is a guess to be shown, with its source, before anything is made of it. What may mean two things, or
cannot be, is no guess at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from transcribe.records import Record

EARLIEST = date(1990, 1, 1)
LONGEST_TITLE = 200  # characters

_MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_WEEKDAY = r"(?:(?<![a-z])(?:mon|tue|tues|wed|wednes|thu|thurs|fri|sat|satur|sun)(?:day)?[-_., ]+)?"
_DATES = tuple(
    re.compile(rf"(?<![0-9]){pattern}(?![0-9])", re.IGNORECASE)
    for pattern in (
        r"(?P<y>\d{4})(?P<sep>[-_./ ])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        r"(?P<d>\d{1,2})(?P<sep>[-_./ ])(?P<m>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})",  # British: the day comes first
        rf"{_WEEKDAY}(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[-_., ]*(?:of[-_ ])?(?<![a-z]){_MONTH}[-_, ]*(?P<y>\d{{4}})",
        rf"{_WEEKDAY}(?<![a-z]){_MONTH}[-_ ]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[-_, ]+(?P<y>\d{{4}})",
    )
)
_CLOCK = r"(?:[-_T ]*\d{2}[-_:.h]?\d{2}(?:[-_:.m]?\d{2})?(?:UTC|Z)?(?![0-9]))?"  # often follows a date
_VIDEO_ID = re.compile(r"[-_ ]*\[[A-Za-z0-9_-]{11}\]$")  # as yt-dlp ends names
_PART = re.compile(
    r"[-_., ]*[(\[]?(?<![a-z])"
    r"(?:(?:part|pt)[-_. ]*(?P<a>\d{1,2})(?:[-_ ]*of[-_ ]*\d{1,2})?|(?P<b>\d{1,2})[-_ ]?of[-_ ]?\d{1,2})"
    r"(?![a-z0-9])[)\]]?",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"\b(meeting[-_ ]recording|recording|\d{3,4}x\d{3,4}|(?:480|720|1080|2160)p|GMT|final|webcast)\b", re.IGNORECASE
)
_COPY = re.compile(
    r"^copy of\s+|[-_\s]*\(\d{1,2}\)$|\s+-\s+copy$", re.IGNORECASE
)  # what machines add to the names of copies
_NO_TITLE = re.compile(r"(untitled.*|title|video|audio|track|new recording|zoom meeting|zoom|teams|[\W\d_]*)", re.I)
_BODY = re.compile(
    r".*\S\s(council|authority|assembly|parliament|borough)"
    r"|(cyngor|((london|royal|metropolitan) )?borough of|city of|corporation of) \S.*",
    re.IGNORECASE,
)
# "Full Council" is a meeting: these words before "council" do not say whose it is.
_NO_BODY = re.compile(r"((the|full|annual|extraordinary|special|ordinary|budget|meeting|of)\s)+council", re.IGNORECASE)


class Guess(Record):
    """Something guessed, and from what: "file name", "tag title", "x.info.json"."""

    value: str
    source: str


def find_date(text: str) -> tuple[date, str] | None:
    """The one date in a text and the text without it; None where there is none, or several.

    >>> find_date("Panel 14.5.24")
    (datetime.date(2024, 5, 14), 'Panel')
    """
    found: dict[tuple[int, int], date] = {}
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if (day := _date(match)) and not any(a < match.end() and match.start() < b for a, b in found):
                found[match.span()] = day
    if len(set(found.values())) != 1:
        return None
    rest = text
    for start, end in sorted(found, reverse=True):
        clock = re.match(_CLOCK, text[end:])
        rest = f"{rest[:start]} {rest[end + clock.end() if clock else end :]}"
    return next(iter(found.values())), " ".join(rest.split()).strip(" -_,.")


def _date(match: "re.Match[str]") -> date | None:
    parts = match.groupdict()
    year, day = int(parts["y"]), int(parts["d"])
    if len(parts["y"]) == 2:
        year += 1900 if year >= 90 else 2000
    if name := parts.get("month"):
        months = [i for i, full in enumerate(_MONTHS, 1) if full.startswith(name.lower()) or name.lower() == "sept"]
        month = 9 if name.lower() == "sept" else months[0] if len(months) == 1 else 0
    else:
        month = int(parts["m"])
    return likely_date(year, month, day)


def likely_date(year: int, month: int, day: int) -> date | None:
    """A day on which a meeting can have been recorded."""
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if EARLIEST <= found <= datetime.now(UTC).date() else None


def find_part(stem: str) -> tuple[str, int] | None:
    """A name without its "part 2" or "2of3", and the number; None where it has none.

    >>> find_part("Public Safety Panel - part 2")
    ('Public Safety Panel', 2)
    """
    found = list(_PART.finditer(stem))
    if not found:
        return None
    last = found[-1]
    return f"{stem[: last.start()]}{stem[last.end() :]}", int(last["a"] or last["b"])


def original_name(stem: str) -> str:
    """The name that a file had before somebody copied it or downloaded it again.

    >>> original_name("Copy of Public Safety Panel - Copy (2)")
    'Public Safety Panel'
    """
    while (shorter := _COPY.sub("", stem)) not in (stem, ""):
        stem = shorter
    return stem


def plain(text: object) -> str:
    """Text from outside on one line, without what can't be seen, and not too long."""
    if not isinstance(text, str):
        return ""
    shown = "".join(c if c.isprintable() else " " for c in text[: 10 * LONGEST_TITLE])
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST_TITLE else shown[:LONGEST_TITLE].rsplit(" ", 1)[0] + " …"


def find_title(text: str) -> str:
    """A title from a name or a tag: without dates, ids and what recorders add; empty where nothing is left."""
    text = original_name(_VIDEO_ID.sub("", original_name(plain(text))))
    if dated := find_date(text):
        text = dated[1]
    if re.search(r"[_+]", text) and " " not in text.strip():
        text = re.sub(r"[_+]+", " ", text)
    text = _unframed(original_name(" ".join(_NOISE.sub(" ", text.replace("_", " ")).split())))
    if _NO_TITLE.fullmatch(text):
        return ""
    if " " not in text and "-" in text:
        text = text.replace("-", " ")
    return text[:1].upper() + text[1:] if text.islower() else text


def _unframed(text: str) -> str:
    """A title without the signs that what was taken out of it has left at its ends, and without half a bracket."""
    edge = " -–|_,.:;"
    text = re.sub(r"\(\s*\)|\[\s*\]", "", text).strip(edge)
    halved = any(text.count(left) != text.count(right) for left, right in ("()", "[]"))
    return text.strip(f"{edge}()[]") if halved else text


def split_body(title: str) -> tuple[str, str]:
    """A title without the council that it names in a segment of its own, and that council.

    >>> split_body("Wrenbridge Council - Public Safety Panel")
    ('Public Safety Panel', 'Wrenbridge Council')
    """
    segments = re.split(r"\s+[-–—|:]\s+", title)
    bodies = [s for s in segments if is_body(s)]
    if len(segments) < 2 or len(bodies) != 1:
        return title, ""
    return " - ".join(s for s in segments if s != bodies[0]), bodies[0]


def is_body(text: str) -> bool:
    """Whether a name is that of a council, or of something like one."""
    return bool(_BODY.fullmatch(text)) and not _NO_BODY.fullmatch(text)


def is_link(text: object) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"https?://[^\s\"<>]{3,1000}", text))


# -- from all that there is -----------------------------------------------------------------------


def guesses(stem: str, tags: Mapping[str, str], info: Mapping[str, Any], info_name: str) -> dict[str, Guess]:
    """`title`, `body`, `held_on` and `source_url` of a recording, as far as there is something to go by.

    `stem` is its file name, `tags` come from inside it, `info` from a file that a downloader left beside it.
    """
    titles = [
        (plain(info.get("title")), info_name),
        (plain(tags.get("title")), "tag title"),
        (plain(stem), "file name"),
    ]
    made: dict[str, Guess] = {}

    def first(key: str, found: Iterable[tuple[str, str]]) -> None:
        for value, source in found:
            if value:
                made[key] = Guess(value=value, source=source)
                return

    named = [(find_title(text), source) for text, source in titles]
    first("title", ((split_body(title)[0], source) for title, source in named))
    makers = [(plain(info.get(k)), info_name) for k in ("channel", "uploader")]
    makers += [(plain(tags.get(k)), f"tag {k}") for k in ("artist", "album_artist", "publisher", "album")]
    bodies = [(split_body(title)[1], source) for title, source in named]
    first("body", [*bodies, *((maker, source) for maker, source in makers if is_body(maker))])
    first("held_on", _days(titles[::-1], tags, info, info_name))
    links = [(info.get("webpage_url"), info_name), *((tags.get(k), f"tag {k}") for k in ("purl", "comment"))]
    first("source_url", ((str(link), source) for link, source in links if is_link(link)))
    return made


def _days(
    texts: Iterable[tuple[str, str]], tags: Mapping[str, str], info: Mapping[str, Any], info_name: str
) -> Iterator[tuple[str, str]]:
    """Days, the best first: what somebody wrote, then when it was streamed, recorded, and put on the web."""
    for text, source in texts:
        if dated := find_date(text):
            yield dated[0].isoformat(), source
    stamps = [
        (plain(info.get("release_date")), f"{info_name}, the day of the broadcast"),
        (plain(tags.get("creation_time"))[:10], "tag creation_time"),
        (plain(tags.get("date"))[:10], "tag date"),
        (plain(info.get("upload_date")), f"{info_name}, the day of the upload"),
    ]
    for text, source in stamps:
        if dated := find_date(text):
            yield dated[0].isoformat(), source
