"""What an article quotes: every quoted passage, and whom the article gives it to.

Quotation marks are curly, straight or British single ones, nested, broken by "he said", or opened anew with each
paragraph.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from search.articles import BREAK, GAP, Paragraph
from transcribe.problem import Problem
from transcribe.records import Record
from transcribe.spoken import TITLES, is_full_stop

MOST_PASSAGES = 2_000
MOST_MARKS = 200  # among which the one that closes a quotation is looked for
NEAR_LETTERS = 300  # of the text beside a quotation, in which it is said whose it is


class Passage(Record):
    """A quoted passage: its words, with BREAK and GAP where it is broken, the paragraph that it begins in (from 1), and
    whom the article says it is by, as written ("" where it does not say)."""

    text: str
    paragraph: int
    said_by: str = ""
    closed: bool = True  # False where a quotation mark is opened and never closed

    @property
    def shown(self) -> str:
        return " ".join(self.text.replace(BREAK, " ").replace(GAP, " … ").split())


# -- quotation marks ------------------------------------------------------------------------------


class _Mark(NamedTuple):
    at: int
    opens: bool
    kind: str  # double, single


class _Piece(NamedTuple):
    start: int  # of the opening mark
    end: int  # behind the closing one
    text: str
    kind: str
    closed: bool


_DOUBLE, _SINGLE = '“”„‟"«»＂', "‘’‚‛'`＇"
_OPENING_ONLY, _CLOSING_ONLY = "“„«‘‚", "”»"
_AROUND = " \u00a0([{—–-/"


def _marks(text: str) -> Iterator[_Mark]:
    """Quotation marks with what they do; apostrophes are none."""
    for at, character in enumerate(text):
        if character not in _DOUBLE and character not in _SINGLE:
            continue
        before, after = text[at - 1 : at] if at else " ", text[at + 1 : at + 2] or " "
        outer = before in _AROUND or before in _DOUBLE or before in _SINGLE
        if character in _DOUBLE:
            opens = character in _OPENING_ONLY or (character not in _CLOSING_ONLY and outer and not after.isspace())
            yield _Mark(at, opens, "double")
        elif outer and not after.isspace() and character != "’":
            if not _is_clipped(text, at):
                yield _Mark(at, True, "single")
        elif not before.isspace() and not after.isalnum():
            yield _Mark(at, False, "single")


def _is_clipped(text: str, at: int) -> bool:
    """Whether what looks like an opening mark stands for letters: '90s, 'em, 'til."""
    return bool(re.match(r"['‘`](?:\d0s|em|til|cause|tis|twas|n)\b", text[at : at + 8], re.I))


def _pieces(text: str) -> list[_Piece]:
    """The quotations of a paragraph, outermost only."""
    pieces: list[_Piece] = []
    marks = list(_marks(text))
    i = 0
    while i < len(marks):
        first = marks[i]
        if not first.opens:
            i += 1
            continue
        end = _closing(text, marks, i)
        if end is None:
            if first.kind == "double":
                pieces.append(_Piece(first.at, len(text), text[first.at + 1 :], "double", False))
                break
            if first.at > 0 or any(m.opens and m.kind == "single" for m in marks[1:MOST_MARKS]):  # an apostrophe
                i += 1
                continue
            pieces.append(_Piece(0, len(text), text[1:], "single", False))
            break
        pieces.append(_Piece(first.at, marks[end].at + 1, text[first.at + 1 : marks[end].at], first.kind, True))
        i = end + 1
    return pieces


def _closing(text: str, marks: Sequence[_Mark], i: int) -> int | None:
    """The number of the mark that closes the one at `i`: of its kind, not a plural's apostrophe nor one inside."""
    kind, depth = marks[i].kind, 0
    for k in range(i + 1, min(len(marks), i + MOST_MARKS)):
        mark = marks[k]
        if mark.kind != kind:
            continue
        if mark.opens:
            if text[mark.at] in _OPENING_ONLY:
                depth += 1
            continue
        if depth:
            depth -= 1
            continue
        if kind == "single" and _is_plural(text, mark.at) and _closes_later(marks, k):
            continue
        return k
    return None


def _is_plural(text: str, at: int) -> bool:
    return text[at - 1 : at].lower() == "s" and bool(re.match(r"['’`＇] [a-z]", text[at : at + 3]))


def _closes_later(marks: Sequence[_Mark], k: int) -> bool:
    following = next((m for m in marks[k + 1 : k + MOST_MARKS] if m.kind == "single"), None)
    return following is not None and not following.opens


# -- passages -------------------------------------------------------------------------------------

