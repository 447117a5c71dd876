"""Names in what is said -> people: titles, first names, surnames, aliases, roles, and what a recogniser made of them.

A mention keeps every person that it may mean, each with a fit (1 is as good as being read out from the list).
Two councillors Smith stay two; a name that is nobody's on the list is a stranger, never the nearest person.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from transcribe import offices
from transcribe.listed import Known, known_by, places_of
from transcribe.nicknames import other_names
from transcribe.phones import closeness
from transcribe.phrases import (
    AHEAD,
    BEFORE,
    LEADS,
    SPOKEN_TITLES,
    bare,
    clause_end,
    goes_on,
    is_council_member,
    is_date,
    is_name,
    is_plain_word,
    most_fit,
    portfolio_end,
    run_together,
    whole_name_end,
)
from transcribe.records import Person, Word
from transcribe.spoken import (
    AFTER_NAME,
    BEFORE_TITLE,
    CHAIR,
    CIVIL,
    MEMBER,
    NEAR,
    POLICE,
    likeness,
    plain,
    split_name,
    word_set,
)

FULL, TITLED, SURNAME, ALIAS, OFFICE, GIVEN, ROLE = 1.0, 1.0, 0.9, 0.9, 0.95, 0.75, 0.75
HOMOPHONE, OUTSIDE = 0.6, 0.6
ADDRESSED_BY = 3  # voices that call whoever presides something else than the chair, where somebody has that office
SAME_SOUND = 0.9  # closeness of two names that a recogniser writes either way
CLOSE_WHOLE, CLOSE_SURNAME = 0.7, 0.75  # of a name that may be one of the list's, misheard
LEAST_CLOSE, LEAST_AHEAD = 0.58, 0.15  # of a name that a roll call leaves no doubt is one of the list's

# First names that open English sentences as other words.
_ALSO_WORDS = word_set(
    "will may mark grace hope faith joy art bill frank pat rob sue dean rose drew chuck rich win glad con cat ant"
    " olive dot"
)
_LETTERS = frozenset("aio")  # that are words: nobody is called so without a title
_OFFICE = re.compile(
    r"\b(?:minister|secretary|director|head|leader|member|holder|executive|superintendent|inspector|commander|manager"
    r"|officer|clerk|solicitor|chair|vice-chair|commissioner|lead|ombudsman|auditor|president|mayor|spokesperson)\b"
)
_OF_OTHERS = BEFORE_TITLE | word_set("prime first vice former previous shadow associate junior senior executive lead")
MOST_FOR_A_PLACE = 3  # members
_LONGEST_ROLE = 14  # words


class Mention(NamedTuple):
    """The words `[first, end)` that may name people: person id -> fit. A stranger's has none. `form` is what they are
    called by; `both` is a name and a role side by side."""

    first: int
    end: int
    fits: Mapping[str, float]
    possessive: bool
    form: Literal["name", "role", "both"] = "name"


class Roster:
    """The people of a meeting, by everything that they may be called."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._known = [known_by(p) for p in people]
        self._kinds = {k.id: k.kind for k in self._known}
        self._councillors = {p.id for p in people if MEMBER & {*split_name(p.name)[0]}}
        self.of_councillors = len(self._councillors) == len(people)  # and no officers, whoever else may be there
        self._exact: dict[str, dict[str, float]] = {}
        self._ranks: dict[str, dict[str, float]] = {}  # titles that stand alone, and roles
        self._short_names: dict[str, dict[str, float]] = {}
        self._openers: set[str] = set()  # how those begin
        self._short: set[str] = set()  # of those, what is left of one before "for" or "of"
        self._alike: dict[str, dict[str, float]] = {}
        self._misheard: dict[str, dict[str, float]] = {}  # what was looked for already
        self._firsts: dict[str, set[str]] = {}
        for person in people:
            for called in (person.name, *person.aliases):
                if names := split_name(called)[1]:
                    self._firsts.setdefault(plain(names[0]), set()).add(person.id)
        for person, known in zip(people, self._known, strict=True):
            for name in known.full:
                self._add(self._exact, name, known.id, FULL)
            self._add(self._exact, known.surname, known.id, SURNAME)
            titles, names = split_name(person.name)
            if names:
                self._add(self._exact, plain(names[0]), known.id, GIVEN if len(names) > 1 else ALIAS)
            for alias in person.aliases:
                _, rest = split_name(alias)
                table = self._exact if rest else self._ranks  # "Superintendent" alone is a rank
                self._add(table, plain("".join(rest)) or plain(alias), known.id, ALIAS if rest else ROLE)
            rank = "".join(titles)
            ranks = POLICE & set(titles)
            self._hold(known.id, {rank, offices.LETTERS.get(rank, rank), *ranks} if ranks else ())
            self._hold(known.id, *offices.roles(person.role))
        self._places: dict[str, dict[str, float]] = {}  # wards and constituencies
        for person, known in zip(people, self._known, strict=True):
            self._call_for_short(known, person)
            for place in places_of(person):
                self._add(self._places, place, person.id, FULL)
                self._hold(person.id, (f"memberfor{place}", f"memberfor{place}ward"))
        self._exact |= self._short_names
        self._begun = {name[:n] for name in self._exact for n in range(len(name) + 1)}
        self._fields: dict[str, set[str]] = {}
        for person in people:
            for field in offices.fields(person.role):
                self._fields.setdefault(field, set()).add(person.id)
        self._offices = {p.id: p.role for p in people}
        self.clerks = offices.clerks(self._offices)
        self.chairs, self._presides = offices.presiding(self._offices, {p.id for p in people if p.present})

    def _call_for_short(self, known: Known, person: Person) -> None:
        """Know them by what their first name is for short, where nobody else has that name."""
        _, names = split_name(person.name)
        for other in other_names(plain(names[0])) if len(names) > 1 else ():
            if {*self._firsts.get(other, ()), *self._exact.get(other, ())} - {known.id}:
                continue
            for name, fit in ((other, GIVEN), (other + known.surname, FULL)):
                if name not in self._exact:
                    self._add(self._short_names, name, known.id, fit)

    def _hold(self, person: str, called: Iterable[str], short: Iterable[str] = ()) -> None:
        called, short = {*called}, {*short}
        self._short |= short - self._ranks.keys() - called
        for rank in called | short:
            whole = any(rank != s and (rank.startswith(s) or rank.endswith(s)) for s in short)
            self._add(self._ranks, rank, person, OFFICE if whole else ROLE)
            self._openers.add(rank[:3])

    @staticmethod
    def _add(table: dict[str, dict[str, float]], name: str, person: str, fit: float) -> None:
        if name:
            fits = table.setdefault(name, {})
            fits[person] = max(fit, fits.get(person, 0.0))

    def introduce(self, words: Sequence[Word]) -> None:
        """Learn what people are introduced as: "Ann Holm, Head of Parks, and …" makes her the Head of Parks; and
        whether it is the leader or the mayor who presides, as whoever thanks them says."""
        if found := offices.addressed(words, self._offices, ADDRESSED_BY if self.chairs else 1):
            self.chairs, self._presides = found
        for i, word in enumerate(words):
            if not word.text[:1].isupper() or not self._firsts.get(plain(word.text)):
                continue
            named = self._untitled(words, i, i, min(len(words), i + 6), cased=True)
            if (
                not named
                or len(named.fits) != 1
                or max(named.fits.values()) < FULL
                or words[named.end - 1].text[-1] != ","
            ):
                continue
            stop = clause_end(words, named.end, min(len(words), named.end + 10))
            said = re.sub(
                r"^(?:who is|who's|our|the|as) ", "", " ".join(w.text for w in words[named.end : stop]).lower()
            )
            office = said.rstrip(",.;:").removeprefix("the ")
            if _OFFICE.search(office) and len(office.split()) < 9:
                self._hold(next(iter(named.fits)), *offices.roles(office))

    def caption(self, voice: str) -> dict[str, float]:
        """Whom a caption's voice tag names: whole names and titled surnames only."""
        titles, names = split_name(voice)
        fits = self._exact.get(plain("".join(names)), {})
        return {p: fit for p, fit in self._of_kind(fits, titles).items() if fit >= SURNAME}

    def speaks_to_chair(self, words: Sequence[Word], i: int, first: int) -> bool:
        """Whether word `i` is the "Mayor" of "Madam Mayor", who presides: no more a name than "Madam Chair"."""
        return plain(words[i].text) in self._presides and offices.is_spoken_to(words, i, first)

    def of_place(self, words: Sequence[Word], first: int, end: int, *, last: bool = False) -> dict[str, float]:
        """Who are the members for the place that these words begin with, or end with; nobody, if there are many."""
        spans = (
            [(k, end) for k in range(first, end)]
            if last
            else [(first, k) for k in range(min(end, first + 6), first, -1)]
        )
        for start, stop in spans:
            fits = self._places.get(run_together(words[start:stop])[0], {})
            if fits and not (stop < end and goes_on(words, stop, end, cased=True)):  # "Mill Street"
                return fits if len(fits) <= MOST_FOR_A_PLACE else {}
        return {}

    def alone(self, heard: str) -> dict[str, float]:
        """Whose field words called out alone are, if one person's; or of whose name they may be a near mishearing."""
        if len(whose := self._fields.get(plain(heard), ())) == 1:
            return dict.fromkeys(whose, ROLE)
        fits = {k.id: likeness(plain(heard), n) for k in self._known for n in (k.surname, *k.full)}
        return {p: fit * SURNAME for p, fit in fits.items() if fit >= NEAR}

    def called(self, heard: str) -> dict[str, float]:
        """Whom a roll call means, where it can only be somebody of the list: the one who is by far the nearest by
        sound, or nobody. How near is the fit."""
        near = {
            k.id: closeness(heard, k.surname or k.full[0], LEAST_CLOSE - LEAST_AHEAD) for k in self._known if k.full
        }
        best, second, *_ = [*sorted(near.values(), reverse=True), 0.0, 0.0]
        if best < LEAST_CLOSE or best - second < LEAST_AHEAD:
            return {}
        return {p: best for p, found in near.items() if found == best}

    def stranger_end(self, words: Sequence[Word], i: int, end: int) -> int:
        """Where a whole name ends that starts at word `i`, and neither is nor sounds like anybody's on the list; `i`
        where there is none."""
        k = whole_name_end(words, i, end)
        spans = ((i, i + 2, CLOSE_WHOLE), (i, k, CLOSE_WHOLE), (i + 1, k, CLOSE_SURNAME), (k - 1, k, CLOSE_SURNAME))
        heard = {(run_together(words[first:last])[0], least) for first, last, least in spans if k > i}
        names = [name for name, fits in self._exact.items() if max(fits.values()) > GIVEN] if heard else []
        near = any(closeness(said, name, least) >= least for said, least in heard for name in names)
        return i if near else k

    # -- in a sentence -------------------------------------------------------------------------------

    def mentions(self, words: Sequence[Word], first: int, end: int, *, cased: bool = True) -> Iterator[Mention]:
        """Names in the sentence `words[first:end]`, left to right, never overlapping; a name and a role beside it that
        are one person's are one mention.

        Without capitals (`cased` false) only titled and whole names count: "grace" may be a virtue.
        """
        i = first
        held: Mention | None = None
        while i < end:
            found = self._at(words, i, first, end, cased) if self._may_begin(words, i, end, cased) else None
            if not found:
                i += 1
                continue
            most = min(map(most_fit, words[found.first : found.end]))
            found = found._replace(fits={p: min(fit, most) for p, fit in found.fits.items()})
            i = found.end
            joined = _joined(held, found)
            if held and not joined:
                yield held
            held = joined or found
        if held:
            yield held

    def _may_begin(self, words: Sequence[Word], i: int, end: int, cased: bool) -> bool:
        """Whether it is worth a closer look at word `i`: nearly all words begin no name, nor anything that goes with
        one."""
        text = words[i].text
        said = plain(text)
        return (
            said in AHEAD
            or said[:3] in self._openers
            or said == "member"
            or bare(text) in self._begun
            or (cased and text[:1].isupper() and i + 1 < end and words[i + 1].text[:1].isupper())
        )

    def _at(self, words: Sequence[Word], i: int, first: int, end: int, cased: bool) -> Mention | None:
        stop = clause_end(words, i, end)
        if any(self.speaks_to_chair(words, k, first) for k in (i, i + 1) if k < end):
            return None
        j = i
        while j < stop and plain(words[j].text) in LEADS:
            j += 1
        if j >= stop:
            return None
        k = j
        while k < stop and (plain(words[k].text) in SPOKEN_TITLES | BEFORE or is_council_member(words, k, j)):
            k += 1
        titles = [plain(w.text) for w in words[j:k]]
        if k < stop and plain(words[k].text) in CHAIR and "vice" not in titles:
            return None  # "Madam Chair" is an office, not somebody called Chair
        titled = bool(titles) and titles[-1] not in BEFORE
        named = (
            self._titled(words, i, k, stop, titles, cased) if titled else self._untitled(words, j, first, stop, cased)
        )
        if named and named.fits:
            return named._replace(first=i)
        role = self._role(words, i, j, end)
        if cased and named and role and role.end <= k:
            role = None  # "Superintendent Brown" is not the superintendent
        role = role or (self._role(words, i, k, end) if titled else None)  # "Mr Town Clerk"
        return role or (named and named._replace(first=i))

    def _titled(
        self, words: Sequence[Word], i: int, j: int, stop: int, titles: Sequence[str], cased: bool
    ) -> Mention | None:
        best: Mention | None = None
        for k in range(min(stop, j + 4), j, -1):
            heard, possessive = run_together(words[j:k])
            exact = self._read_as(heard)
            fits = {p: min(TITLED, fit + 0.1) for p, fit in exact.items()} if exact else self._mishear(heard)
            fits = self._of_kind(fits, titles)
            if (
                fits
                and not goes_on(words, k, stop, cased)
                and (best is None or max(fits.values()) > max(best.fits.values()))
            ):
                best = Mention(i, k, fits, possessive)
        if best or j >= stop or not (words[j].text[:1].isupper() or not cased):
            return best
        # A title before a name that is nobody's here is a stranger, and no reason to look further.
        return Mention(i, j + 1, {}, run_together(words[j : j + 1])[1])

    def _untitled(self, words: Sequence[Word], i: int, first: int, stop: int, cased: bool) -> Mention | None:
        for k in range(min(stop, i + 4), i, -1):
            heard, possessive = run_together(words[i:k])
            fits = self._read_as(heard)
            if fits and not goes_on(words, k, stop, cased):
                whole = max(fits.values()) == FULL and k > i + 1  # "Mark" alone may be a verb
                capital = cased and words[i].text[:1].isupper()
                opening = i == first + 1 and is_plain_word(words[first].text)  # "Quickly Jo"
                stray = (
                    i > first and cased and ((not opening and is_name(words[i - 1].text)) or is_date(words, i, stop))
                )
                opener = heard in _LETTERS or (i == first and k < stop and heard in _ALSO_WORDS)
                if (whole or capital) and not stray and not opener:
                    while k < stop and words[k].text.isupper() and plain(words[k].text) in AFTER_NAME:
                        k += 1
                    return Mention(i, k, dict(fits), possessive)
            if k - i == 2 and cased and words[i].text[:1].isupper() and words[i + 1].text[:1].isupper():
                near = {p.id: NEAR for p in self._known if any(likeness(heard, n) == NEAR for n in p.full[:2])}
                if near and not goes_on(words, k, stop, cased):
                    return Mention(i, k, near, possessive)
        return None

    def _role(self, words: Sequence[Word], i: int, j: int, end: int) -> Mention | None:
        """The longest role or rank that starts at word `j`: "the Cabinet Member for Community Safety". An office that
        only begins like one of the list's is a stranger's: "the Cabinet Member for Housing", "the Prime Minister"."""
        if j >= end:
            return None
        for k in range(min(end, j + _LONGEST_ROLE), j, -1) if plain(words[j].text)[:3] in self._openers else ():
            heard, possessive = run_together(words[j:k])
            if fits := self._ranks.get(heard):
                portfolio = portfolio_end(words, k, end) if heard in self._short else k
                other = portfolio > k or (j > 0 and plain(words[j - 1].text) in _OF_OTHERS)
                return Mention(i, portfolio, {} if other else dict(fits), possessive, form="role")
        if plain(words[j].text) == "member" and (k := portfolio_end(words, j + 1, end)) > j + 1:
            return Mention(i, k, {}, False, form="role")
        return None

    def _mishear(self, heard: str) -> dict[str, float]:
        if heard not in self._misheard:
            fits = {k.id: max((likeness(heard, n) for n in (k.surname, *k.full)), default=0.0) for k in self._known}
            best = max(fits.values(), default=0.0)
            near = {p: fit for p, fit in fits.items() if fit and fit >= best - 0.1}
            self._misheard[heard] = near and dict.fromkeys(self._sounding(heard), best) | near
        return self._misheard[heard]

    def _read_as(self, heard: str) -> dict[str, float]:
        """Whom a name means as it is written; less so, whoever has another that sounds the same: a recogniser writes
        Rees for Reece."""
        if heard in self._exact and heard not in self._alike:
            exact = self._exact[heard]
            alike = dict.fromkeys(self._sounding(heard), HOMOPHONE) if max(exact.values()) < FULL else {}
            self._alike[heard] = alike | exact
        return self._alike.get(heard, {})

    def _sounding(self, heard: str) -> list[str]:
        """Everybody whose surname or first name sounds as this: whose is spelled most like it is no likelier."""
        return [k.id for k in self._known for n in (k.surname, k.first) if n and _sounds_as(heard, n)]

    def _of_kind(self, fits: Mapping[str, float], titles: Sequence[str]) -> dict[str, float]:
        """Without those whom the spoken title rules out: no superintendent is called Councillor; and "Mrs Holm" is
        hardly ever Councillor Holm, but somebody from outside."""
        spoken = "member" if MEMBER & set(titles) else "police" if POLICE & set(titles) else ""
        outside = self._councillors if CIVIL & set(titles) and not spoken else ()
        found = {p: fit for p, fit in fits.items() if not spoken or self._kinds[p] in ("", spoken)}
        return {p: min(fit, OUTSIDE) if p in outside else fit for p, fit in found.items()}


def _sounds_as(heard: str, name: str) -> bool:
    return closeness(heard, name, SAME_SOUND) >= SAME_SOUND


def _joined(before: Mention | None, found: Mention) -> Mention | None:
    """A role and a name, or two names, side by side that are one person: "the Member for Mill, Ms Raman"."""
    if before is None or before.end != found.first or before.possessive:
        return None
    both = {p: 1 - (1 - fit) * (1 - found.fits[p]) for p, fit in before.fits.items() if p in found.fits}
    names = before.form != "role" and found.form != "role"
    if not both and (names or (before.fits and found.fits)):
        return None
    form = found.form if before.form == found.form else "both"
    return Mention(before.first, found.end, both or before.fits or found.fits, found.possessive, form)
