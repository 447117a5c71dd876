"""A citation, and how it reads in each style. See `docs/citing.md`.

A style says where things stand; it never leaves out how the speaker is known, nor whether anybody listened. Each text
stands by itself: the words as they would be quoted, the entry for a list of references (in Chicago also the note), and
last the permanent address and what kind of text this is.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Literal

from transcribe.records import Record
from transcribe.spoken import AFTER_NAME, BEFORE_TITLE, CHAIR, HONOURS, PARTICLES, TITLES, plain
from transcribe.transcript import NOTICE as NOTICE

INFERRED = "named by software, not checked"
UNMATCHED = "not matched to a person"
STATUS = {"confirmed": "confirmed", "inferred": INFERRED, "unknown": "unknown speaker"}
_OFFICES = CHAIR | {"clerk", "officer", "member", "resident", "public", "witness", "speaker", "secretary", "committee"}
_ABBREVIATED = frozenset(
    ["supt", "insp", "sgt", "cdr", "det", "ch", "hon", "ald", "revd"]
)  # titles of three parts or more
TITLE_WORDS = 20  # of a statement, which has no title of its own: how APA entitles posts


class Citation(Record, omit_defaults=False):
    """What every style is made from.

    `at_ms` is the time at which it plays: in the published recording where that is known (`published`), else on the
    meeting's own timeline. `url` plays it from there if `plays`, else is only the page; it is empty where the public
    has nothing to listen to. `accessed` is when the page, and the transcript, were looked at. `listened` is who checked
    the words by listening, empty where nobody is known to have.
    """

    words: str
    speaker: str  # as shown: with title, or "unknown speaker 3"
    status: Literal["confirmed", "inferred", "unknown"]
    in_captions: bool  # whether it is only what captions call an unknown voice
    role: str
    meeting: str  # its title, or else its id
    body: str
    held_on: date | None
    at_ms: int
    published: bool
    address: str  # with its check
    url: str = ""
    plays: bool = False
    accessed: date | None = None
    listened: str = ""

    @property
    def at(self) -> str:
        """The timestamp, H:MM:SS."""
        return timecode(self.at_ms)

    @property
    def title(self) -> str:
        """The first words, in place of a title."""
        words = self.words.split()
        first = " ".join(words[:TITLE_WORDS])
        return f"{first} …" if len(words) > TITLE_WORDS else first.rstrip(" ,;:–—-") or first

    @property
    def doubt(self) -> str:
        """What must stand beside the name, wherever it stands; empty where a person confirmed it, and where there is
        none: captions may name a voice that answers to nobody."""
        if self.status == "inferred":
            return INFERRED
        return UNMATCHED if self.in_captions else ""

    @property
    def checked(self) -> str:
        """Whether a person listened, in words."""
        return f"listened to by {self.listened}" if self.listened else "not checked by listening"

    @property
    def kind(self) -> str:
        return f"machine transcript, {self.checked}"

    @property
    def place(self) -> str:
        """Which meeting of whom."""
        return ", ".join(part for part in (self.meeting, self.body) if part)

    @property
    def last(self) -> str:
        """What stands under every text."""
        read = f" (accessed {day(self.accessed)})" if self.accessed and not self.url else ""
        return f"{self.address}{read}\n{NOTICE}"


def timecode(ms: int) -> str:
    """As a player shows it: whole seconds, rounded down.

    >>> timecode(3_725_900)
    '1:02:05'
    """
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(on: date) -> str:
    """A day as Britain writes it, whatever the machine's own language."""
    return f"{on.day} {MONTHS[on.month - 1]} {on.year}"


def _american(on: date) -> str:
    return f"{MONTHS[on.month - 1]} {on.day}, {on.year}"


# -- names ----------------------------------------------------------------------------------------


class Name(Record):
    """A person's name in its parts. `family` holds particles; both are empty where nobody can tell them apart."""

    whole: str
    given: str = ""
    family: str = ""

    @property
    def initials(self) -> str:
        parts = [part for part in re.split(r"[ .]+", self.given) if part]
        return " ".join("-".join(f"{p[0]}." for p in part.split("-") if p) for part in parts)


def name_of(citation: Citation) -> Name:
    """A speaker's name without titles and honours, in parts where they are plain to see.

    A name in two parts is a given and a family name, with initials or a particle between them; anything else is left
    whole rather than put in the wrong order.
    """
    return Name(whole=citation.speaker) if citation.status == "unknown" else _split(citation.speaker)


def _split(shown: str) -> Name:
    """
    >>> _split("Councillor Ana M. de Souza OBE")
    Name(whole='Ana M. de Souza', given='Ana M.', family='de Souza')
    >>> _split("Nguyen Thi Mai").family
    ''
    """
    parts = shown.replace(",", " ").split()
    while parts and plain(parts[0]) in TITLES | BEFORE_TITLE | HONOURS:
        parts.pop(0)
    while len(parts) > 2 and plain(parts[0]) in _ABBREVIATED:
        parts.pop(0)
    while len(parts) > 1 and plain(parts[-1]) in AFTER_NAME:
        parts.pop()
    if not parts:
        return Name(whole=shown)
    whole = " ".join(parts)
    given, *middle, family = parts if len(parts) > 1 else ["", ""]
    n_initials = next((i for i, part in enumerate(middle) if not re.fullmatch(r"\w\.?", part)), len(middle))
    particles = middle[n_initials:]
    fits = (
        given[:1].isupper()
        and (family[:1].isupper() or bool(particles))
        and all(part.islower() and plain(part) in PARTICLES for part in particles)
        and not {plain(given), plain(family)} & _OFFICES
    )
    if not fits:
        return Name(whole=whole)
    return Name(whole=whole, given=" ".join([given, *middle[:n_initials]]), family=" ".join([*particles, family]))