_SAID = (
    r"(?:said|says|told|tells|added|adds|asked|asks|replied|replies|answered|argued|argues|claimed|claims|warned|warns|"
    r"insisted|insists|explained|explains|recalled|responded|stated|states|continued|concluded|admitted|conceded|"
    r"declared|remarked|commented|noted|agreed|stressed|pointed out|went on)"
)
_RANKS = "|".join(sorted((t for t in TITLES), key=len, reverse=True))
_TITLE = rf"(?:(?i:{_RANKS}|supt|insp|ch|det|chief|assistant|deputy)\.?)"
_NAME_WORD = r"(?:[A-Z]\.|[A-Z][\w’'-]*)"
_NAME = rf"(?:(?:{_TITLE}\s+){{0,3}}{_NAME_WORD}(?:\s+(?:(?:de|da|van|von|der|al|bin|ni|le)\s+)?{_NAME_WORD}){{0,4}})"
_ROLE = (
    r"(?:the\s+(?:(?:panel|committee|meeting)(?:’s|'s)?\s+)?[a-z]*\s?"
    r"(?:chair\w*|superintendent|mayor|leader|officer))"
)
_WHO = rf"(?P<who>{_NAME}|{_ROLE}|\b(?:he|she|they)\b)"
_AFTER = (
    re.compile(rf"^[\s,—–-]*{_SAID}\s+{_WHO}"),
    re.compile(
        rf"^[\s,—–-]*(?i:as\s+)?{_WHO}(?:,[^.“”\"]{{0,120}},|\s+\([^)]{{0,60}}\))?\s+(?:\w+ly\s+)?(?:has\s+|had\s+)?{_SAID}\b"
    ),
    re.compile(rf"^\s*[—–-]+\s*{_WHO}"),
    re.compile(rf"^[\s,—–-]*(?i:according to)\s+{_WHO}"),
)
_BEFORE = (
    re.compile(
        rf"{_WHO}(?:,[^.“”\"]{{0,120}},|\s+\([^)]{{0,60}}\))?\s+(?:\w+ly\s+)?(?:has\s+|had\s+)?{_SAID}\b[^.?!“”\"]{{0,100}}[:,]?\s*$"
    ),
    re.compile(rf"(?i:according to)\s+{_WHO}[^.?!“”\"]{{0,60}}$"),
    re.compile(rf"\b{_SAID}\s+{_WHO}\s*:\s*$"),
    re.compile(rf"^{_WHO}\s*:\s*$"),
)
_FULL = (*".?!…",)  # what ends a sentence
_PRONOUNS = frozenset({"he", "she", "they"})
_NO_NAMES = frozenset({"The", "But", "And", "A", "In", "It", "Then", "I", "This", "That", "As", "When", "While", "On"})


def passages(paragraphs: Sequence[Paragraph]) -> tuple[Passage, ...]:
    """What an article quotes, in order; at most MOST_PASSAGES. Raises Problem where there are more."""
    found: list[Passage] = []
    open_kind = ""  # of a quotation that runs on into this paragraph
    last_said = ""
    for number, paragraph in enumerate(paragraphs, 1):
        text = paragraph.text
        pieces = _pieces(text)
        whole = paragraph.quoted and not (len(pieces) == 1 and pieces[0].start == 0 and pieces[0].end >= len(text) - 1)
        if whole:
            by, tail = _signed(text)
            pieces = [_Piece(0, len(text) - len(tail), text[: len(text) - len(tail)], "", True)]
            last_said = by or last_said
        runs_on = bool(open_kind) and bool(pieces) and pieces[0].start == 0 and pieces[0].kind == open_kind
        open_kind = ""
        groups = _grouped(text, pieces)
        for n, group in enumerate(groups):
            before = text[groups[n - 1][-1].end if n else 0 : group[0].start]
            after = text[group[-1].end : groups[n + 1][0].start if n + 1 < len(groups) else None]
            between = [text[a.end : b.start] for a, b in pairwise(group)]
            near = [part[:NEAR_LETTERS] for part in (*between, after)]
            ended = _end(group) in (*".?!,…", "") or not group[-1].closed
            carried = last_said if ended or whole else ""  # words in the middle of a sentence begin no speech
            ends = [_end(other) for other in groups[max(0, n - 1) : n + 1]]
            said_by = _attribution(
                before[-NEAR_LETTERS:], near, last_said, carried, ends=ends, leads_on=n + 1 < len(groups)
            )
            if runs_on and n == 0 and found:
                joined = found[-1]
                said_by = joined.said_by or said_by
                found[-1] = Passage(
                    text=f"{joined.text}{BREAK}{BREAK.join(p.text for p in group)}",
                    paragraph=joined.paragraph,
                    said_by=said_by,
                    closed=group[-1].closed,
                )
            else:
                words = BREAK.join(_left_out(p.text) for p in group)
                if any(c.isalnum() for c in words):
                    found.append(Passage(text=words, paragraph=number, said_by=said_by, closed=group[-1].closed))
            last_said = said_by or last_said
            if not group[-1].closed:
                open_kind = group[-1].kind
        if not pieces and (named := _named_in(text)):
            last_said = named
        if len(found) > MOST_PASSAGES:
            raise Problem(f"more than {MOST_PASSAGES:,} quoted passages", fix="cut the article into parts")
    return tuple(found)


