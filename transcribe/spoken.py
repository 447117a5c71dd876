"""Spoken names -> people: titles, first names, surnames, aliases, roles, and what a recogniser made of them.

A mention keeps every person that it may mean, each with a fit (1 is as good as being read out from the list).
Two councillors Smith stay two; a name that is nobody's on the list is a stranger, never the nearest person.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import Indel

from transcribe.records import Person, Word


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MEMBER = _set("councillor cllr counsellor councilor counselor alderman councilman councilwoman")
POLICE = _set("superintendent inspector sergeant constable commander commissioner")
CIVIL = _set("mr mrs ms miss mx dr doctor prof professor sir dame lord lady baroness rev reverend mayor")
TITLES = MEMBER | POLICE | CIVIL
BEFORE_TITLE = _set("chief assistant deputy detective acting temporary")
AFTER_NAME = _set("obe mbe cbe jp kc qc mp phd")
PARTICLES = _set("de da del ni nic ui o della di du la le van von der den ter el al bin ibn ap ab mac mc st")
CHAIR = _set("chair chairman chairwoman chairperson")

_OTHER_OFFICE = re.compile(
    r"\b(officer|director|head of|clerk|solicitor|manager|resident|public|police|witness|commander|superintendent"
    r"|inspector|constable|sergeant|chief executive)\b"
)
_CHAIRS = re.compile(r"^chair(man|woman|person)?($|.*(committee|panel|council|commission|scrutiny|meeting|board)$)")
_NOT_A_PERSON = _set(
    "street road lane ward park avenue house estate school centre library station square close way court hall"
    " report review amendment motion inquiry family"
)
# First names that open English sentences as other words.
_ALSO_WORDS = _set("will may mark grace hope faith joy art bill frank pat rob sue dean rose drew chuck")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i"})

FULL, TITLED, SURNAME, ALIAS, GIVEN, ROLE = 1.0, 1.0, 0.9, 0.9, 0.75, 0.75
NEAR, ALIKE, LOOSE = 0.85, 0.65, 0.4  # a mishearing that hardly differs; sounds the same; sounds rather like it


class Mention(NamedTuple):
    """The words `[first, end)` that may name people: person id -> fit. A stranger's has none."""

    first: int
    end: int
    fits: dict[str, float]
    possessive: bool


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
    """How well a plain heard name fits a plain known one: 1, NEAR, ALIKE, LOOSE or 0, by spelling and by sound."""
    if heard == name:
        return 1.0
    if min(len(heard), len(name)) < 3:
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


class _Known(NamedTuple):
    """A person's names, plain."""

    id: str
    kind: str  # member, police, other, or empty where the list does not say
    full: tuple[str, ...]
    surname: str


