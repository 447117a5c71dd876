"""`onrecord codes`: what is wrong with a codebook, on which line, and what cues find; and one on another subject."""

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analyse.codebook import Codebook, Fault, examine, load, shipped
from analyse.codebook_check import Said, doubts, matches
from analyse.cues import Finder, tokens
from analyse.rules import tag_text
from pipeline.cli import app
from search.quotes import read_parquet
from tests.house import captions, with_captions

BROKEN = """\
name = "Not a name"
version = 1

[topic]
name = "drones"
cues = ["~drone*"]

[[codes]]
code = "noise"
name = "Noise"
definition = ""
cues = ["loud", "(a+)+$"]

[[codes]]
code = "noise"
name = "Noise"
definition = "It is loud."
cues = [
    "hum",
    "n*",
]
colour = "red"
"""
DOUBTFUL = """\
name = "doubtful"
version = 1
[[codes]]
code = "noise"
name = "Noise"
definition = "It is loud."
cues = ["loud", "buzz*", "-Loud"]
hypothesis = "It is loud."
examples = ["It hums."]
[[codes]]
code = "din"
name = "noise"
definition = "It is very loud."
cues = ["buzz*"]
hypothesis = "it is loud."
[[codes]]
code = "smell"
name = "Smell"
definition = "It smells."
cues = []
"""


def lines(faults: list[Fault]) -> list[tuple[int, str]]:
    return [(f.line, f.what) for f in faults]


def readable(text: str) -> Codebook:
    book, faults = examine(text.encode())
    assert book is not None, faults
    return book


def test_all_that_is_wrong_is_said_with_its_line() -> None:
    book, faults = examine(BROKEN.encode())
    assert book is None
    expected = {1: "not a name", 6: "no cue names", 11: "definition is empty", 12: "(a+)+$"}
    expected |= {15: "is there twice", 20: "bad cue", 22: "colour"}  # one in a table hides no other of it
    assert sorted({f.line for f in faults}) == sorted(expected)
    for fault in faults:
        assert expected[fault.line] in fault.what
        assert fault.fix
    _, (fault,) = examine(BROKEN.replace("[topic]", "[topic").encode())
    assert fault.line == 4


def test_what_clashes_is_said_and_does_no_harm() -> None:
    found = lines(doubts(readable(DOUBTFUL), DOUBTFUL))
    assert [line for line, _ in found] == [7, 9, 12, 14, 15, 17]
    expected = ("never counts", "own example", "noise", "cue of noise", "loud", "neither")
    assert [part for (_, what), part in zip(found, expected, strict=True) if part not in what] == []


def test_the_codebooks_that_ship_are_beyond_doubt() -> None:
    for name in shipped():
        text = (Path(__file__).parent.parent / "analyse" / "codebooks" / f"{name}.toml").read_text("utf-8")
        serious = [f for f in doubts(load(name), text) if "cue of" not in f.what]
        assert serious == []


def test_what_cues_find() -> None:
    said = [
        Said(text="The loud, loud drone came by night.", address="m/0-9"),
        Said(text="It buzzed.", address="m/9-19"),
    ]
    by_cue = {(m.part, m.cue): m for m in matches(readable(DOUBTFUL), said, DOUBTFUL)}
    loud = by_cue["noise", "loud"]
    assert (loud.n, loud.line, loud.example, loud.address) == (2, 7, "The [loud,] loud drone came by night.", "m/0-9")
    assert by_cue["noise", "-Loud"].n == 2  # by itself, whatever it is for
    assert by_cue["din", "buzz*"].n == by_cue["noise", "buzz*"].n == 1


# -- hostile and odd -----------------------------------------------------------------------------------------


def many(n: int) -> str:
    codes = (f'[[codes]]\ncode="c{i}"\nname="N{i}"\ndefinition="d"\ncues=["word{i}"]\n' for i in range(n))
    return 'name="many"\nversion=1\n' + "".join(codes)


