"""Captions that mean harm: one clear error with its place, or words in order; bounded in time and memory."""

import contextlib
import json
import tracemalloc
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe.captions import LARGEST_BYTES, SUFFIXES, read
from transcribe.problem import Problem
from transcribe.records import Turns, Words, check_words, text_of

VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\n"
SEGMENT = '{"start": 0, "end": 1, "text": "aye"}'
N = 1_000_000  # bytes; what is quadratic takes minutes on so many


def words_of(tmp_path: Path, text: str | bytes, name: str) -> tuple[Words, Turns]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, recording_sha256="0", duration_ms=None)


def refusal(tmp_path: Path, text: str | bytes, name: str) -> Problem:
    with pytest.raises(Problem) as caught:
        words_of(tmp_path, text, name)
    assert caught.value.where.startswith(str(tmp_path / name))
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.json", '{"segments": [\n {"start": 0,, "end": 1}\n]}', "line 2, column 14"),
        ("a.json", '{"segments": [\n {"start": 0', "line 2, column 13"),
        ("a.json", "", "line 1, column 1"),
        ("a.json", "[]", "line 1"),
        ("a.json", '{"text": "aye"}', "line 1"),
        ("a.json", f'{{"segments": [{SEGMENT}], "sentences": []}}', "line 1"),
        ("a.json", f'{{"segments": [{SEGMENT},\n {{"start": 0, "end": 1,\n "text": 5}}]}}', "line 3, segments[1].text"),
        ("a.json", f'{{"segments": [{SEGMENT},\n {{"start": 0}}]}}', "line 2, segments[1]"),
        ("a.json", '{"segments": [\n{"start": 5, "end": 1, "text": "a"}]}', "line 2, segments[0].start"),
        ("a.json", '{"segments": [\n{"start": -9, "end": 1, "text": "a"}]}', "line 2, segments[0].start"),
        ("a.json", '{"segments": [\n{"start": 1e999, "end": 1, "text": "a"}]}', "line 2, segments[0].start"),
        ("a.json", '{"segments": [\n{"start": 1e99, "end": 1e99, "text": "a"}]}', "line 2, segments[0].start"),
        ("a.json", '{"segments": [\n{"start": NaN, "end": 1, "text": "a"}]}', "line 2, segments[0].start"),
        (
            "a.json",
            '{"x": "segments[{", "segments": [{"start": 0, "end": 1, "words": [\n{"word": "\\"]"},\n{"word": 1}]}]}',
            "line 3, segments[0].words[1].word",
        ),
        (
            "a.json",
            '{"segments": [{"start": 0, "end": 1, "speaker": ' + "9" * 9_000 + "}]}",
            "line 1, segments[0].speaker",
        ),
        ("a.json", '{"sentences": [\n{"start_time": "0", "end_time": 1}]}', "line 2, sentences[0].start_time"),
        ("a.json3", '{"events": [\n{"tStartMs": -1}]}', "line 2, events[0].tStartMs"),
        ("a.json3", '{"events": [\n{"tStartMs": ' + "9" * 9_000 + "}]}", "line 2, events[0].tStartMs"),
        ("a.xml", "", "line 1, column 1"),
        ("a.xml", "<transcript>\n<text>a</transcript>", "line 2, column 10"),
        ("a.xml", "<tt>\n</tt>", "line 1"),
        ("a.xml", "<transcript>\n<text>a</text></transcript>", "line 2"),
        ("a.xml", '<transcript>\n<text start="-1" dur="2">a</text></transcript>', "line 2"),
        ("a.xml", '<transcript>\n<text start="1" dur="-2">a</text></transcript>', "line 2"),
        ("a.xml", '<transcript>\n<text start="1e9" dur="2">a</text></transcript>', "line 2"),
        ("a.xml", '<transcript>\n<text start="999999999" dur="2">a</text></transcript>', "line 2"),
        ("a.srv3", '<timedtext><body>\n<p t="0" d="5"><s\nt="x">a</s></p></body></timedtext>', "line 2"),
        ("a.xml", "<transcript>\n" + "<text>" * 50, "line 2"),
        ("a.xml", '<?xml version="1.0" encoding="klingon"?><transcript/>', "line 1, column 31"),
        ("a.vtt", "WEBVTT\n\n9999:00:00.000 --> 9999:00:01.000\na", "line 3"),
        ("a.vtt", "WEBVTT\n\n-00:00:01.000 --> 00:00:02.000\na", "line 3"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:0x.000\nb", "line 5"),
        ("a.vtt", "WEBVTT\n\nlost\n\n00:01.000 --> 00:02.000\na", "line 3"),
        ("a.srt", "lost\n\n1\n00:00:01,000 --> 00:00:02,000\na", "line 1"),
        ("a.sbv", "0:00:01.000,0:00:02.000\na\n\n0:00:02.000,0:0:03\nb", "line 4"),
        ("a.sbv", "0:00:01.000,0:00:02.000\na\n\nlost", "line 4"),
        ("a.txt", " \n\t\n", "line 1"),
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\n\u200f<i></i>\x00", "line 1"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tmp_path: Path, name: str, text: str, place: str) -> None:
    assert refusal(tmp_path, text, name).where == f"{tmp_path / name}, {place}"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE transcript SYSTEM "http://127.0.0.1:9/t.dtd">',
    ],
)
def test_entities_of_its_own_are_refused_in_xml(tmp_path: Path, declaration: str) -> None:
    text = f'<?xml version="1.0"?>\n{declaration}\n<transcript><text start="0" dur="1">&a;</text></transcript>'
    problem = refusal(tmp_path, text, "a.xml")
    assert problem.where.endswith("a.xml, line 2")
    assert "document type" in problem.what


