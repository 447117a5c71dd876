"""Quotations are led to what was said, or to nothing: by words, by speaker, in articles."""

import json
import random
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import amend, apply, asked
from pipeline.cli import app
from pipeline.events import Event
from pipeline.meetings import Layout
from pipeline.verified import Checker
from search.fold import in_figures, in_words, words
from search.quotes import parse_address, resolve
from search.verify import Finding
from tests.house import with_captions
from transcribe.problem import Problem
from transcribe.records import text_of

PANEL, OTHER = "2024-05-14-panel", "2024-06-11-panel"
ARTICLE = """\
Residents were never asked about live facial recognition on Cooper Street, councillors heard.

“And there was no engagement with residents, none whatsoever,” said Cllr Imelda Quayle. “No notice, just a tweet.”

Superintendent Alison Tranter told the panel: "Councillors were briefed three times … and they asked us plenty of
questions."

Desmond Pell said: “No letter, nothing through the door, nothing on the board in the library.

“I've got nothing to hide, I just didn't fancy being scanned to buy a loaf of bread.”

'We've had number plate cameras on the ring road for ten years,' said Cllr Arkwright, 'and nobody's turned a hair.'

> An officer looks at both pictures before anybody is stopped, every time. — Supt Tranter

“[A]n apology at the kerb doesn't undo it,” Cllr Sowande added.
"""
SAID_AT = [269_839, 273_301, 167_504, 211_256, 310_145, 404_072, 413_500]  # ms, within a second, at which each begins
# Every other word of each quotation is another word for the same.
SWAPPED = """\
“And here was zero engagement alongside residents, nil whatsoever,” said Cllr Imelda Quayle. “No warning, merely a
post.”

Superintendent Alison Tranter told the panel: "Councillors got briefed several times … and members asked ourselves
plenty about questions."

Desmond Pell said: “No note, nothing past the entrance, nothing upon the notice-board inside the archive.

“I've had nothing for hide, I simply didn't want being photographed to purchase a slice of toast.”

'We've kept number licence cameras along the circular road during ten winters,' said Cllr Arkwright, 'and no-one turned
one hair.'

> An inspector looks over both images before someone is halted, every instance. — Supt Tranter

“[A]n regret at a kerb can't undo this,” Cllr Sowande added.
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """The sample meeting by its reference, as captions, and a meeting on the same subject."""
    data = tmp_path_factory.mktemp("verify") / "data"
    toml = (sample / "meeting.toml").read_text("utf-8").replace('media = "meeting.opus"\n', "")
    names = {p["id"]: p["name"] for p in tomllib.loads(toml)["people"]}
    reference = json.loads((sample / "reference" / "reference.json").read_text("utf-8"))
    cues, last_ms = ["WEBVTT\n"], 0
    for s in reference["sentences"]:
        start_ms, last_ms = max(last_ms, s["start_ms"]), s["end_ms"]
        cues.append(f"{clock(start_ms)} --> {clock(last_ms)}\n<v {names[s['speaker']]}>{s['text']}</v>\n")
    with_captions(data, PANEL, toml=toml, vtt="\n".join(cues))
    with_captions(data, OTHER)
    assert CliRunner().invoke(app, ["run", "--jobs", "0", "--data", str(data)]).exit_code == 0
    return data


@pytest.fixture(scope="module")
def checker(data: Path) -> Checker:
    return Checker(Layout(root=data))


def clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def at(finding: Finding) -> tuple[str, int]:
    assert finding.quote is not None, finding
    place = parse_address(finding.quote.address)
    return place.meeting, place.start_ms


# -- one quotation


def test_words_as_they_were_said_match_and_no_more_is_claimed(checker: Checker) -> None:
    found = checker.text("There was NO engagement, with residents - none whatsoever", speaker="Cllr Quayle")
    assert (found.kind, found.verdict) == ("matches", "matches the machine transcript")
    assert (found.wording, found.speaker, found.meeting, found.n_places) == ("same", "same", "", 1)
    assert found.quote is not None
    assert found.quote.text == "there was no engagement with residents, none whatsoever."
    assert (found.quote.speaker, found.quote.speaker_status) == ("Councillor Imelda Quayle", "inferred")
    assert found.notes == ()


def test_what_differs_is_shown_word_by_word(checker: Checker) -> None:
    found = checker.text("And there was engagement with residents, none at whatsoever. No notice, just a letter")
    assert (found.verdict, found.wording) == ("differs", "other")
    assert [(d.kind, d.quoted, d.said) for d in found.differences] == [
        ("same", "And there was", "And there was"),
        ("left out", "", "no"),
        ("same", "engagement with residents, none", "engagement with residents, none"),
        ("added", "at", ""),
        ("same", "whatsoever. No notice, just a", "whatsoever. No notice, just a"),
        ("changed", "letter", "tweet,"),
    ]


def test_words_beside_each_other_that_differ_are_shown_together(checker: Checker) -> None:
    found = checker.text("And there was no talking at all to residents, none whatsoever. No notice, just a tweet")
    other = [(d.kind, d.quoted, d.said) for d in found.differences if d.kind != "same"]
    assert other == [("changed", "talking at all to", "engagement with")]


def test_nobody_hears_whether_words_are_parted(checker: Checker) -> None:
    found = checker.text("compared about nine thousand faces with a watch list of six hundred and forty")
    assert (found.kind, found.wording) == ("matches", "same")
    assert (
        checker.text("compared about nine thousand faces with a watch lists of six hundred and forty").wording
        == "other"
    )
    apart = checker.text("there was no engagement with residents, none what so ever")
    assert (apart.kind, apart.wording) == ("matches", "same")


def test_numbers_may_be_in_words_or_in_figures_but_no_others(checker: Checker) -> None:
    said = checker.text("compared about nine thousand faces with a watchlist of six hundred and forty")
    assert (said.kind, said.wording, at(said)[0]) == ("matches", "same", PANEL)
    assert checker.text("compared about 9,000 faces with a watchlist of 640").kind == "matches"
    assert checker.text("we had 2 vans out").kind == checker.text("we had two vans out").kind == "matches"
    other = checker.text("compared about nine thousand faces with a watchlist of six hundred and fifty")
    assert (other.kind, other.differences[-1].kind) == ("differs", "changed")
    assert "forty" in other.differences[-1].said or "640" in other.differences[-1].said


@given(st.integers(0, 999) | st.integers(0, 999).map(lambda n: n * 1000))
def test_a_number_in_words_is_that_number(n: int) -> None:
    assert in_figures(in_words(str(n))) == [str(n)]
    assert in_figures(["about", *in_words(str(n)), "faces"]) == ["about", str(n), "faces"]


def test_the_wrong_speaker_and_the_wrong_meeting_are_said(checker: Checker) -> None:
    said = "there was no engagement with residents, none whatsoever"
    found = checker.text(said, speaker="Councillor Jo Okafor", meeting=OTHER)
    assert (found.verdict, found.speaker, found.meeting) == ("matches, other meeting", "other", "other")
    assert checker.text(said, speaker="Councillor Jo Okafor").verdict == "matches, other speaker"
    for name in (
        "Quayle",
        "cllr imelda quayle",
        "I. Quayle",
        "imelda-quayle",
        "Imelda Quayl",
        "Ms Quayle",
        "Imelda",
        "imelda quayl",
    ):
        assert checker.text(said, speaker=name).speaker == "same", name
    for name in ("Ian Quayle", "Salter", "the chair", "Councillor"):
        assert checker.text(said, speaker=name).speaker == ("same" if name == "Councillor" else "other"), name
    assert checker.text("one at a time, please", speaker="the chair").speaker == "same"


@pytest.mark.parametrize(
    "text",
    [
        "leaflets were delivered to every household in the borough",
        "the panel will now hear from the fire brigade",
        "engagement leaflets",
        "zzz",
        "Police have supported us and we have supported the police in all of it",
    ],
)
def test_what_nobody_said_is_not_found(checker: Checker, text: str) -> None:
    found = checker.text(text)
    assert (found.kind, found.quote) == ("not found", None)
    assert found.verdict == "not found in the 8 min 29 s transcribed of 8 min 29 s"


def test_short_words_say_that_they_stand_in_many_places(checker: Checker) -> None:
    found = checker.text("thank you, Chair")
    assert (found.kind, found.n_places, len(found.others)) == ("matches", 6, 5)
    assert "these words are said in 6 places" in found.notes
    salter = checker.text("thank you, Chair", speaker="Mr Salter")
    assert (salter.speaker, salter.quote and salter.quote.speaker) == ("same", "Rhodri Salter")


def test_a_few_words_that_go_on_in_the_next_statement_are_found(checker: Checker) -> None:
    found = checker.text("about it. Thank you,")
    assert (found.kind, found.quote and found.quote.text) == ("matches", "about it. Thank you,")


def test_where_several_places_are_as_near_that_is_said(checker: Checker) -> None:
    assert checker.text("thank you ever so Chair").notes == ("several places are as near to these words",)
    assert checker.text("use of live facial recognition cameras").notes == ()


def test_a_meeting_that_is_named_is_looked_in_first(checker: Checker) -> None:
    for meeting in (PANEL, OTHER):
        assert at(checker.text("live facial recognition", meeting=meeting))[0] == meeting


def test_a_meeting_that_is_named_does_not_outweigh_better_words_elsewhere(checker: Checker) -> None:
    found = checker.text("And there was engagement with residents, none at whatsoever. Just a letter", meeting=OTHER)
    assert (found.kind, found.meeting, at(found)[0]) == ("reworded", "other", PANEL)


def test_what_somebody_listened_to_is_said_and_what_is_hidden_is_not_found(data: Path, tmp_path: Path) -> None:
    layout = Layout(root=Path(shutil.copytree(data, tmp_path / "data", copy_function=shutil.copy2)))
    context = asked.context_of(layout, PANEL)
    quote = Checker(layout).text("no notice, just a tweet").quote
    assert quote
    sink: list[Event] = []
    apply.apply(context, amend.listen(context, parse_address(quote.address), by="Mira Holm"), sink.append)
    assert Checker(layout).text("No notice, just a tweet").verdict == "matches, listened to by Mira Holm"
    assert Checker(layout).text("no notice, just a tweet the night").verdict == "matches the machine transcript"
    apply.apply(context, amend.hide(context, parse_address(quote.address), "mask", by="Mira", reason=""), sink.append)
    assert Checker(layout).text("no notice, just a tweet").quote is None


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(5, 40))
def test_a_verbatim_run_always_matches(checker: Checker, chance: random.Random, n: int) -> None:
    spoken = checker._spoken(PANEL)
    assert spoken
    first = chance.randrange(len(spoken.transcript.words) - n)
    said = text_of(spoken.transcript.words[first : first + n])
    found = checker.text(said)
    assert found.kind == "matches", found
    assert found.quote
    assert words(found.quote.text) == words(said)
    assert text_of(resolve(parse_address(found.quote.address), spoken.transcript)) == found.quote.text


@settings(max_examples=80)
@given(st.text(max_size=200) | st.text(st.sampled_from("thank you chair…[].'“” \ue000\ue001"), max_size=80))
def test_no_quotation_is_too_odd(checker: Checker, text: str) -> None:
    found = checker.text(text, speaker=text[:40])
    assert found.quote is None or found.similarity


# -- articles


def test_an_article_is_led_to_its_words(checker: Checker, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(ARTICLE, "utf-8")
    found = checker.article(path)
    for finding, said_ms in zip(found, SAID_AT, strict=True):
        assert at(finding)[0] == PANEL
        of_the_public = finding.said_by == "Desmond Pell"  # whose name is kept back
        assert finding.verdict == "matches the machine transcript"
        assert finding.speaker == ("unknown" if of_the_public else "same"), finding
        assert any("not shown by name" in note for note in finding.notes) == of_the_public
        assert 0 <= at(finding)[1] - said_ms < 1_000


def test_the_same_article_in_other_words_is_led_there_or_to_nothing(checker: Checker, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(SWAPPED, "utf-8")
    found = checker.article(path)
    led = [(f, said_ms) for f, said_ms in zip(found, SAID_AT, strict=True) if f.quote]
    assert len(led) >= 5
    for finding, said_ms in led:
        assert finding.kind in ("differs", "reworded")
        assert abs(at(finding)[1] - said_ms) < 1_500


def test_a_quotation_that_is_never_closed_is_told_whatever_becomes_of_it(checker: Checker, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    for said, kind in (
        ("there was no engagement with residents, none whatsoever", "matches"),
        ("Leaflets!", "not found"),
    ):
        path.write_text(f"Cllr Quayle said: “{said}", "utf-8")
        (found,) = checker.article(path)
        assert (found.kind, found.notes) == (kind, ("the quotation mark is never closed",))
    path.write_text("Cllr Quayle said: “there was no engagement with residents, none whatsoever.”", "utf-8")
    assert [f.notes for f in checker.article(path)] == [()]


def test_words_left_out_without_a_mark_differ(checker: Checker, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text("“Well, I went to all three,” he said, “so I don't know whose diary that is.”", "utf-8")
    (found,) = checker.article(path)
    left_out = [d.said for d in found.differences if d.kind == "left out"]
    assert (found.kind, left_out) == ("differs", ["of those briefings,"])
    marked = checker.text("Well, I went to all three … so I don't know whose diary that is.")
    omitted = [d.said for d in marked.differences if d.kind == "omitted"]
    assert (marked.kind, omitted) == ("matches", ["of those briefings,"])
    assert marked.notes == ("words are left out where the quotation has a gap or brackets",)


# -- the command line


def cli(*args: str) -> str:
    done = CliRunner().invoke(app, ["verify", *args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_verb_prints_rows_and_json(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(ARTICLE + "\n“Nobody ever said these purple words,” said Jo Okafor.\n", "utf-8")
    shown = cli("--file", str(path), "--data", str(data))
    assert "8 quoted passages in article.txt" in shown
    assert f"{PANEL}/269839-272884~" in shown
    assert "not found in the 8 min 29 s transcribed of 8 min 29 s" in shown
    rows = json.loads(cli("--file", str(path), "--json", "--data", str(data)))
    assert [row["kind"] for row in rows] == ["matches"] * 7 + ["not found"]
    one = json.loads(cli("councillors", "were briefed two times in", "--json", "--data", str(data)))
    assert (one["kind"], one["quote"]["meeting"]) == ("differs", PANEL)
    assert "[-two-] {+three+}" in cli("councillors were briefed two times", "--data", str(data))


def test_what_somebody_listened_to_does_not_hide_how_much_was_transcribed(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "listened"
    shutil.copytree(data, place)
    path = place / "processed" / PANEL / "transcript.json"
    heard = '{"start_ms":1,"end_ms":2,"by":"Ann Clerk","on":"2024-06-01"}'
    for n in (1, 1_000):
        whole = (data / "processed" / PANEL / "transcript.json").read_text("utf-8")
        listened = ",".join([heard] * n)
        path.write_text(f'{whole.removesuffix(chr(10) + "}" + chr(10))},\n "listened": [{listened}]\n}}\n', "utf-8")
        told = cli("Nobody ever said these purple words", "--data", str(place))
        assert "not found in the 8 min 29 s transcribed of 8 min 29 s" in told, n


def test_what_cannot_be_read_is_not_told_as_never_said(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "damaged"
    shutil.copytree(data, place)
    (place / "processed" / PANEL / "quotes.parquet").write_bytes(b"PAR1")
    found = Checker(Layout(root=place)).text("there was no engagement with residents, none whatsoever")
    assert found.quote is None
    assert found.notes == (f"it may stand in what cannot be read just now: {PANEL} (onrecord run makes it again)",)


def test_what_cannot_be_checked_is_one_clear_error(data: Path, tmp_path: Path) -> None:
    for args in ((), ("words", "--file", "a.txt"), ("--file", "gone.txt"), ("words", "--meeting", "gone")):
        with pytest.raises(Problem):
            cli(*args, "--data", str(data))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Problem, match="nothing has been indexed"):
        cli("words", "--data", str(tmp_path / "empty"))
