"""Names behind the marks of live captions: who is plainly named speaks until somebody else does, and nobody else is."""

import itertools
import json
from html import escape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcribe.captions import read
from transcribe.problem import Problem
from transcribe.records import Turns, Words, text_of

Said = list[tuple[str | None, str]]


def read_back(tmp_path: Path, text: str, name: str = "a.srt") -> tuple[Words, Turns]:
    path = tmp_path / name
    path.write_text(text)
    return read(path, recording_sha256="0", duration_ms=None)


def srt(*cues: str, gap_ms: int = 0) -> str:
    """Cues of two seconds each."""
    starts = (i * (2_000 + gap_ms) for i in itertools.count())
    return "\n".join(f"1\n{_clock(a)} --> {_clock(a + 2_000)}\n{cue}\n" for cue, a in zip(cues, starts, strict=False))


def _clock(ms: int) -> str:
    return f"00:{ms // 60_000:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def said(words: Words) -> Said:
    runs = itertools.groupby(words.words, key=lambda w: w.speaker)
    return [(voice, text_of(list(run))) for voice, run in runs]


def test_a_name_behind_a_mark_is_a_voice_until_the_next_mark(tmp_path: Path) -> None:
    words, turns = read_back(
        tmp_path,
        srt(
            "WELCOME ALL.",
            ">> MAYOR ASHBY: THANK YOU.\nWE COME TO",
            "ITEM FOUR: CAMERAS. >> Jo Okafor: Thank you.",
            "Item 4: we were not asked.",
            ">> WHEN? >>> COUNCILLOR VAN DYK:",
            "NEVER. >>",
            "ORDER.",
        ),
    )
    assert said(words) == [
        (None, "WELCOME ALL."),
        ("MAYOR ASHBY", "THANK YOU. WE COME TO ITEM FOUR: CAMERAS."),
        ("Jo Okafor", "Thank you. Item 4: we were not asked."),
        (None, "WHEN?"),
        ("COUNCILLOR VAN DYK", "NEVER."),
        (None, "ORDER."),
    ]
    assert [t.speaker for t in turns.turns if t.exclusive] == ["MAYOR ASHBY", "Jo Okafor", "COUNCILLOR VAN DYK"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:03.000\n{}\n"),
        ("a.sbv", "0:00:01.000,0:00:03.000\n{}\n"),
        ("a.srv1", '<transcript><text start="1" dur="2">{}</text></transcript>'),
        ("a.srv3", '<timedtext format="3"><body><p t="1000" d="2000">{}</p></body></timedtext>'),
        ("a.json3", '{{"events": [{{"tStartMs": 1000, "dDurationMs": 2000, "segs": [{{"utf8": "{}"}}]}}]}}'),
    ],
)
def test_every_kind_of_captions_may_have_them(tmp_path: Path, name: str, text: str) -> None:
    marked = ">> MAYOR ASHBY: Thank you. >>Yes."
    words, _ = read_back(tmp_path, text.format(marked if name == "a.json3" else escape(marked)), name)
    assert said(words) == [("MAYOR ASHBY", "Thank you."), (None, "Yes.")]


@pytest.mark.parametrize(
    "label",
    [
        "CHAIR",
        "VICE MAYOR",
        "Cllr Okafor",
        "Council Member Diaz",
        "SUPERINTENDENT GREEN",
        "JO OKAFOR",
        "Ines de la Cruz",
        "Mary Lindqvist, OBE",
        "J. O'BRIEN",
    ],
)
def test_what_is_plainly_somebody(tmp_path: Path, label: str) -> None:
    assert said(read_back(tmp_path, srt(f">> {label}: Thank you."))[0]) == [(label, "Thank you.")]


@pytest.mark.parametrize(
    "text",
    [
        "ITEM FOUR: CAMERAS",
        "Item 4: cameras",
        "MY QUESTION IS THIS: WHY",
        "POINT OF ORDER: NO",
        "Question: why",
        "THE MAYOR'S REPORT: NOTED",
        "WRENBRIDGE COUNCIL: A PLACE",
        "MADAM CHAIR: I OBJECT",
        "MR. MAYOR: I OBJECT",
        "I'M OKAFOR: HELLO",
        "WILL PRICE: NO",
        "ASHBY: once, and so it may be anything",
        "Mayor Ashby said: no",
        "THE MAYOR AND CLERK OF WRENBRIDGE BOROUGH: SIX WORDS",
        "LATE 10:30 ASHBY: NO",
        ": NO",
        "we heard MAYOR ASHBY: no",
        "all: no",
    ],
)
def test_what_may_have_been_said_was_said(tmp_path: Path, text: str) -> None:
    assert said(read_back(tmp_path, srt(f">> {text}"))[0]) == [(None, text)]
    assert said(read_back(tmp_path, srt(f">> MAYOR ASHBY: YES. >> {text}"))[0])[1:] == [(None, text)]


def test_a_surname_alone_comes_again(tmp_path: Path) -> None:
    words, _ = read_back(tmp_path, srt(">> ASHBY: YES.", ">> NO.", ">> ASHBY: YES."))
    assert said(words) == [("ASHBY", "YES."), (None, "NO."), ("ASHBY", "YES.")]