class Roster:
    """The people of a meeting, by everything that they may be called."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._known = [_read(p) for p in people]
        self._exact: dict[str, dict[str, float]] = {}
        self._ranks: dict[str, dict[str, float]] = {}  # titles that stand alone, and roles
        self._misheard: dict[str, dict[str, float]] = {}  # what was looked for already
        for person, known in zip(people, self._known, strict=True):
            for name in known.full:
                self._add(self._exact, name, known.id, FULL)
            self._add(self._exact, known.surname, known.id, SURNAME)
            titles, names = _split(person.name)
            if names:
                self._add(self._exact, plain(names[0]), known.id, GIVEN if len(names) > 1 else ALIAS)
            for alias in person.aliases:
                _, rest = _split(alias)
                table = self._exact if rest else self._ranks  # "Superintendent" alone is a rank
                self._add(table, plain("".join(rest)) or plain(alias), known.id, ALIAS if rest else ROLE)
            for rank in {*(t for t in titles if t in POLICE), *_roles(person.role)}:
                self._add(self._ranks, rank, known.id, ROLE)
        self.chairs = frozenset(p.id for p in people if _CHAIRS.search(p.role.lower()))

    @staticmethod
    def _add(table: dict[str, dict[str, float]], name: str, person: str, fit: float) -> None:
        if name:
            fits = table.setdefault(name, {})
            fits[person] = max(fit, fits.get(person, 0.0))

    def caption(self, voice: str) -> dict[str, float]:
        """Whom a caption's voice tag names: whole names and titled surnames only."""
        titles, names = _split(voice)
        whole = plain("".join(names))
        fits = self._exact.get(whole, {})
        return {p: fit for p, fit in self._of_kind(fits, titles).items() if fit >= SURNAME}

    def role(self, phrase: str) -> dict[str, float]:
        """Whom a role or rank means, if the list has it: "superintendent", "cabinet member for housing"."""
        words = phrase.lower().split()
        if words and words[-1] in CHAIR and len(words) <= 2:
            return dict.fromkeys(self.chairs, ROLE)
        return self._ranks.get(plain(phrase), {})

    def mentions(self, words: Sequence[Word], first: int, end: int, *, cased: bool = True) -> Iterator[Mention]:
        """Names in the sentence `words[first:end]`, left to right, never overlapping.

        Without capitals (`cased` false) only titled and whole names count: "grace" may be a virtue.
        """
        i = first
        while i < end:
            found = self._at(words, i, first, end, cased)
            if found:
                most = min(map(_most_fit, words[found.first : found.end]))
                yield found._replace(fits={p: min(fit, most) for p, fit in found.fits.items()})
                i = found.end
            else:
                i += 1

    def _at(self, words: Sequence[Word], i: int, first: int, end: int, cased: bool) -> Mention | None:
        stop = _clause_end(words, i, end)
        j = i
        while j < stop and plain(words[j].text) in TITLES | BEFORE_TITLE:
            j += 1
        titles = [plain(w.text) for w in words[i:j]]
        if j < stop and plain(words[j].text) in CHAIR:
            return None  # "Madam Chair" is an office, not somebody called Chair
        if titles and titles[-1] in TITLES:
            return self._titled(words, i, j, stop, titles, cased)
        return self._untitled(words, i, first, stop, cased)

    def _titled(
        self, words: Sequence[Word], i: int, j: int, stop: int, titles: Sequence[str], cased: bool
    ) -> Mention | None:
        best: Mention | None = None
        for k in range(min(stop, j + 3), j, -1):
            heard, possessive = _heard(words[j:k])
            exact = self._exact.get(heard)
            fits = {p: min(TITLED, fit + 0.1) for p, fit in exact.items()} if exact else self._mishear(heard)
            fits = self._of_kind(fits, titles)
            if (
                fits
                and not _goes_on(words, k, stop, cased)
                and (best is None or max(fits.values()) > max(best.fits.values()))
            ):
                best = Mention(i, k, fits, possessive)
        if best or j < stop:
            # A title before a name that is nobody's here is a stranger, and no reason to look further.
            named = best is None and (words[j].text[:1].isupper() or not cased)
            return best or (Mention(i, j + 1, {}, _heard(words[j : j + 1])[1]) if named else self._rank(words, i, j))
        return self._rank(words, i, j)

    def _rank(self, words: Sequence[Word], i: int, j: int) -> Mention | None:
        heard, possessive = _heard(words[i:j])
        fits = self._ranks.get(heard) or self._ranks.get(_heard(words[j - 1 : j])[0])
        return Mention(i, j, dict(fits), possessive) if fits else None

    def _untitled(self, words: Sequence[Word], i: int, first: int, stop: int, cased: bool) -> Mention | None:
        for k in range(min(stop, i + 4), i, -1):
            heard, possessive = _heard(words[i:k])
            fits = self._exact.get(heard)
            if fits and not _goes_on(words, k, stop, cased):
                whole = max(fits.values()) == FULL
                capital = cased and words[i].text[:1].isupper()
                stray = i > first and cased and _is_name(words[i - 1].text)
                opener = i == first and k < stop and heard in _ALSO_WORDS
                if (whole or capital) and not stray and not opener:
                    return Mention(i, k, dict(fits), possessive)
            if k - i == 2 and cased and words[i].text[:1].isupper() and words[i + 1].text[:1].isupper():
                near = {p.id: NEAR for p in self._known if any(likeness(heard, n) == NEAR for n in p.full[:2])}
                if near and not _goes_on(words, k, stop, cased):
                    return Mention(i, k, near, possessive)
            ranks = self._ranks.get(heard)
            if ranks and k - i > 1:
                return Mention(i, k, dict(ranks), possessive)
        return None

    def alone(self, heard: str) -> dict[str, float]:
        """People that a name called out on its own may be a near mishearing of."""
        fits = {k.id: likeness(plain(heard), n) for k in self._known for n in (k.surname, *k.full)}
        return {p: fit * SURNAME for p, fit in fits.items() if fit >= NEAR}

    def _mishear(self, heard: str) -> dict[str, float]:
        if heard not in self._misheard:
            fits = {k.id: max(likeness(heard, n) for n in (k.surname, *k.full)) for k in self._known}
            best = max(fits.values(), default=0.0)
            self._misheard[heard] = {p: fit for p, fit in fits.items() if fit and fit >= best - 0.1}
        return self._misheard[heard]

    def _of_kind(self, fits: dict[str, float], titles: Sequence[str]) -> dict[str, float]:
        """Without those whom the spoken title rules out: no superintendent is called Councillor."""
        spoken = "member" if MEMBER & set(titles) else "police" if POLICE & set(titles) else ""
        kinds = {k.id: k.kind for k in self._known}
        return {p: fit for p, fit in fits.items() if not spoken or kinds[p] in ("", spoken)}