@pytest.mark.parametrize("opening", ['{"segments":[],"x":', '{"segments":[{"start":0,"end":1,"tokens":', '{"x":', ""])
@pytest.mark.parametrize("nest", ["[", '{"a":'])
def test_json_that_is_nested_deep(tmp_path: Path, opening: str, nest: str) -> None:
    why = "nested" if (opening, nest) != ("", "[") else "Expected `object`, got `array`"
    assert why in refusal(tmp_path, opening + nest * 100_000, "a.json").what
    closed = opening + nest * 100_000 + "1" + {"[": "]"}.get(nest, "}") * 100_000 + "}" * (opening != "")
    assert why in refusal(tmp_path, closed, "a.json").what


def test_what_pythons_json_writes_is_read(tmp_path: Path) -> None:
    segment = {
        "start": 0,
        "end": 1,
        "text": "NaN -Infinity \\ud800 \ud83d",
        "avg_logprob": float("nan"),
        "x": -float("inf"),
    }
    words, _ = words_of(tmp_path, json.dumps({"segments": [segment]}), "a.json")
    assert text_of(words.words) == "NaN -Infinity \\ud800 �"
    paired = json.dumps({"segments": [segment | {"text": "\U0001f600 \ud800"}]})
    assert text_of(words_of(tmp_path, paired, "a.json")[0].words) == "\U0001f600 �"


def test_what_steers_a_screen_or_a_page_is_not_kept(tmp_path: Path) -> None:
    nasty = "a\x00b \x1b[31mred\x1b \u202efdp.exe\u202c soft\xadhyphen &lt;script&gt; \x85"
    kept = "a b [31mred fdp.exe softhyphen <script>"
    assert text_of(words_of(tmp_path, VTT + nasty, "a.vtt")[0].words) == kept
    assert text_of(words_of(tmp_path, VTT + "<script>alert(1)</script> aye", "a.vtt")[0].words) == "alert(1) aye"
    plain = nasty.replace("&lt;", "<").replace("&gt;", ">")
    segment = {"start": 0, "end": 1, "text": plain, "speaker": "<b>Jo\u202e \x00Okafor</b> &amp; " + "x" * 10_000}
    for name, text in (("a.json", json.dumps({"segments": [segment]})), ("a.txt", plain)):
        words, turns = words_of(tmp_path, text, name)
        assert text_of(words.words) == kept
        assert all(len(t.speaker) <= 200 and t.speaker.startswith("Jo Okafor & xxx") for t in turns.turns)


