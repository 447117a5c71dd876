"""How a spelled name may sound, and how alike two names sound.

Recognisers write down a name that they do not know by its sound, in English spelling, and the name itself may come
from any language: so a letter stands for all the sounds that it may mean ("j" as in Joe, Jónas, Juan or Anjou), and
two names are as far apart as it costs to turn the sounds of one into those of the other. Sounds that are easily
confused cost little, vowels less than consonants.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from transcribe.spoken import plain

# Spelling -> sounds in a row, each a choice of those that it may mean. C is "ch", J "j", S "sh", Z "zh", T "th". In
# spelling ^ is the start and $ the end; + and a letter: read on from that letter.
_SPELLED = {
    "tsch": "C", "sch": "S", "tch": "C", "sz": "Ss", "cz": "C", "rz": "ZSr", "zh": "Z", "sh": "S", "ch": "CkS",
    "ch$": "CkSh", "ck": "k", "kh": "k", "gh": "gh", "dh": "d", "bh": "bv", "mh": "mv", "^th": "tT", "th": "tTh",
    "dd": "dT", "ph": "f", "wh": "w", "qu": "k w", "qv": "k v", "q": "kC", "dj": "J", "dg": "J", "dz": "zJ", "kn": "n",
    "wr": "r", "ng": "n", "gn": "n", "x": "kSC s", "w": "wv", "j": "JyZh", "c": "k", "g": "g", "s": "sz", "v": "vw",
    "z": "zs", "ce": "skC +e", "ci": "skC +i", "cy": "skC +y", "ge": "gJ +e", "gi": "gJ +i", "gy": "gJ +y",
    "ç": "Cs", "ć": "C", "č": "C", "ş": "S", "š": "S", "ś": "S", "ğ": "hg", "ł": "wl", "ż": "ZS", "ź": "Z", "ž": "Z",
    "ñ": "n y", "^": "",
}  # fmt: skip
_VOWELS = {"a": "a", "e": "e", "i": "e", "y": "e", "o": "o", "u": "o"}

_CONFUSED = (
    (0.2, "pb td kg fv sz SZ CJ wv ao eo ae tT dT"),
    (0.4, "sS sC SC zJ zZ JZ sT fT zT JS CZ mn vb kh gh Jy dJ tC kC"),
    (0.5, "lr wr lw lo ro re ra wo ye gJ yh ho la le"),
)
_SWAP = {pair: cost for cost, pairs in _CONFUSED for p in pairs.split() for pair in (p, p[::-1])}
OPENING = 0.4  # more for a sound at the very start that the other lacks
_DROP = {"a": 0.3, "e": 0.3, "o": 0.3, "h": 0.15, "y": 0.35, "w": 0.35, "r": 0.4, "t": 0.65, "d": 0.65}
_WEIGHT = {"a": 0.4, "e": 0.4, "o": 0.4, "h": 0.3, "y": 0.5, "w": 0.6}
_CLASS = str.maketrans("bdTgfvzSZCJ", "pttkffsssss")  # for `keys`, on top of what is dropped there


@lru_cache(maxsize=100_000)
def phones(name: str) -> tuple[str, ...]:
    """The sounds of a name, one after the other, each a string of those that it may be.

    >>> phones("Quayle"), phones("Wójcik")
    (('k', 'w', 'ae', 'l', 'e'), ('wv', 'o', 'JyZh', 'skC', 'e', 'k'))
    """
    spelled = unicodedata.normalize("NFC", name.casefold())
    letters = f"^{''.join(c if c in _SPELLED else plain(c) for c in spelled)}$"
    out: list[str] = []
    i = 0
    while i < len(letters) - 1:
        j = i
        while letters[j] in _VOWELS:
            j += 1
        if j > i:
            if letters[i] == "y" and j - i > 1:
                out.append("y")
                i += 1
            out.append("".join(dict.fromkeys(_VOWELS[c] for c in letters[i:j])))
            i = j
            continue
        size = next(n for n in (4, 3, 2, 1) if n == 1 or letters[i : i + n] in _SPELLED)
        read = _SPELLED.get(letters[i : i + size], letters[i]).split()
        out += [sound for sound in read if sound[0] != "+"]
        i += size - any(sound[0] == "+" for sound in read)
        while size == 1 and letters[i : i + 1] == letters[i - 1]:
            i += 1  # "tt" is one sound
    return tuple(out)


@lru_cache(maxsize=100_000)
def closeness(heard: str, name: str, least: float = 0.0) -> float:
    """How alike two names sound: 1 is the same, and 0 nothing in common, or less than `least`.

    >>> round(closeness("Nawosu", "Nwosu"), 2), round(closeness("Lynn Quist", "Lindqvist"), 2)
    (0.92, 0.89)
    """
    a, b = phones(heard), phones(name)
    heavier = max(sum(map(_weight, a)), sum(map(_weight, b)))
    most = (1 - least) * heavier
    distance = _distance(a, b, most)
    return 1 - distance / heavier if distance < most else 0.0


def weight(name: str) -> float:
    """How much there is to recognise in a name: about its number of consonants."""
    return sum(map(_weight, phones(name)))


def keys(name: str) -> Iterator[str]:
    """Keys of a name: two names that sound rather alike share at least one.

    A key is the name's consonants in broad classes, whole and with one of them left out (of long names, two).
    """
    choices = []
    for i, sound in enumerate(phones(name)):
        # Of what opens the name a vowel counts, of all else only what nearly every recogniser gets.
        broad = dict.fromkeys(c.translate(_CLASS) for c in sound)
        if i:
            broad = dict.fromkeys("" if c in "aeohywr" else c for c in broad)
        else:
            broad = dict.fromkeys({"w": "f", "e": "a", "o": "a", "h": "", "y": "a"}.get(c, c) for c in broad)
        choices.append(list(broad)[:2])
    for whole in list(dict.fromkeys("".join(c) for c in _few(choices))):
        yield whole
        for i in range(len(whole) if len(whole) > 2 else 0):
            without = whole[:i] + whole[i + 1 :]
            yield without
            if len(whole) > 5:
                yield from (without[:j] + without[j + 1 :] for j in range(i, len(without)))


def _few(choices: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """Combinations of choices, of the first three sounds that leave one."""
    open_ = 0
    kept = []
    for c in choices:
        open_ += len(c) > 1
        kept.append(c if open_ <= 3 else c[:1])
    return product(*kept)


def _distance(a: tuple[str, ...], b: tuple[str, ...], most: float) -> float:
    """The least cost of turning one row of sounds into the other, or at least `most` where it is that much. How a name
    begins is rarely misheard."""
    row = [0.0]
    for y in b:
        row.append(row[-1] + _drop(y) + (OPENING if len(row) == 1 else 0))
    for i, x in enumerate(a):
        above, row = row, [row[0] + _drop(x) + (0 if i else OPENING)]
        for j, y in enumerate(b):
            swap = _swap(x, y) * (1 if i or j else 1.5)
            row.append(min(above[j] + swap, above[j + 1] + _drop(x), row[-1] + _drop(y)))
        if min(row) >= most:
            return most
    return row[-1]


@lru_cache(maxsize=10_000)
def _swap(a: str, b: str) -> float:
    def cost(x: str, y: str) -> float:
        return 0.0 if x == y else _SWAP.get(x + y, 1.2 if (x in "aeo") != (y in "aeo") else 1.0)

    return min(cost(x, y) for x in a for y in b)


@lru_cache(maxsize=1_000)
def _drop(sound: str) -> float:
    return min(_DROP.get(c, 0.8) for c in sound)


@lru_cache(maxsize=1_000)
def _weight(sound: str) -> float:
    return min(_WEIGHT.get(c, 1.0) for c in sound)
