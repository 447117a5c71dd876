"""Codebooks: what may stand in one, and what is said when something else does."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyse.codebook import examine, load, read, shipped
from analyse.cues import Finder, parse, tokens
from transcribe.problem import Problem

SMALL = """
name = "small"
version = 2
[topic]
name = "drones"
cues = ["drone*"]
[[codes]]
code = "noise"
name = "Noise"
definition = "It is loud."
cues = ["loud|noisy", "too ... noise"]
"""


def found(cue: str, text: str) -> list[str]:
    words = text.split()
    said = tokens(words)
    hits = Finder([("x", cue)]).find(said).get("x", [])
    return [" ".join(words[said[h.first].word : said[h.end - 1].word + 1]) for h in hits]


def test_the_shipped_codebook_reads_and_is_complete() -> None:
    assert "lfr-engagement" in shipped()
    book = load("lfr-engagement")
    assert book.id == "lfr-engagement/1"
    assert book.topic
    assert book.stance
    assert len(book.codes) == 12
    for code in book.codes:
        assert code.definition
        assert code.hypothesis
        assert code.examples, code.code


def test_a_codebook_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(SMALL, encoding="utf-8")
    book = load(path)
    assert (book.id, [c.code for c in book.codes], book.stance) == ("small/2", ["noise"], None)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("version = 2", "version = 0", "w", "version"),
        ("version = 2", 'version = "two"', "w, line", "version should be a whole number and is text in quotes"),
        ("version = 2\n", "", "w", "version must be given"),
        ('"loud|noisy"', "7", "code noise", "something in cues should be text in quotes and is a whole number"),
        ("[topic]", "[other]", "w", "other"),
        ("version = 2", "version = 2\nauthor = 'x'", "w", "author"),
        ('name = "small"', 'name = "Small!"', "w", "name"),
        ("definition =", "definitoin =", "code noise", "definitoin"),
        ('"It is loud."', '" "', "code noise", "definition"),
        ('["drone*"]', '["~drone*"]', "[topic]", "names the topic"),
        ('["drone*"]', '["d*"]', "[topic], cues", "too much"),
        ('"loud|noisy"', '"loud (or noisy)"', "code noise, cues", "not a word"),
        ('"loud|noisy"', '"loud ..."', "code noise, cues", "between two words"),
        ('"loud|noisy"', '"loud-ish"', "code noise, cues", "hyphens"),
        ('"loud|noisy"', '"a ... b ... c ... d"', "code noise, cues", "too long"),
        ("[[codes]]", '[[codes]]\ncode = "noise"\nname = "N"\ndefinition = "D"\ncues = []\n[[codes]]', "w", "twice"),
        ("[[codes]]", "[codes]", "w, line 7", "no list of tables"),
        (SMALL, 'name = "small"\nversion = 2\ncodes = 1', "w, line 3", "no list of tables"),
        (SMALL, 'name = "small"\nversion = 2', "w", "no codes"),
        ("[topic]", "[topic", "w", "TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, where: str, what: str) -> None:
    assert old in SMALL
    with pytest.raises(Problem) as problem:
        read(SMALL.replace(old, new).encode(), where="w")
    assert what in problem.value.what
    assert where in problem.value.where
    assert problem.value.fix


def test_a_codebook_that_is_not_there() -> None:
    with pytest.raises(Problem) as problem:
        load("no-such-codebook")
    assert "lfr-engagement" in problem.value.fix


@given(st.binary(max_size=200))
def test_hostile_bytes_are_a_problem_and_nothing_else(data: bytes) -> None:
    with pytest.raises(Problem):
        read(data)


@pytest.mark.parametrize(
    ("cue", "text", "expected"),
    [
        ("facial recognition", "Live Facial-Recognition works.", ["Facial-Recognition"]),
        ("consult*", "no consultation, and we will consult", ["consultation,", "consult"]),
        ("no|without ... notice", "It came without any proper notice at all.", ["without any proper notice"]),
        ("no ... notice", "We said no. Then notice came.", []),
        ("no ... notice", "no one two three four five six notice", []),
        ("wasn't told", "She wasn’t told.", ["wasn’t told."]),
        ("force figures", "the force's figures", ["force's figures"]),
        ("?", "Why was that? Nobody knows.", ["that?"]),
        ("van", "vans", []),
    ],
)
def test_the_language_of_cues(cue: str, text: str, expected: list[str]) -> None:
    assert found(cue, text) == expected


def test_a_bar_keeps_other_cues_from_counting() -> None:
    said = tokens(["Law", "enforcement", "needs", "a", "law."])
    hits = Finder([("x", "law"), ("x", "-law enforcement")]).find(said)["x"]
    assert [h.first for h in hits] == [4]


def test_the_longer_of_two_overlapping_cues_stays() -> None:
    said = tokens(["live", "facial", "recognition"])
    (hit,) = Finder([("x", "facial"), ("x", "live facial recognition")]).find(said)["x"]
    assert (hit.first, hit.end) == (0, 3)


def test_a_cue_made_to_be_slow_is_not() -> None:
    finder = Finder([("x", "aa* ... aa* ... aa* aa* zz")])
    said = tokens(["aa"] * 20_000)
    started = time.process_time()
    assert finder.find(said) == {}
    assert time.process_time() - started < 5


def test_hints_weigh_half() -> None:
    assert parse("~the technology").weight == parse("the technology").weight / 2


@pytest.mark.parametrize(("cut", "line"), [(b'cues = ["a', 13), (b"cues = [\xff]", 13), (b"cues = nothing", 13)])
def test_what_is_no_toml_is_said_with_its_line(cut: bytes, line: int) -> None:
    _, faults = examine(SMALL.encode() + b"\n" + cut)
    assert [f.line for f in faults] == [line]
