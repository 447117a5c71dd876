"""British spelling for British meetings: recognisers write "color" and "organize" whatever they hear.

Only words that Britain never spells so are changed, word by word from a kept list (`transcribe.english`): "program",
"practice", "license" and "meter" are words there, too, and stay. What was written is kept in `Word.original`.
"""

import re
from collections.abc import Collection, Sequence

import msgspec

from transcribe import english
from transcribe.records import Meeting, Word, is_english
from transcribe.spoken import TITLES, plain

CHANGE = "spelling"
_BRITISH_TIME = ("Europe/London", "Europe/Belfast", "Europe/Jersey", "Europe/Guernsey", "Europe/Isle_of_Man")
_NOT_PLAIN = re.compile(r"[@/#_\d\u0300-\u036f]|\w\.\w|[^\W\x00-\x7f]")  # addresses, tags, figures, foreign letters

_ABBREVIATED = frozenset({"mr", "mrs", "ms", "mx", "dr", "prof", "rev", "cllr", "st"})


def is_british(meeting: Meeting, language: str) -> bool:
    """Whether a meeting's English is British: its language says so, or names no country and its clock is British.

    `language` is what was heard, where `meeting.toml` does not say.
    """
    english = [tag for tag in (meeting.language or language, *meeting.other_languages) if is_english(tag)]
    country = english[0].lower().replace("_", "-").partition("-")[2] if english else ""
    return bool(english) and (country == "gb" if country else meeting.timezone in _BRITISH_TIME)


def respelled(words: Sequence[Word], names: Collection[str] = ()) -> tuple[Word, ...]:
    """Words in British spelling; those that were changed before stay.

    A capital inside a sentence is a name's or a title's ("Pearl Harbor", "the Department of Defense"), and so is one at
    its start where the word is among `names`; only "Councilor" is neither. Addresses, tags and words with figures or
    foreign letters stay, too.

    >>> [w.text for w in respelled([Word(text="Color-coded,", timing="none")])]
    ['Colour-coded,']
    """
    table = english.british()
    kept = {plain(part) for name in names for part in name.split()}

    def is_name(text: str, opens: bool) -> bool:
        if not text[0].isupper() or text.lower() in TITLES:
            return False
        return not opens or plain(text) in kept or english.is_name(text)

    def one(text: str, opens: bool) -> str:
        new = table.get(text.lower())
        if new is None or is_name(text, opens):
            return text
        return new.upper() if text.isupper() else new[0].upper() + new[1:] if text[0].isupper() else new

    out, opens = [], True
    for word in words:
        text = word.text
        if not (word.change or _NOT_PLAIN.search(text)):
            text = "".join(one(part, opens) if part.isalpha() else part for part in re.split("([A-Za-z]+)", text))
        out.append(
            word if text == word.text else msgspec.structs.replace(word, text=text, original=word.text, change=CHANGE)
        )
        opens = _ends(word.text)
    return tuple(out)


def _ends(text: str) -> bool:
    """Whether a sentence ends with this word; "Mr." and "J." end none."""
    bare = text.rstrip("\"'”’)")
    return bare.endswith(("?", "!", "…")) or (
        bare.endswith(".") and len(plain(bare)) > 1 and plain(bare) not in _ABBREVIATED
    )
