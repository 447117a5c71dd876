"""A name of the topic that the recogniser wrote down by its sound: "facial recondition", "face wreck ignition"."""

from collections.abc import Sequence
from functools import lru_cache

from analyse.cues import Token
from transcribe.phones import closeness, phones

ALIKE = 0.88  # "facial recondition" is .94 like "facial recognition", "facial condition" .87
FIRST_ALIKE = 0.75
MORE_WORDS = 2  # one long word is often heard as two or three


def find(text: Sequence[Token], names: tuple[str, ...]) -> tuple[int, int] | None:
    """The first tokens `[first, end)` that sound like one of the names; None where nothing does."""
    for at, token in enumerate(text):
        for name in _begun(token.text, names):
            n_words = name.count(" ") + 1
            for n in range(n_words, n_words + MORE_WORDS + 1):
                heard = "".join(t.text for t in text[at : at + n])
                if heard.isalpha() and closeness(heard, name.replace(" ", ""), ALIKE) >= ALIKE:
                    return at, at + n
    return None


@lru_cache(maxsize=50_000)
def _begun(word: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names that this word may be the beginning of."""
    return tuple(n for n in names if _alike(word, n.split()[0]))


def _alike(word: str, first: str) -> bool:
    begins_alike = phones(word[:3])[:1] == phones(first[:3])[:1]  # few beginnings, many words
    return begins_alike and closeness(word, first) >= FIRST_ALIKE