def _left_out(text: str) -> str:
    """A GAP for an ellipsis, also in brackets."""
    return re.sub(r"[\[(]\s*(?:…|\.\s?\.\s?\.)\s*[\])]|…|\.\s?\.\s?\.(?:\s?\.)?", GAP, text)


def _grouped(text: str, pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Pieces that an interruption in the middle of a sentence parts are one passage."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        last = groups[-1][-1] if groups else None
        if last and last.kind == piece.kind and _interrupts(last.text, text[last.end : piece.start]):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _interrupts(text: str, between: str) -> bool:
    goes_on = text.rstrip()[-1:] in (",", "—", "–", "-") or between.lstrip()[:1] in (",", "—", "–")
    ends = between.rstrip()[-1:] in (",", "—", "–", "-", ":")
    if not (goes_on and ends and len(between.split()) <= 25 and re.search(rf"\b{_SAID}\b", between)):
        return False
    # "…," she said. He added: "…": another sentence leads on to another quotation.
    return not any(is_full_stop(word) or word[-1] in "?!" for word in re.findall(r"\S+[.?!](?=\s+[A-Z])", between))


def _signed(text: str) -> tuple[str, str]:
    """Who signs a quotation that is set off, and that end of it: "— Cllr Okafor"."""
    found = re.search(rf"\s[—–-]{{1,2}}\s*{_WHO}(?:,[^.]{{0,80}})?\.?$", text)
    return (_cleaned(found["who"]), found[0]) if found else ("", "")


def _end(group: Sequence[_Piece]) -> str:
    """The last character of a passage."""
    return group[-1].text.rstrip()[-1:]


def _attribution(
    before: str, near: Sequence[str], last: str, carried: str, *, ends: Sequence[str], leads_on: bool
) -> str:
    """Whom the article gives a passage to, from the words around it: `near` are those inside and after it. `carried`
    where these don't say. `ends` are the last characters of the passage and, where there is one, of that before."""
    *between, after = near
    inside = next(filter(None, (_named_after(text) for text in between)), "")
    follows = _named_after(after, ends[-1], leads_on=leads_on)
    sentence = re.split(r"(?<=[.?!])\s+(?=[A-Z])", before)[-1]
    leads = next((found["who"] for pattern in _BEFORE if (found := pattern.search(sentence))), "")
    if who := inside or (leads or follows if ends[-1] in _FULL else follows or leads):
        return _resolved(who, last)
    said = len(ends) > 1 and len(before.split()) <= 25 and _named_after(before, ends[0], leads_on=True)
    return carried if said or not any(c.isalnum() for c in before) else ""


def _named_after(text: str, end: str = "", *, leads_on: bool = False) -> str:
    """Whom words behind a passage say it is by: "… none," said Cllr Okafor. Behind a whole sentence (`end` is its last
    character) they may begin another, which leads on to the next quotation: "… none." Cllr Okafor said: "…"."""
    found = next(filter(None, (pattern.match(text) for pattern in _AFTER)), None)
    if not found:
        return ""
    if end in _FULL and text.lstrip()[:1].isupper():
        rest = text[found.end() :]
        if end in "?!":
            is_over = not leads_on or bool(re.search(r"[.?!;]", rest))
        else:
            is_over = bool(re.match(r"\s*[.;]", rest)) or (not leads_on and not rest.strip())
        if not is_over or rest.rstrip().endswith(":"):
            return ""
    return found["who"]


def _named_in(text: str) -> str:
    """Whom a paragraph that leads on to a quotation names as speaking: "Cllr Okafor said:"."""
    for pattern in _BEFORE:
        if text.rstrip().endswith(":") and (found := pattern.search(text)):
            return _cleaned(found["who"])
    return ""


def _resolved(who: str, last: str) -> str:
    return last if who.lower() in _PRONOUNS else _cleaned(who)


def _cleaned(who: str) -> str:
    parts = who.split()
    while parts and parts[0] in _NO_NAMES:
        parts = parts[1:]
    return " ".join(parts).removesuffix("’s").removesuffix("'s")
