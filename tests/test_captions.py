"""Captions as words and voices: nothing is lost, every word lies in its cue, and no file brings the reader down."""

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe.captions import read
from transcribe.problem import Problem
from transcribe.records import Turns, Words, check_words, text_of

VOICES = """WEBVTT
Kind: captions
Language: en-GB

NOTE made by hand
<v Nobody>never shown

1
00:00:01.000 --> 00:00:03.000 align:start
<v Jo Okafor>Item five, live facial recognition.</v>

00:00:03.000 --> 00:00:04.000
<v.loud Ines &amp; Co>Thank you, <i>Chair</i>. <v Jo Okafor>Go on.

00:00:04.500 --> 00:00:05.000
(a door)
"""


def words_of(tmp_path: Path, text: str | bytes, name: str = "a.vtt", **options: object) -> tuple[Words, Turns]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, recording_sha256="0", duration_ms=None, **options)  # type: ignore[arg-type]


def test_voices_become_speakers_and_turns(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, VOICES)
    assert text_of(words.words) == "Item five, live facial recognition. Thank you, Chair. Go on. (a door)"
    assert [w.speaker for w in words.words] == ["Jo Okafor"] * 5 + ["Ines & Co"] * 3 + ["Jo Okafor"] * 2 + [None] * 2
    assert words.language == "en"
    assert {w.timing for w in words.words} == {"cue"}
    assert (words.words[0].start_ms, words.words[4].end_ms) == (1_000, 3_000)
    exclusive = [(t.speaker, t.start_ms, t.end_ms) for t in turns.turns if t.exclusive]
    assert [e[0] for e in exclusive] == ["Jo Okafor", "Ines & Co", "Jo Okafor"]
    assert exclusive[0][1:] == (1_000, 3_000)
    assert exclusive[1][2] == exclusive[2][1]


def test_without_voices_there_are_no_turns(tmp_path: Path) -> None:
    words, turns = words_of(tmp_path, "WEBVTT\n\n00:01.000 --> 00:02.000\nGood evening")
    assert text_of(words.words) == "Good evening"
    assert turns.turns == ()
    assert all(w.speaker is None for w in words.words)


def test_srt_with_and_without_blank_lines_between(tmp_path: Path) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nYear\n2024\n2\n00:00:02,000 --> 00:00:03,000\nWelcome\n\nback\n"
    words, _ = words_of(tmp_path, text, "a.srt")
    assert text_of(words.words) == "Year 2024 Welcome back"
    assert words.words[-1].end_ms == 3_000


def test_rolling_lines_are_taken_once_and_repetition_is_kept(tmp_path: Path) -> None:
    lines = ["we were", "never asked", "and nobody", "told us"]
    shown = [lines[:1], *map(list, itertools.pairwise(lines)), lines[-1:]]
    rolling = "WEBVTT\n\n" + "\n\n".join(
        f"00:0{i}.000 --> 00:0{i + 1}.000\n" + "\n".join(cue) for i, cue in enumerate(shown)
    )
    assert text_of(words_of(tmp_path, rolling)[0].words) == "we were never asked and nobody told us"
    vote = "WEBVTT\n\n00:01.000 --> 00:02.000\nAye.\n\n00:02.000 --> 00:03.000\nAye.\n"
    assert text_of(words_of(tmp_path, vote)[0].words) == "Aye. Aye."


@pytest.mark.parametrize("gap_ms", [0, 100, 250, 999])
def test_lines_that_roll_on_over_short_gaps_are_taken_once(tmp_path: Path, gap_ms: int) -> None:
    said = [f"line {i} is new" for i in range(40)]
    shown = [said[max(0, i - 1) : i + 1] for i in range(40)]
    assert text_of(words_of(tmp_path, _spaced(shown, gap_ms))[0].words) == " ".join(said)


def test_what_is_said_again_in_captions_that_roll_over_gaps_is_kept(tmp_path: Path) -> None:
    said = [["all those in", "favour"], ["favour", "Aye."], ["Aye.", "Aye."], ["Aye.", "No."], ["No."], ["No.", "lost"]]
    words = text_of(words_of(tmp_path, _spaced(said, 400))[0].words)
    assert words == "all those in favour Aye. Aye. No. No. lost"  # a cue that only repeats may be somebody's


def test_a_file_rolls_over_gaps_only_where_most_of_them_do(tmp_path: Path) -> None:
    lines = ["we", "were", "never", "asked", "and", "nobody", "told", "us", "why"]
    rolling = list(map(list, itertools.pairwise(lines)))
    pauses = [["No.", "Not once."], ["Not once.", "Not to us."], ["I", "ask"], ["for", "a"], ["vote", "now"]]
    text = _spaced(rolling, 0) + _spaced(pauses, 500, from_ms=30_000).removeprefix("WEBVTT\n\n")
    told = "No. Not once. Not once. Not to us. I ask for a vote now"
    assert text_of(words_of(tmp_path, text)[0].words) == f"{' '.join(lines)} {told}"