def _known(citation: Citation, name: str) -> str:
    """A name with what there is to say against it."""
    return name[:1].upper() + name[1:] + (f" [{citation.doubt}]" if citation.doubt else "")


def _surname_first(citation: Citation) -> str:
    name = name_of(citation)
    return _known(citation, f"{name.family}, {name.initials}" if name.family else name.whole)


def _in_text(citation: Citation) -> str:
    name = name_of(citation)
    return _known(citation, name.family or name.whole)


def _role(citation: Citation) -> str:
    """The role on the day, where the name that is shown does not hold it."""
    role = citation.role
    return "" if citation.status == "unknown" or role.casefold() in citation.speaker.casefold() else role


def _statement(citation: Citation) -> str:
    """What this is: a statement, in which role, and how the speaker is known where the name does not say so."""
    role = _role(citation)
    return "statement" + (f" as {role}" if role else "") + (f", {_how(citation)}" if _how(citation) else "")


def _how(citation: Citation) -> str:
    if citation.doubt:
        return ""
    return "speaker confirmed" if citation.status == "confirmed" else "speaker not known"


def who(citation: Citation) -> str:
    """The speaker with role and how we know: nobody reads a name here without it."""
    role, known = _role(citation), citation.doubt or ("confirmed" if citation.status == "confirmed" else "")
    return citation.speaker + (f", {role}" if role else "") + (f" ({known})" if known else "")


# -- styles ---------------------------------------------------------------------------------------


def to_plain(c: Citation) -> str:
    """For an article: who, the words, where and when, and where to listen."""
    at = f"at {c.at}" + (" in the published recording" if c.published else "")
    place = ", ".join(part for part in (c.place, day(c.held_on) if c.held_on else "", at) if part)
    read = f" (accessed {day(c.accessed)})" if c.accessed and c.url else ""
    checked = c.checked[0].upper() + c.checked[1:] + "."
    lines = [f"{who(c)}: “{c.words}”", place, c.url + read if c.url else "", checked, c.last]
    return "\n".join(line for line in lines if line)


def to_apa(c: Citation) -> str:
    """APA, 7th edition: a recorded statement, entered under its speaker."""
    year = str(c.held_on.year) if c.held_on else "n.d."
    dated = f"{year}, {MONTHS[c.held_on.month - 1]} {c.held_on.day}" if c.held_on else "n.d."
    author = _surname_first(c)
    what = _statement(c)
    entry = [
        f"{author}{'' if author.endswith('.') else '.'} ({dated}).",
        f"{c.meeting} [{what[0].upper() + what[1:]}; {c.kind}].",
        f"{c.body}." if c.body else "",
    ]
    if c.url:
        entry.append(f"Retrieved {_american(c.accessed)}, from {c.url}" if c.accessed else c.url)
    return _text(f"“{c.words}” ({_in_text(c)}, {year}, {c.at})", _joined(entry), c.last)


def to_chicago(c: Citation) -> str:
    """The Chicago Manual of Style, 17th edition, notes and bibliography: the note, then the entry."""
    name = name_of(c)
    where = [c.place, _american(c.held_on) if c.held_on else "n.d."]
    accessed = f"accessed {_american(c.accessed)}" if c.accessed and c.url else ""
    role = _role(c)
    note = [
        _known(c, name.whole) + (f", {role}" if role else ""),
        f"({', '.join(['statement', *where])})",
    ]
    more = [_how(c), c.kind, c.at, accessed, c.url]
    inverted = _known(c, f"{name.family}, {name.given}" if name.family else name.whole)
    entry = [
        f"{inverted}.",
        _sentence(", ".join(["Statement", *where])),
        _sentence(", ".join(part for part in (_how(c), c.kind, c.at) if part)),
        _sentence(accessed),
        f"{c.url}." if c.url else "",
    ]
    return _text(
        f"“{c.words}”",
        " ".join(note) + ", " + ", ".join(part for part in more if part) + ".",
        _joined(entry),
        c.last,
    )


def to_harvard(c: Citation) -> str:
    """Harvard as British universities have it (Cite Them Right): a statement at a meeting, online."""
    year = str(c.held_on.year) if c.held_on else "no date"
    what = _statement(c)
    where = [what[0].upper() + what[1:], c.place, f"{c.held_on.day} {MONTHS[c.held_on.month - 1]}" if c.held_on else ""]
    accessed = f" (Accessed: {day(c.accessed)})" if c.accessed else ""
    entry = [
        f"{_surname_first(c)} ({year})",
        ", ".join([part for part in where if part] + [f"at {c.at}"]) + f" [{c.kind}].",
        f"Available at: {c.url}{accessed}." if c.url else "",
    ]
    return _text(f"‘{c.words}’ ({_in_text(c)}, {year}, {c.at})", _joined(entry), c.last)


def to_oscola(c: Citation) -> str:
    """OSCOLA, 4th edition: a footnote."""
    where = ", ".join(part for part in (_statement(c), c.place, day(c.held_on) if c.held_on else "") if part)
    link = f" <{c.url}>" + (f" accessed {day(c.accessed)}" if c.accessed else "") if c.url else ""
    return _text(f"‘{c.words}’", f"{_known(c, name_of(c).whole)} ({where}; {c.kind}) {c.at}{link}.", c.last)


def _sentence(text: str) -> str:
    return text and text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _joined(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def _text(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs)


TEXTS: dict[str, Callable[[Citation], str]] = {
    "plain": to_plain,
    "apa": to_apa,
    "chicago": to_chicago,
    "harvard": to_harvard,
    "oscola": to_oscola,
}
