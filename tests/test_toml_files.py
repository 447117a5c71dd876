import contextlib
import os
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import toml_files
from pipeline.toml_files import Toml, quoted, read
from transcribe.problem import Problem

# -- any text can be written ----------------------------------------------------------------------


@given(st.text())
def test_any_text_is_a_toml_string_on_one_line(text: str) -> None:
    assert tomllib.loads(f"key = {quoted(text)}  # {quoted(text)}\n") == {"key": text}
    assert quoted(text).isprintable()


@given(st.binary(min_size=1, max_size=20))
def test_bytes_that_are_no_text_can_be_written(name: bytes) -> None:
    assert tomllib.loads(f"{quoted(os.fsdecode(name))} = 1")


# -- lines ----------------------------------------------------------------------------------------

# Every value is a number of its own, so that the text itself says on which line it stands. Between them stands
# whatever might be taken for something else.
CONFUSING = [
    '"[[people]]"',
    "'id = 1'",
    '"""\n[x]\n"a" = {"""',
    "'''\n]\n'''",
    '"#"',
    '"\\"]"',
    '""',
    "''",
    "1979-05-27",
]
BETWEEN = st.sampled_from(["\n", "\n\n", ' # ] } = "\n', "\r\n", "\n# [[people]]\n"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    n = iter(range(1_000_000, 2_000_000))

    def value(depth: int, inline: bool) -> str:
        kind = draw(st.sampled_from(["number", "number", "confusing", "list", "table"] if depth else ["number"]))
        if kind == "confusing":
            return draw(st.sampled_from([c for c in CONFUSING if not inline or "\n" not in c]))
        if kind == "list":
            items = [value(depth - 1, inline) for _ in range(draw(st.integers(0, 3)))]
            gap = " " if inline else draw(BETWEEN)
            return f"[{gap}{f',{gap}'.join(items)}{gap}]"
        if kind == "table":
            keys = draw(st.lists(KEYS, max_size=3, unique=True))
            return "{" + ", ".join(f"{k} = {value(depth - 1, True)}" for k in keys) + "}"
        return str(next(n))

    keys = st.sampled_from(["a", '"b c"', "'d'", "e.f", '"\\u0067"', 'h."i.j"'])
    made = ""
    may_follow = {"[[rows]]"}
    for _ in range(draw(st.integers(0, 6))):
        header = draw(st.sampled_from(sorted(may_follow)))
        if header == "[[rows]]":
            may_follow = {"[[rows]]", "[[ rows.more ]]", "[rows.one] # [x]"}
        else:
            may_follow -= {"[rows.one] # [x]"} & {header}
        made += header + draw(BETWEEN)
        for key in draw(st.lists(keys, max_size=3, unique=True)):
            made += f"{key} = {value(2, False)}{draw(BETWEEN)}"
    return made


KEYS = st.sampled_from(["k", '"l m"', "n.o"])


def leaves(value: Any, *place: str | int) -> list[tuple[tuple[str | int, ...], int]]:
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in leaves(v, *place, k)]
    if isinstance(value, list):
        return [leaf for i, v in enumerate(value) for leaf in leaves(v, *place, i)]
    return [(place, value)] if isinstance(value, int) else []


@given(documents())
def test_every_value_is_found_on_its_line(text: str) -> None:
    toml = Toml(path=Path("x.toml"), text=text, values=tomllib.loads(text))
    for place, number in leaves(toml.values):
        (line,) = (n for n, row in enumerate(text.split("\n"), 1) if str(number) in row)
        assert toml.line(*place) == line, place


def test_what_is_missing_is_looked_for_where_it_should_be() -> None:
    text = 'title = "x"\n\n[[people]]\nid = "a"\n\n[[people]]\nid = "b"\n'
    toml = Toml(path=Path("x.toml"), text=text)
    assert toml.line("people", 1, "name") == 6
    assert toml.line("people", 0, "id") == 4
    assert toml.line("people") == 3
    assert toml.line("body") is None


@given(st.one_of(st.text(alphabet="[]{}\"'=,.#\\\n a1", max_size=60), st.text(max_size=30)))
def test_lines_of_what_is_not_toml_are_looked_for_in_peace(text: str) -> None:
    toml = Toml(path=Path("x.toml"), text=text)
    assert toml.line("a", 0) is None or toml.line("a", 0)


def test_lines_before_what_is_very_deep_are_known() -> None:
    toml = Toml(path=Path("x.toml"), text="a = 1\nb = " + "[" * 100 + "]" * 100 + "\nc = 1\n")
    assert (toml.line("a"), toml.line("b"), toml.line("c")) == (1, 2, None)


# -- hostile files --------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    with contextlib.suppress(Problem):
        assert isinstance(read(path).values, dict)


HOSTILE = {
    "10 MB": (b'title = "' + b"x" * 10_000_000 + b'"', "larger than 1 MB"),
    "deep list": (b"a = " + b"[" * 100_000, "too deep"),
    "deep, and a key of many parts": (b"a = " + b"[" * 100 + b"{" + b"a." * 100_000 + b"a=1}", "too deep"),
    "deep tables": (b"a = " + b"{a=" * 100_000, "too deep"),
    "a key of many parts": (b"a." * 400_000 + b"a = 1", "more than 32 parts"),
    "a table of many parts": (b"[" + b"'a'." * 200_000 + b"a]", "more than 32 parts"),
    "NUL": (b'title = "a\0b"', "not UTF-8"),
    "UTF-16": ('title = "x"'.encode("utf-16"), "not UTF-8"),
    "UTF-16 without a mark": ('title = "x"'.encode("utf-16-le"), "not UTF-8"),
    "Latin 1": ('title = "Llŷn é"'.replace("ŷ", "y").encode("latin-1"), "not UTF-8"),
    "a day that is none": (b"a = 1\nheld_on = 2024-13-45", "line 2"),
    "a month of letters": (b"held_on = 14 May 2024", "line 1"),
    "a number without end": (b"a = " + b"9" * 900_000, "4300 digits"),
    "twice": (b'title = "a"\ntitle = "b"', "line 2"),
    "quotes": (b'"' * 900_000, "line 1"),
    "a text that never ends": (b"a = '''" + b"x\n" * 400_000, "not valid"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(tmp_path: Path, name: str) -> None:
    data, said = HOSTILE[name]
    path = tmp_path / "meeting.toml"
    path.write_bytes(data)
    began = time.process_time()
    with pytest.raises(Problem) as caught:
        read(path)
    assert time.process_time() - began < 5
    assert said in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert caught.value.fix


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", b"a = 1\nb = 2"], ids=["BOM and CRLF", "plain"])
def test_marks_and_line_ends_of_other_systems_are_fine(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "meeting.toml"
    path.write_bytes(data)
    toml = read(path)
    assert toml.values == {"a": 1, "b": 2}
    assert toml.line("b") == 2


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "nothing").symlink_to(tmp_path / "gone")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("folder", "pipe", "endless", "nothing", "circle"):
        with pytest.raises(Problem) as caught:
            read(tmp_path / name)
        assert caught.value.fix
    assert read(tmp_path / "not there").values == {}


def test_a_large_file_within_the_limit_is_read_in_bounded_time(tmp_path: Path) -> None:
    path = tmp_path / "meeting.toml"
    for text in (
        "".join(f'[[people]]\nid="p{i}"\nname="P"\n' for i in range(12_000)),
        "".join(f"[a{i}.b.c.d]\n" for i in range(30_000)),
        "vocabulary = [" + '"x",' * 120_000 + "]",
        'title = "' + "\\n" * 220_000 + '"',
    ):
        path.write_text(text)
        assert path.stat().st_size < toml_files.LARGEST_BYTES
        began = time.process_time()
        toml = read(path)
        assert toml.line(next(iter(toml.values))) == 1
        assert time.process_time() - began < 10