def _split(name: str) -> tuple[list[str], list[str]]:
    """Titles (plain) and the rest of a name."""
    parts = [p for p in name.replace(",", " ").split() if plain(p)]
    n = 0
    while n < len(parts) and plain(parts[n]) in TITLES | BEFORE_TITLE:
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
    _, names = _split(name)
    cut = max(0, len(names) - 1)
    while cut > 1 and plain(names[cut - 1]) in PARTICLES:
        cut -= 1
    return names[:cut], names[cut:]


def _read(person: Person) -> _Known:
    titles, names = _split(person.name)
    given, last = name_parts(person.name)
    surname = plain("".join(last)) if given else ""
    full = [plain("".join(names))]
    if surname:
        full += [plain(names[0]) + surname, plain(names[0])[:1] + surname]
    about = f"{' '.join(titles)} {person.role.lower()}"
    if MEMBER & set(titles) or re.search(r"\b(councillor|cabinet member|leader|chair\w*)\b", about):
        kind = "member"
    elif POLICE & set(about.split()):
        kind = "police"
    else:
        kind = "other" if _OTHER_OFFICE.search(about) else ""
    return _Known(person.id, kind, tuple(dict.fromkeys(f for f in full if f)), surname)


def _roles(role: str) -> set[str]:
    """What a role is called: whole, and up to "for" or "of" ("cabinet member")."""
    words = re.split(r"[,;(]", role.lower())[0].split()
    short = next((words[:i] for i, w in enumerate(words) if w in ("for", "of", "on", "and")), words)
    names = {plain(" ".join(w)) for w in (words, short)}
    return {n for n in names if n and n not in CHAIR and n not in ("councillor", "member", "head", "officer")}


def _heard(words: Sequence[Word]) -> tuple[str, bool]:
    """Words run together, plain, and whether they end in a possessive."""
    text = " ".join(w.text for w in words).rstrip('.,;:?!…"”)')
    bare = re.sub(r"['’]s?$", "", text)
    return plain(bare), bare != text


def _most_fit(word: Word) -> float:
    """How well a name may fit that this word is in: a repaired one is no more than the mishearing that it was."""
    kind, score, why = [*(word.change or "").split(" ", 2), "", ""][:3]
    if kind != "repair" or why == "spelling":
        return FULL
    return NEAR if float(score) >= 0.85 else LOOSE


def _clause_end(words: Sequence[Word], i: int, end: int) -> int:
    """The end of the clause that holds word `i`: a name does not run across a comma."""
    for k in range(i, end):
        text = words[k].text
        if text[-1] in ",;:?!…" or (text[-1] == "." and plain(text) not in TITLES and len(plain(text)) > 1):
            return k + 1
    return end


def _is_name(text: str) -> bool:
    return text[:1].isupper() and text[-1].isalpha() and plain(text) not in TITLES | _BEFORE_NAMES


_BEFORE_NAMES = _set(
    "i im thank thanks and so okay ok right yes no now next then first please over to from hello is it was with"
)


def _goes_on(words: Sequence[Word], k: int, stop: int, cased: bool) -> bool:
    """Whether the name goes on after `[…, k)` into something else: "Priya Sharma", "Holm Street"."""
    if k >= stop or words[k - 1].text[-1] in ",.;:?!’'":
        return False
    following = words[k].text
    return plain(following) in _NOT_A_PERSON or (cased and _is_name(following.rstrip('.,;:?!"”)') or " "))
