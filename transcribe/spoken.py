"""How people are called: titles and honours, the parts of a written name, and how alike two names are when heard."""

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import Indel

from transcribe import english

NEAR, ALIKE, LOOSE = 0.85, 0.65, 0.4  # a mishearing that hardly differs; sounds the same; sounds rather like it


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MEMBER = word_set("councillor cllr counsellor councilor counselor alderman councilman councilwoman")
POLICE = word_set("superintendent inspector sergeant constable commander commissioner supt insp sgt acc dcc dci")
CIVIL = word_set("mr mrs ms miss mx dr doctor prof professor sir dame lord lady baroness rev reverend mayor")
TITLES = MEMBER | POLICE | CIVIL
BEFORE_TITLE = word_set("chief assistant deputy detective acting temporary")
HONOURS = word_set("the right rt honourable honorable hon")
AFTER_NAME = word_set("obe mbe cbe jp kc qc mp am ms msp phd")
PARTICLES = word_set("de da del ni nic ui o della di du la le van von der den ter el al bin ibn ap ab mac mc st")
CHAIR = word_set("chair chairman chairwoman chairperson convener convenor")
_ABBREVIATED = word_set("cllr cllrs cr mr mrs ms dr prof rev revd st rt hon ch det supt insp sgt cmdr dep asst")

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"})
_SHORT = 5  # letters of a name that is another name as soon as one of them is another


@lru_cache(maxsize=50_000)
def plain(text: str) -> str:
    """Letters and digits only, lower case, without accents.

    >>> plain("O’Brien-Núñez,")
    'obriennunez'
    """
    flat = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(c for c in flat if c.isalnum())


@lru_cache(maxsize=50_000)
def sound(name: str) -> str:
    """A coarse key of how a plain name sounds: consonants, in classes that recognisers confuse.

    >>> sound("rahman") == sound("raman"), sound("nwosu") == sound("nawosu"), sound("lynnquist"), sound("lindqvist")
    (True, True, 'lnkwst', 'lntkwst')
    """
    for spelled, heard in _SOUNDS:
        name = re.sub(spelled, heard, name)
    head, rest = name[:1], re.sub(r"[aeiouyh]", "", name[1:])
    return re.sub(r"(.)\1+", r"\1", ("a" if head in "aeiouy" else head) + rest)


_SOUNDS = (
    ("^(kn|gn|pn)", "n"), ("^ps", "s"), ("^wr", "r"), ("ph", "f"), ("gh", ""), ("q[uv]", "kw"), ("ck", "k"),
    ("sch|tch|sh|ch", "j"), ("dg", "j"), ("th", "t"), ("c(?=[eiy])", "s"), ("c|q", "k"), ("x", "ks"), ("z", "s"),
    ("d", "t"), ("v", "f"),
)  # fmt: skip


@lru_cache(maxsize=100_000)
def likeness(heard: str, name: str) -> float:
    """How well a plain heard name fits a plain known one: 1, NEAR, ALIKE, LOOSE or 0, by spelling and by sound.

    A short name, and one that is somebody's in its own right, is only ever itself with letters put in that are hardly
    heard: Kang is not King.
    """
    if heard == name:
        return 1.0
    if min(len(heard), len(name)) < 3:
        return 0.0
    own = min(len(heard), len(name)) <= _SHORT or english.is_name(heard.capitalize())
    if own and not _hardly_differ(heard, name):
        return 0.0
    spelling = Indel.normalized_similarity(heard, name, score_cutoff=0.48)
    if not spelling:
        return 0.0  # too far apart for any sound to make up for
    by_sound = Indel.normalized_similarity(sound(heard), sound(name))
    if (by_sound == 1 and spelling >= 0.8) or (spelling >= 0.85 and by_sound >= 0.85):
        return NEAR
    if by_sound == 1 and spelling >= 0.7 and len(sound(heard)) >= 3:
        return ALIKE
    return LOOSE if (spelling + by_sound) / 2 >= 0.74 else 0.0


def _hardly_differ(heard: str, name: str) -> bool:
    """Whether one is the other with letters put in that are hardly heard, or doubled: "rahman" and "raman"."""
    short, long = sorted((heard.replace("y", "i"), name.replace("y", "i")), key=len)
    i = 0
    for n, letter in enumerate(long):
        if i < len(short) and letter == short[i]:
            i += 1
        elif letter not in "aehiouw" and letter != long[n - 1 : n]:
            return False
    return i == len(short)


def split_name(name: str) -> tuple[list[str], list[str]]:
    """Titles (plain) and the rest of a name."""
    parts = [p for p in name.replace(",", " ").split() if plain(p)]
    n = 0
    while n < len(parts) and plain(parts[n]) in TITLES | BEFORE_TITLE | HONOURS:
        n += 1
    rest = parts[n:]
    while len(rest) > 1 and plain(rest[-1]) in AFTER_NAME:
        rest.pop()
    return [plain(p) for p in parts[:n]], rest


def name_parts(name: str) -> tuple[list[str], list[str]]:
    """First names and surname of a name as it is written, without titles; a single name counts as a surname.

    >>> name_parts("Cllr Ana de la Cruz OBE"), name_parts("Priya")
    ((['Ana'], ['de', 'la', 'Cruz']), ([], ['Priya']))
    """
    _, names = split_name(name)
    cut = max(0, len(names) - 1)
    while cut > 1 and plain(names[cut - 1]) in PARTICLES:
        cut -= 1
    return names[:cut], names[cut:]


def is_full_stop(text: str) -> bool:
    """Whether a word ends in a full stop, and not in that of an abbreviation or an initial."""
    if text[-1:] != ".":
        return False
    bare = plain(text)
    return len(bare) > 1 and bare not in _ABBREVIATED