def _spaced(shown: Sequence[Sequence[str]], gap_ms: int, *, from_ms: int = 0) -> str:
    """WebVTT whose cues last two seconds each, with gaps between them."""
    starts = [from_ms + i * (2_000 + gap_ms) for i in range(len(shown))]
    cues = [f"{_stamp(a)} --> {_stamp(a + 2_000)}\n" + "\n".join(s) for a, s in zip(starts, shown, strict=True)]
    return "WEBVTT\n\n" + "\n\n".join(cues) + "\n\n"


def test_words_of_overlapping_cues_are_spread_over_the_whole_of_their_own(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:10.000\n<v A>one two three four\n\n00:{}\n<v B>mm\n"
    words, turns = words_of(tmp_path, text.format("00.000 --> 00:00.400"))
    assert text_of(words.words) == "mm one two three four"
    assert (words.words[0].end_ms, words.words[1].start_ms, words.words[4].end_ms) == (400, 0, 10_000)
    assert [(t.speaker, t.start_ms, t.end_ms) for t in turns.turns if not t.exclusive] == [
        ("A", 0, 10_000),
        ("B", 0, 400),
    ]
    words, _ = words_of(tmp_path, text.format("09.000 --> 00:12.000"))
    assert text_of(words.words) == "one two three four mm"
    assert (words.words[3].end_ms, words.words[4].start_ms, words.words[4].end_ms) == (10_000, 9_000, 12_000)
    words, _ = words_of(tmp_path, text.format("06.000 --> 00:06.400"))
    assert text_of(words.words) == "one two three four mm"  # one word is moved a little, not three far
    assert words.words[3].start_ms == words.words[4].start_ms


def test_a_line_that_is_shown_while_the_next_is_said_ends_before_it(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:04.000\nwe were\n\n00:02.000 --> 00:06.000\nnot asked\n"
    assert [w.end_ms for w in words_of(tmp_path, text)[0].words] == [750, 2_000, 3_600, 6_000]


@settings(max_examples=150)
@given(
    cues=st.lists(st.tuples(st.integers(0, 9_000), st.integers(100, 9_000), st.integers(1, 6)), min_size=1, max_size=5)
)
def test_no_word_is_far_from_its_cue_and_no_cue_is_torn(
    cues: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "over.vtt"
    blocks = [
        f"{_stamp(start)} --> {_stamp(start + length)}\n<v V{i}>{f'w{i} ' * n}\n"
        for i, (start, length, n) in enumerate(cues)
    ]
    path.write_text("WEBVTT\n\n" + "\n".join(blocks))
    words, turns = read(path, recording_sha256="0", duration_ms=None)
    runs = [(voice, list(run)) for voice, run in itertools.groupby(words.words, key=lambda w: w.speaker)]
    assert sorted(voice or "" for voice, _ in runs) == [f"V{i}" for i in range(len(cues))]
    for voice, run in runs:
        start, length, n = cues[int((voice or "V0")[1:])]
        assert len(run) == n
        assert (run[0].start_ms or 0) >= start
        if len(cues) == 1:
            assert (run[0].start_ms, run[-1].end_ms) == (start, start + length)
    exclusive = [t for t in turns.turns if t.exclusive]
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(exclusive))


def test_the_end_of_the_recording_and_excluded_time_bound_the_words(tmp_path: Path) -> None:
    text = "WEBVTT\n\n" + "\n".join(f"00:{i:02}.000 --> 00:{i + 1:02}.000\nword{i}\n" for i in range(9))
    (tmp_path / "a.vtt").write_text(text)
    words, _ = read(tmp_path / "a.vtt", recording_sha256="0", duration_ms=6_500, exclude=[(1_500, 3_000)])
    assert text_of(words.words) == "word0 word3 word4 word5 word6"
    assert words.words[-1].end_ms == 6_500


@settings(max_examples=150)
@given(
    said=st.lists(st.sampled_from(["Aye.", "No.", "Vote"]), min_size=1, max_size=12),
    gaps_ms=st.lists(st.sampled_from([0, 0, 60, 700, 300_000]), min_size=12, max_size=12),
    longer=st.none() | st.integers(0, 11),
)
def test_who_says_the_same_thing_twice_keeps_it(
    said: list[str], gaps_ms: list[int], longer: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also where one cue looks as if it rolled."""
    at_ms, blocks = 0, []
    for i, (line, gap_ms) in enumerate(zip(said, gaps_ms, strict=False)):
        at_ms += gap_ms
        text = f"{line}\nThat is carried" if i == longer else line
        blocks.append(f"{_stamp(at_ms)} --> {_stamp(at_ms + 1_000)}\n{text}\n")
        at_ms += 1_000
    path = tmp_path_factory.getbasetemp() / "votes.vtt"
    path.write_text("WEBVTT\n\n" + "\n".join(blocks))
    words, _ = read(path, recording_sha256="0", duration_ms=None)
    assert [w.text for w in words.words if w.text in ("Aye.", "No.", "Vote")] == said


def test_a_cue_that_begins_as_the_recording_ends_is_outside_it(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nin\n\n00:02.000 --> 00:03.000\nout\n")
    words, _ = read(tmp_path / "a.vtt", recording_sha256="0", duration_ms=2_000)
    assert text_of(words.words) == "in"


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("hello", "a.vtt", 1),
        ("", "a.vtt", 1),
        ("WEBVTT\n\n00:01.000 --> 00:02.0\nx", "a.vtt", 3),
        ("WEBVTT\n\n\n00:01.000 -->\nx", "a.vtt", 4),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nx\n\n00:05.000 --> 00:04.000\ny", "a.vtt", 6),
        ("1\n00:00:01,000 --> 00:00:1d,000\nx", "a.srt", 2),
    ],
)
def test_what_is_malformed_is_named_by_its_line(tmp_path: Path, text: str, name: str, line: int) -> None:
    with pytest.raises(Problem) as caught:
        words_of(tmp_path, text, name)
    assert caught.value.where == f"{tmp_path / name}, line {line}"
    assert caught.value.fix


@pytest.mark.parametrize("name", ["a.doc", "a.srt", "gone.vtt", "folder.vtt", "huge.vtt"])
def test_what_holds_no_captions(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder.vtt":
        path.mkdir()
    elif name == "huge.vtt":
        with path.open("wb") as f:
            f.truncate(20_000_001)
    elif name != "gone.vtt":
        path.write_text("Minutes of the meeting")
    with pytest.raises(Problem) as caught:
        read(path, recording_sha256="0", duration_ms=None)
    assert caught.value.where.startswith(str(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    data = "WEBVTT\n\n00:01.000 --> 00:02.000\nSiân’s café".encode(encoding)
    assert text_of(words_of(tmp_path, data)[0].words) == "Siân’s café"


NAMES = st.sampled_from(["", "<v Jo Okafor>", "<v Len>", "</v>"])


def _as_shown(cue: tuple[int, int, list[tuple[str, str]]]) -> tuple[int, int, str]:
    start_ms, length_ms, parts = cue
    return start_ms, length_ms, " ".join(text for _, text in parts if text)


CUES = st.lists(
    st.tuples(
        st.integers(0, 20_000),
        st.integers(0, 8_000),
        st.lists(
            st.tuples(NAMES, st.sampled_from(["aye", "we were", "never\nasked", "", "<i>x</i> &lt;"])), max_size=3
        ),
    ),
    max_size=12,
    unique_by=_as_shown,  # the same again is taken once
)


def _stamp(ms: int) -> str:
    return f"{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


@settings(max_examples=200)
@given(cues=CUES, duration_ms=st.none() | st.integers(1, 30_000))
def test_words_are_in_order_inside_their_cues_and_none_is_lost(
    cues: list[tuple[int, int, list[tuple[str, str]]]],
    duration_ms: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "made.vtt"
    blocks = [
        f"{_stamp(start)} --> {_stamp(start + length)}\n" + "".join(voice + text + " " for voice, text in parts)
        for start, length, parts in cues
    ]
    path.write_text("WEBVTT\n\n" + "\n\n".join(blocks))
    if not any(text for _, _, parts in cues for _, text in parts):
        with pytest.raises(Problem, match="no words"):
            read(path, recording_sha256="0", duration_ms=duration_ms)
        return
    words, turns = read(path, recording_sha256="0", duration_ms=duration_ms)
    check_words(words.words, duration_ms or 30_000)
    for word in words.words:
        assert any(start <= (word.start_ms or 0) <= (word.end_ms or 0) <= start + length for start, length, _ in cues)
    exclusive = [t for t in turns.turns if t.exclusive]
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(exclusive))
    rolls = any("\n" in text for _, _, parts in cues for _, text in parts)
    if duration_ms is None and not rolls:
        said = sum(len(text.replace("<i>", "").split()) for _, _, parts in cues for _, text in parts)
        assert len(words.words) == said


@settings(max_examples=300)
@given(
    data=st.binary(max_size=300)
    | st.text(alphabet="WEBVT0123456789:.,-> \n<v/>&;aé\x00\u2028\ud800", max_size=200).map(
        lambda s: b"WEBVTT\n\n" + s.encode("utf-8", "surrogatepass")
    )
)
def test_any_bytes_give_words_in_order_or_a_problem(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("any.vtt", "any.srt"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(data)
        with contextlib.suppress(Problem):
            words, _ = read(path, recording_sha256="0", duration_ms=10**9)
            check_words(words.words, 10**9)