def test_ten_thousand_codes() -> None:
    began = time.process_time()
    book = readable(many(10_000))
    assert [t.code for t in tag_text("Here is word9999, and word17.", book).tags] == ["c17", "c9999"]
    assert doubts(book, many(10_000)) == []
    assert time.process_time() - began < 10
    assert examine(many(20_000).encode())[0] is None  # more than a codebook may have


@pytest.mark.parametrize(
    ("cue", "text"),
    [
        ("полици*", "Полиция никого не спросила."),
        ("निगरानी", "पुलिस की निगरानी बढ़ी है।"),
        ("مراقبة", "هذه مراقبة بلا إذن."),
        ("監視*", "監視カメラ"),
        ("überwach*", "Die U\u0308berwachung nimmt zu."),
    ],
)
def test_cues_in_other_scripts(cue: str, text: str) -> None:
    assert Finder([("x", cue)]).find(tokens(text.split()))


@pytest.mark.parametrize("text", ["", "Facial", " ".join(["facial recognition and nobody was told,"] * 850)])
def test_statements_of_any_length(text: str) -> None:
    began = time.process_time()
    assert tag_text(text, load("lfr-engagement")).topic.about == (len(text) > 20)
    assert time.process_time() - began < 5


# -- the verbs, and another subject --------------------------------------------------------------------------

REPAIRS = [
    ("Chair", "Thank you. We come to item four, the repairs service."),
    ("Tenant", "There is black mould in both bedrooms, and my daughter has been in hospital with her chest."),
    ("Neighbour", "I rang the repairs line four times. I have waited eleven weeks and nobody came."),
    ("Officer", "The contractor missed those appointments, and that is not good enough. We will inspect it by Friday."),
    ("Chair", "Thank you. Item five is the cycle lane on Cooper Street, and the library opening hours."),
    ("Officer", "The cycle lane will open in June, and the library will stay open on Saturdays."),
]


@pytest.fixture(scope="module")
def repairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A meeting about other matters, run with the other codebook that ships."""
    data = tmp_path_factory.mktemp("repairs")
    with_captions(data, "housing", toml='title = "Housing Panel"\n', vtt=captions(REPAIRS))
    done = CliRunner().invoke(app, ["run", "--jobs", "0", "--codebook", "housing-repairs", "--data", str(data)])
    assert done.exit_code == 0, done.output
    return data


def test_a_codebook_on_another_subject(repairs: Path) -> None:
    quotes = read_parquet(repairs / "processed" / "housing" / "quotes.parquet")
    assert not [q.text for q in quotes if q.topic and "cycle" in q.text]

    def turn(at_s: int) -> tuple[set[str], set[str | None]]:
        """Codes and stances of what was said in the ten seconds from there on."""
        said = [q for q in quotes if at_s * 1000 <= q.start_ms < (at_s + 10) * 1000]
        assert all(q.topic for q in said)
        return {c for q in said for c in q.codes}, {q.stance for q in said}

    assert turn(10)[0] >= {"damp_mould", "health"}
    assert turn(20)[0] >= {"waiting", "appointments", "reporting"}
    assert turn(30)[0] >= {"contractors", "appointments", "commitment"}
    assert "concerned" in turn(20)[1] & turn(30)[1]


def test_check_and_show(repairs: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    told = run(app, ["codes", "check", "housing-repairs", "--data", str(repairs)])
    assert told.exit_code == 0, told.output
    assert "[mould]" in told.stdout
    assert "housing/" in told.stdout
    found = json.loads(run(app, ["codes", "check", "housing-repairs", "--json", "--data", str(repairs)]).stdout)
    assert found["n_statements"] == 8
    broken = tmp_path / "broken.toml"
    broken.write_text(BROKEN, "utf-8")
    told = run(app, ["codes", "check", str(broken), "--data", str(repairs)])
    assert told.exit_code == 2
    assert "line 12: code noise, cues: bad cue" in told.stdout
    assert "Waiting" in run(app, ["codes", "show", "--data", str(repairs)]).stdout
    assert "no statements" in run(app, ["codes", "check", "lfr-engagement", "--data", str(tmp_path)]).stdout
