"""British spelling for British meetings: recognisers write "color" and "organize" whatever they hear.

Only words that Britain never spells so are changed, word by word from a kept list (`transcribe.english`): "program",
"practice", "license" and "meter" are words there, too, and stay. What was written is kept in `Word.original`.
"""

import re
from collections.abc import Collection, Sequence

import msgspec

from transcribe import english
from transcribe.records import Meeting, Word
from transcribe.spoken import plain

CHANGE = "spelling"
_BRITISH_TIME = ("Europe/London", "Europe/Belfast", "Europe/Jersey", "Europe/Guernsey", "Europe/Isle_of_Man")


def is_british(meeting: Meeting, language: str) -> bool:
    """Whether a meeting's English is British: its language says so, or names no country and its clock is British.

    `language` is what was heard, where `meeting.toml` does not say. Captions often name none and are taken for English.
    """
    code, _, country = (meeting.language or language).lower().replace("_", "-").partition("-")
    return code in ("en", "") and (country == "gb" if country else meeting.timezone in _BRITISH_TIME)


def respelled(words: Sequence[Word], names: Collection[str] = ()) -> tuple[Word, ...]:
    """Words in British spelling. Words that were changed before stay, and so do words of `names` with a capital.

    >>> [w.text for w in respelled([Word(text="Color-coded,", timing="none")])]
    ['Colour-coded,']
    """
    table = english.british()
    kept = {plain(part) for name in names for part in name.split()}

    def one(found: re.Match[str]) -> str:
        text = found[0]
        new = table.get(text.lower())
        if new is None or (text[0].isupper() and (plain(text) in kept or english.is_name(text))):
            return text
        return new.upper() if text.isupper() else new[0].upper() + new[1:] if text[0].isupper() else new

    out = []
    for word in words:
        text = word.text if word.change else re.sub(r"[A-Za-z]+", one, word.text)
        out.append(
            word if text == word.text else msgspec.structs.replace(word, text=text, original=word.text, change=CHANGE)
        )
    return tuple(out)