def test_without_the_mark_a_name_is_words(tmp_path: Path) -> None:
    assert said(read_back(tmp_path, srt("MAYOR ASHBY: THANK YOU.", "- MAYOR ASHBY: YES."))[0]) == [
        (None, "MAYOR ASHBY: THANK YOU. MAYOR ASHBY: YES.")
    ]


def test_somebody_who_is_not_named_is_nobody_and_the_label_no_words(tmp_path: Path) -> None:
    words, turns = read_back(
        tmp_path, srt(">> MAYOR ASHBY: YES. >> AUDIENCE MEMBER: NO. >> UNIDENTIFIED SPEAKER: WHY?")
    )
    assert said(words) == [("MAYOR ASHBY", "YES."), (None, "NO. WHY?")]
    assert {t.speaker for t in turns.turns} == {"MAYOR ASHBY"}


def test_a_name_ends_at_a_mark_of_any_kind_a_long_pause_or_another_voice(tmp_path: Path) -> None:
    named = ">> MAYOR ASHBY: YES."
    for mark in (">>", "- NO.\n- WHY?", ">>> ITEM FOUR."):
        words, _ = read_back(tmp_path, srt(named, mark, "WELL."))
        assert said(words)[0] == ("MAYOR ASHBY", "YES.")
        assert {w.speaker for w in words.words[1:]} == {None}
    assert len(said(read_back(tmp_path, srt(named, "WELL.", gap_ms=3_000))[0])) == 1
    assert said(read_back(tmp_path, srt(named, "WELL.", gap_ms=3_001))[0])[1:] == [(None, "WELL.")]
    long = "1\n00:00:00,000 --> 00:09:00,000\n>> MAYOR ASHBY: YES.\n\n2\n00:09:00,000 --> 00:09:02,000\nWELL.\n"
    assert said(read_back(tmp_path, long)[0])[1:] == [(None, "WELL.")]
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\n>> MAYOR ASHBY: YES. {}\n\n00:02.000 --> 00:03.000\n{}\n"
    words, _ = read_back(tmp_path, vtt.format("", "<v Jo>NO.</v> WELL."), "a.vtt")
    assert said(words) == [("MAYOR ASHBY", "YES."), ("Jo", "NO."), (None, "WELL.")]
    words, _ = read_back(tmp_path, vtt.format("<v Jo>NO. >> Len Mistry: WHY? - >> HOW?</v>", "WELL."), "a.vtt")
    assert said(words) == [("MAYOR ASHBY", "YES."), ("Jo", "NO."), ("Len Mistry", "WHY? -"), (None, "HOW? WELL.")]


def test_lines_that_roll_on_keep_whose_they_are(tmp_path: Path) -> None:
    lines = [">> MAYOR ASHBY: THANK YOU.", "WE COME TO", "CAMERAS. >>", "NO.", ">> LEN MISTRY: AND", "WHY"]
    rolling = srt(*("\n".join(lines[max(0, i - 1) : i + 1]) for i in range(6)), gap_ms=400)
    assert said(read_back(tmp_path, rolling)[0]) == [
        ("MAYOR ASHBY", "THANK YOU. WE COME TO CAMERAS."),
        (None, "NO."),
        ("LEN MISTRY", "AND WHY"),
    ]


def test_the_time_of_a_name_is_the_next_words(tmp_path: Path) -> None:
    segs = [{"utf8": ">>"}, {"utf8": " MAYOR ASHBY:", "tOffsetMs": 300}, {"utf8": " THANK"}]
    segs += [{"utf8": " YOU.", "tOffsetMs": 900}]
    text = json.dumps({"events": [{"tStartMs": 1_000, "dDurationMs": 2_000, "segs": segs}]})
    words, _ = read_back(tmp_path, text, "a.json3")
    assert [(w.text, w.start_ms) for w in words.words] == [("THANK", 1_300), ("YOU.", 1_900)]


def test_captions_of_nothing_but_marks_and_names_hold_no_words(tmp_path: Path) -> None:
    for text in (">>", ">> MAYOR ASHBY:"):
        with pytest.raises(Problem, match="no words"):
            read_back(tmp_path, srt(text))


@settings(max_examples=200)
@given(
    cues=st.lists(
        st.lists(st.sampled_from([">>", ">> MAYOR ASHBY:", ">>> JO OKAFOR:", "aye", "ITEM:", "\n"]), max_size=6).filter(
            lambda parts: "".join(parts).strip()
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_word_is_lost_and_each_is_whose_mark_stands_last(
    cues: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    voice: str | None = None
    wanted = []
    for part in itertools.chain.from_iterable(cues):
        if part.startswith(">>"):
            voice = part.strip(">: ") or None
        elif part.strip():
            wanted.append((part, voice))
    if wanted:
        text = srt(*(" ".join(cue) for cue in cues))
        words, _ = read_back(tmp_path_factory.getbasetemp(), text)
        assert [(w.text, w.speaker) for w in words.words] == wanted
