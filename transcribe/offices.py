"""Offices: what those who hold one are called, and which of them is in the chair."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from transcribe.records import Word
from transcribe.spoken import CHAIR, plain, word_set

# What a rank is called by its letters, and offices that are called by their last word.
LETTERS = {
    "assistantchiefconstable": "acc",
    "deputychiefconstable": "dcc",
    "detectivechiefinspector": "dci",
    "policeandcrimecommissioner": "pcc",
    "deputypoliceandcrimecommissioner": "dpcc",
}
CALLED_ALONE = word_set(
    "commissioner commander ombudsman auditor coroner clerk solicitor treasurer leader mayor provost"
)
_IN_A_FIELD = word_set("officer manager adviser advisor engineer lead consultant")
_LONGEST_FIELD = 4  # words
_RANKS = word_set("principal senior chief lead strategic interim acting")
_OF_SOME = word_set("group opposition party labour conservative democrat democrats green independent")
_UNDER = word_set("deputy assistant vice shadow acting associate junior former")

_TOO_COMMON = frozenset(
    ["councillor", "member", "head", "officer", "resident", "witness", "public", "councilmember", "mp", "am", "ms"]
)
_OFFICES = re.compile(
    r"; ?|(?: and|,) (?=(?:deputy |shadow |cabinet |lead )?(?:minister|member|leader|chair)(?! of (?:staff|public)))"
)
_TO_CHAIR = frozenset(["mr", "mister", "mrs", "madam", "madame", "lord", "lady"])
_POLITE = frozenset(["thank", "thanks", "grateful", "through", "obliged", "evening", "morning", "afternoon", "yes"])
_CHAIR_TITLES = frozenset(["mayor", "mayoress", "provost", "speaker", "president", "leader"])
_CHAIR = r"(?:acting |interim |independent |joint |co-)?(?:chair(?:man|woman|person)?|convenor|convener)"
_CHAIRS = re.compile(
    rf"^{_CHAIR}$|^(?:council president|president of the council|presiding member|presiding officer|speaker)$"
)
_CHAIRS_OF = re.compile(rf"^{_CHAIR}(?: ?[,(–-].*| .*(?:committee|panel|council|commission|scrutiny|meeting|board)$)")
_CLERKS = re.compile(
    r"\b(?:clerk|democratic (?:services|support)|committee (?:services|support|officer|manager|administrator|secretary)"
    r"|governance (?:officer|manager|support)|scrutiny (?:officer|manager)|secretariat)\b"
)
_CALLERS = re.compile(r"\b(?:chief executive|monitoring officer|legal|solicitor)\b")
_DEPUTIES = re.compile(r"^(?:vice|deputy)[ -]?(?:chair(?:man|woman|person)?|convenor|convener)\b")


class Presiding(NamedTuple):
    """The people who may be in the chair, and by which titles, other than "Chair", they are spoken to."""

    people: frozenset[str]
    titles: frozenset[str]


def presiding(roles: Mapping[str, str], present: Collection[str]) -> Presiding:
    """Who is in the chair, by the role that each person (id) has: a deputy only where the chair is known to be away."""
    holders = _holders(roles, _CHAIRS) or _holders(roles, _CHAIRS_OF)
    people = holders & {*present} or (_holders(roles, _DEPUTIES) & {*present} if holders else frozenset())
    return Presiding(people, _CHAIR_TITLES & {word for p in people for word in roles[p].lower().split()})


def addressed(words: Sequence[Word], roles: Mapping[str, str], fewest: int) -> Presiding | None:
    """Who presides over a meeting in which nearly everybody, and at least this many voices, says "Thank you, Leader" or
    "Madam Mayor", and not "Thank you, Chair"."""
    voices: dict[str, set[str]] = {"chair": set()}
    for i, word in enumerate(words):
        title = "chair" if plain(word.text) in CHAIR else plain(word.text)
        if title in _CHAIR_TITLES | {"chair"} and word.speaker and is_spoken_to(words, i, 0):
            before = {plain(w.text) for w in words[max(0, i - 4) : i] if w.speaker == word.speaker}
            if before & _POLITE:
                voices.setdefault(title, set()).add(word.speaker)
    title = max(voices, key=lambda t: len(voices[t]))
    if title == "chair" or len(voices[title]) < fewest:
        return None
    office = re.compile(rf"^(?:the )?(?:worshipful |lord |lady |civic |council )*{title}(?: of (?!.*opposition).*)?$")
    people = _holders(roles, office)
    return Presiding(people, frozenset((title,))) if people else None


def clerks(roles: Mapping[str, str]) -> frozenset[str]:
    """Who may be the meeting's clerk; where nobody has that office, whoever else may call a roll."""
    return _holders(roles, _CLERKS) or _holders(roles, _CALLERS)