def test_a_file_is_no_larger_than_captions_are(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"large{suffix}"
        with path.open("wb") as f:
            f.truncate(50_000_000)
        tracemalloc.start()
        with pytest.raises(Problem, match="20 MB"):
            read(path, recording_sha256="0", duration_ms=None)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * LARGEST_BYTES
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.vtt", VTT + "a " * 600_000, "words"),
        ("a.txt", "a " * 600_000, "words"),
        ("a.json", '{"segments": [{"start": 0, "end": 1, "text": "' + "a " * 600_000 + '"}]}', "words"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "a\n\n" * 600_000, "lines"),
        ("a.txt", "\n" * 1_100_000 + "a", "lines"),
        ("a.xml", "<transcript>" + "<a/>" * 1_100_000, "elements"),
        ("a.vtt", VTT + "a" * 1_001, "letters"),
        ("a.vtt", VTT + "".join(f"<v Voice {i}>hello " for i in range(10_000)), "voices"),
    ],
)
def test_there_is_a_bound_to_everything(tmp_path: Path, name: str, text: str, what: str) -> None:
    assert what in refusal(tmp_path, text, name).what


def test_ten_thousand_cues_of_no_length_keep_their_words(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, "WEBVTT\n\n" + "00:01.000 --> 00:01.000\n<v Jo>aye\n\n" * 10_000, "a.vtt")
    assert len(words.words) == 10_000
    assert {(w.start_ms, w.end_ms) for w in words.words} == {(1_000, 1_000)}
    assert turns.turns == ()


