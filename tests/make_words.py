"""Make transcribe/english.txt.gz and transcribe/british.txt from SCOWL, the word lists behind many spelling checkers.

python tests/make_words.py FOLDER     a folder with SCOWL's lists, such as /usr/share/dict/scowl of Debian's `scowl`
"""

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[1] / "transcribe"
SIZES = (10, 20, 35, 40, 50, 55, 60)  # common to fairly rare; beyond that are words that hide misheard names
NAME_SIZES = (10, 20, 35, 40, 50)

# American -> British, tried on every word that only the American list has; kept where the British list has the result.
RULES = (
    ("or", "our"), ("er", "re"), ("iz", "is"), ("yz", "ys"), ("ens", "enc"), ("og", "ogue"), ("e", "ae"), ("e", "oe"),
    ("l", "ll"), ("ll", "l"), ("p", "pp"), ("m", "mme"), ("ay", "ey"), ("ow", "ough"), ("f", "ph"), ("ag", "age"),
    ("o", "ou"), ("ck", "que"), ("ac", "ec"), ("actic", "actis"), ("gm", "gem"), ("um", "ium"), ("a", "y"), ("i", "y"),
    ("z", "s"), ("ewelry", "ewellery"), ("airp", "aerop"), ("lty", "lity"), ("lties", "lities"), ("ered", "red"),
    ("ering", "ring"), ("oged", "ogued"), ("oging", "oguing"), ("ke", "ce"), ("euver", "oeuvre"),
    ("euvered", "oeuvred"), ("euvering", "oeuvring"), ("must", "moust"), ("gurt", "ghurt"), ("ifact", "efact"),
)  # fmt: skip
# Left alone: both are written in Britain, or a rule found another word.
EITHER = """judgment judgments acknowledgment acknowledgments inquiry inquiries learned dialog dialogs flier fliers ton
    tons mom moms mamma encyclopedia encyclopedias specialty specialties ambiance ambiances sheikh sheikhs
    costumier performative gibe gibed gibes gibing diked diking fayer mater maters cardie ecus mantes novene patine
    trabecule snowshed"""


def main(folder: str) -> None:
    def of(sizes: tuple[int, ...], *kinds: str) -> set[str]:
        paths = [Path(folder) / f"{kind}.{size}" for kind in kinds for size in sizes]
        lines = (line for p in paths if p.exists() for line in p.read_text("latin-1").split())
        return {w for w in lines if w.isascii() and not w.endswith("'s")}

    american, british = of(SIZES, "american-words"), of(SIZES, "british-words")
    both = of(SIZES, "english-words", "english-contractions")
    names = of(NAME_SIZES, "english-upper", "english-proper-names", "british-upper", "american-upper")
    known = american | british | both | of(SIZES, "british_z-words", "british_variant_1-words") | names
    (HERE / "english.txt.gz").write_bytes(gzip.compress("\n".join(sorted(known)).encode(), 9, mtime=0))
    pairs = []
    for word in sorted(american.difference(EITHER.split())):
        others = {other for other in _respelled(word) if other in british - american - both}
        if len(others) == 1:
            pairs.append(f"{word} {others.pop()}")
    (HERE / "british.txt").write_text("\n".join(pairs) + "\n")
    print(f"{len(known)} words, of them {len(names)} names; {len(pairs)} spelled otherwise in Britain")


def _respelled(word: str) -> Iterator[str]:
    for old, new in RULES:
        for found in re.finditer(old, word):
            yield word[: found.start()] + new + word[found.end() :]


if __name__ == "__main__":
    main(*sys.argv[1:])