def is_spoken_to(words: Sequence[Word], i: int, first: int) -> bool:
    """Whether word `i`, a title, is said to whoever holds it: "Madam Mayor", "Thank you, Leader."."""
    if i <= first:
        return False
    before = words[i - 1]
    return plain(before.text) in _TO_CHAIR or (before.text[-1] == "," and words[i].text[-1] in ".,?!")


def _holders(roles: Mapping[str, str], office: re.Pattern[str]) -> frozenset[str]:
    return frozenset(p for p, role in roles.items() if any(map(office.search, role.lower().split("; "))))


def roles(role: str) -> tuple[set[str], set[str]]:
    """What somebody with this role is called, plain: each of several offices, whole; and short, up to "for" or "of".

    >>> whole, short = roles("Deputy Leader and Cabinet Member for Parks")
    >>> sorted(whole), short
    (['cabinetmemberforparks', 'deputyleader', 'deputyleaderandcabinetmemberforparks', 'parkscabinetmember',
      'parksscabinetmember'], {'cabinetmember'})
    """
    whole: set[str] = {role.lower()}
    short: set[str] = set()
    for part in _OFFICES.split(role.lower()):
        office = re.sub(r" ?[(].*", "", part)
        words = office.partition(",")[0].split()
        cut = next((i for i, w in enumerate(words) if w in ("for", "of", "on", "to")), len(words))
        title, about = words[:cut], words[cut + 1 :]
        whole |= {office, *_called(words)}
        whose = [w for w in about if w not in ("the", "group", "party")]
        if not about:
            whole |= _called(title)
        elif title != ["leader"] or not _OF_SOME & {*about}:  # "the Leader" is the council's
            short |= _called(title)
        if title and whose and len(about) < _LONGEST_FIELD:
            whole |= {" ".join([*about, *title]), " ".join([*whose, *title]), " ".join(whose) + "s " + " ".join(title)}
    whole, short = _plain_offices(whole), _plain_offices(short)
    return whole | {LETTERS[office] for office in (whole | short) & LETTERS.keys()}, short


def fields(role: str) -> set[str]:
    """What somebody with this role may be called upon as when a chair goes through the reports, plain: "Footpaths?"

    >>> sorted(fields("Parish councillor, footpaths")), sorted(fields("Highways Officer")), fields("Cabinet Member")
    (['footpaths'], ['highways'], set())
    """
    found = {"police"} & {*role.lower().replace(",", " ").split()}
    for part in role.lower().split(";"):
        office, *rest = re.sub(r" ?[(].*", "", part).split(",")
        words = office.split()[office.partition(" ")[0] in _RANKS :]
        cut = next((i for i, w in enumerate(words) if w in ("for", "of", "on")), len(words))
        found |= {" ".join(w for w in words[cut + 1 :] if w != "the"), *rest}
        if words[1:cut] and words[cut - 1] in _IN_A_FIELD:
            found.add(" ".join(words[: cut - 1]))
    return {p for f in found if 0 < len(f.split()) < _LONGEST_FIELD and "ward" not in f.split() and (p := plain(f))}


def _called(office: Sequence[str]) -> set[str]:
    """The Head of Parks and Leisure is called the Head of Parks as well, but nobody the Police of Police and Crime; the
    Parish Clerk the Clerk, and the Principal Highways Engineer the Highways Engineer."""
    first = office[: office.index("and")] if "and" in office else []
    alone = set() if _UNDER & {*office} else {words[-1] for words in (office, first) if words} & CALLED_ALONE
    ranked = [office[1:]] if len(office) > 2 and office[0] in _RANKS else []  # the Principal Highways Engineer
    return {" ".join(office), *alone, *(" ".join(words) for words in (first, *ranked) if len(words) > 1)}


def _plain_offices(names: Iterable[str]) -> set[str]:
    found = {p for n in names if (p := plain(n)) and p not in CHAIR | _TOO_COMMON}
    return found | {p.replace("adviser", "advisor") for p in found} | {p.replace("advisor", "adviser") for p in found}