WORST = {
    "tags that never close": ("a.vtt", VTT + "<v a" * (N // 4)),
    "a class that never ends": ("a.vtt", VTT + "<v" + ".a" * (N // 2)),
    "only opening brackets": ("a.vtt", VTT + "<" * N),
    "entities": ("a.vtt", VTT + "&" * N),
    "an endless number": ("a.vtt", VTT + "&#" + "9" * N),
    "an endless hexadecimal number": ("a.vtt", VTT + "&#x" + "f" * N),
    "digits": ("a.vtt", VTT + "1" * N),
    "spaces": ("a.vtt", VTT + " " * N + "x"),
    "a digit and spaces": ("a.vtt", VTT + "1" + " " * N + "x"),
    "a header of one line": ("a.vtt", "WEBVTT\n" + "a" * N + "\n\n00:01.000 --> 00:02.000\nx"),
    "inline times": ("a.vtt", VTT + "<00:01.500>" * (N // 11) + "x"),
    "the same lines twice": ("a.vtt", VTT + "a\n" * 100_000 + "\n00:02.000 --> 00:03.000\n" + "a\n" * 100_000),
    "blank lines in a cue": ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "a\n\n" * (N // 3)),
    "braces": ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "{\\a" * (N // 3)),
    "a number of a cue": ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nx\n\n" + "2" * N),
    "colons": ("a.sbv", "0:00:01.000,0:00:02.000\n1:11" + "1:" * (N // 2)),
    "attributes": ("a.xml", "<transcript " + " ".join(f'a{i}="x"' for i in range(N // 10)) + "/>"),
    "one attribute": ("a.xml", '<transcript><text start="0" dur="' + "1" * N + '">a</text></transcript>'),
    "a comment that never ends": ("a.xml", "<transcript><!--" + "a" * N),
    "empty elements": ("a.xml", '<timedtext><p t="0" d="9">' + '<s t="1"/>' * (N // 10) + "a</p></timedtext>"),
    "escaped quotes": ("a.json", '{"segments":"' + '\\"' * (N // 2)),
    "quotes and NaN": ("a.json", '{"x":[' + '"",' * (N // 3) + f'NaN],"segments":[{SEGMENT}]}}'),
    "no numbers": ("a.json", '{"x":[' + "NaN," * (N // 4) + f'N],"segments":[{SEGMENT}]}}'),
    "minus signs": ("a.json", '{"x":NaN,"y":' + "-" * N),
    "backslashes": ("a.json", '{"segments":[{"start":0,"end":1,"text":"' + "\\\\" * (N // 2) + '\\ud800"}]}'),
    "a wrong shape at the end": ("a.json", '{"segments":[' + f"{SEGMENT}," * (N // 37) + '{"start":""}]}'),
    "letters as words": (
        "a.json",
        '{"segments":[{"start":0,"end":1,"text":"'
        + "a" * 900
        + '","words":['
        + '{"word":"a"},' * 899
        + '{"word":"a"}]}]}',
    ),
    "stars": ("a.txt", "*" * N + ": a"),
    "brackets": ("a.txt", ("(" * 70 + ": a\n") * (N // 80)),
    "names of apostrophes": ("a.txt", ("A'" * 38 + ": a\n") * (N // 80)),
}


@pytest.mark.parametrize("worst", WORST)
def test_nothing_is_quadratic(worst: str, tmp_path: Path) -> None:
    name, text = WORST[worst]
    began_s = process_time()
    with contextlib.suppress(Problem):
        words, _ = words_of(tmp_path, text, name)
        check_words(words.words, 10**9)
    assert process_time() - began_s < 20


ALPHABET = {
    ".vtt": "WEBVT0123456789:.,-> \n<v/>&;#aé\x00\u2028\ud800",
    ".json": '{}[]",:0123456789.eE-+ntfaluNIy\\ud8\n',
    ".xml": "<>/=\"' &;#!?[]-transcipexdmoby0123456789.\n",
    ".txt": "ACa b:.*(\n1é\u202e\x0c\x85",
}
STARTS = {
    ".json": [
        "",
        '{"segments": [',
        '{"segments": [{"start": 0, "end": 1, "text": "aye aye", "words": [{"word": "aye", "start": ',
        '{"sentences": [{"start_time": 0, "end_time": 1, "text": "',
        '{"events": [{"tStartMs": 0, "dDurationMs": 5, "segs": [{"utf8": "a"}, {"utf8": " b", "tOffsetMs": ',
    ],
    ".xml": ["", '<transcript><text start="0" dur="1">', '<timedtext><body><p t="0" d="5"><s t="', "<!DOCTYPE a ["],
    ".vtt": ["", "WEBVTT\n", VTT, "1\n00:00:01,000 --> 00:00:02,000\n", "0:00:01.000,0:00:02.000\n"],
    ".txt": ["", "Cllr Okafor: "],
}
ENDS = {
    ".json": ["", "]}", "}]}]}", '"}]}]}', '"}]}'],
    ".xml": ["", "</text></transcript>"],
    ".vtt": [""],
    ".txt": [""],
}


@st.composite
def _files(draw: st.DrawFn) -> tuple[str, bytes]:
    family = draw(st.sampled_from(sorted(STARTS)))
    suffixes = {
        ".json": [".json", ".json3"],
        ".xml": [".xml", ".srv1", ".srv3"],
        ".vtt": [".vtt", ".srt", ".sbv", ".txt"],
    }
    start, end = draw(st.sampled_from(STARTS[family])), draw(st.sampled_from(ENDS[family]))
    middle = draw(
        st.binary(max_size=60)
        | st.text(ALPHABET[family], max_size=60).map(lambda s: s.encode("utf-8", "surrogatepass"))
    )
    return draw(st.sampled_from(suffixes.get(family, [family]))), start.encode() + middle + end.encode()


@settings(max_examples=800)
@given(file=_files(), duration_ms=st.none() | st.integers(0, 10_000), exclude=st.sampled_from([[], [(500, 1_500)]]))
def test_any_bytes_give_words_in_order_or_a_problem(
    file: tuple[str, bytes],
    duration_ms: int | None,
    exclude: list[tuple[int, int]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    suffix, data = file
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    with contextlib.suppress(Problem):
        words, turns = read(path, recording_sha256="0", duration_ms=duration_ms, exclude=exclude)
        check_words(words.words, 10**9 if duration_ms is None else duration_ms)
        assert all(t.speaker and len(t.speaker) <= 200 for t in turns.turns)
        assert all(w.text.isprintable() for w in words.words)
