"""`onrecord quote` as it is typed: styles, history, links by the settings of the data folder."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import asked, check, settings
from pipeline.cli import app
from pipeline.meetings import Layout
from tests.house import TOML, with_captions
from tests.test_places import refused, told
from transcribe.problem import Problem

MEETING = "2024-05-14-panel"
PLACE = f"{MEETING}/10000-19500"
SAID = "No, Chair. There was no consultation with residents before the deployment of the cameras."
PAGE = 'source_url = "https://tv.wrenbridge.example/7"\nsource_offset_s = 65.5\n'


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("finished")
    with_captions(data, MEETING, toml=PAGE + TOML)
    told("run", "--jobs", "0", data=data)
    return data


@pytest.fixture
def data(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "data")
    return tmp_path / "data"


def answer(*args: str, data: Path) -> dict[str, object]:
    found = json.loads(told("quote", *args, "--json", data=data))
    assert isinstance(found, dict)
    return found


def test_every_style_is_offered_and_its_text_is_in_the_answer(data: Path) -> None:
    for style in ("plain", "apa", "chicago", "harvard", "oscola", "csl-json", "ris", "bibtex"):
        found = answer(PLACE, "--style", style, data=data)
        assert SAID in str(found["citation"])
        assert "named by software" in str(found["citation"])
    assert found["reference"]["at"] == "0:01:15"  # type: ignore[index]


def test_data_come_alone_on_stdout(data: Path) -> None:
    done = CliRunner().invoke(app, ["quote", PLACE, "--style", "csl-json", "--data", str(data)])
    (item,) = json.loads(done.stdout)
    assert item["abstract"] == SAID
    assert "How we know who speaks" in done.stderr
    text = CliRunner().invoke(app, ["quote", PLACE, "--style", "oscola", "--data", str(data)])
    assert "How we know who speaks" in text.stdout
    assert f"‘{SAID}’\n\nAlison Tranter [named by software, not checked]" in text.stdout


def test_a_page_opens_at_the_moment_where_the_folder_says_how(data: Path) -> None:
    assert "https://tv.wrenbridge.example/7 (accessed" in told("quote", PLACE, data=data)
    (data / "onrecord.toml").write_text('[players]\n"wrenbridge.example" = "?start={s}"\n', "utf-8")
    assert "https://tv.wrenbridge.example/7?start=75 (accessed" in told("quote", PLACE, data=data)


@pytest.mark.parametrize(
    ("written", "line", "what"),
    [
        ('[players]\n"a.example" = "start"\n', 2, "where the time goes"),
        ('[players]\n"https://a.example" = "?t={s}"\n', 2, "not the name of a host"),
        ("players = 5\n", 1, "players"),
        ("[players]\n'a.example' = 5\n", 1, "players"),
        ("[player]\n", 1, "means nothing here"),
        ("[players\n", 1, "not valid TOML"),
    ],
)
def test_settings_that_cannot_be_read_are_said_with_their_line(
    tmp_path: Path, written: str, line: int, what: str
) -> None:
    layout = Layout(root=tmp_path)
    assert settings.read(layout).players == {}
    layout.settings.write_text(written, "utf-8")
    with pytest.raises(Problem) as caught:
        settings.read(layout)
    assert what in caught.value.what
    assert caught.value.where.endswith(f"onrecord.toml, line {line}")


def test_check_reads_the_settings_too(data: Path) -> None:
    (data / "onrecord.toml").write_text('[players]\n"a.example" = "x"\n"b.example" = "?t={s}"\n', "utf-8")
    layout = Layout(root=data)
    _, ids = asked.folders_of(layout, None)
    (found,) = check.check_data(layout, ids)
    assert (found.kind, found.line) == ("error", 2)
    assert list(settings.examine(layout)[0].players) == ["b.example"]


@pytest.mark.parametrize(("state", "page"), [("gone", ""), ("changed", "https://tv.wrenbridge.example/7")])
def test_a_page_that_is_gone_or_plays_something_else_now(data: Path, state: str, page: str) -> None:
    (data / "raw" / MEETING / "meeting.toml").write_text(f'source_state = "{state}"\n{PAGE}{TOML}', "utf-8")
    (data / "onrecord.toml").write_text('[players]\n"wrenbridge.example" = "?start={s}"\n', "utf-8")
    told("run", "--jobs", "0", data=data)
    found = answer(PLACE, data=data)["reference"]
    assert isinstance(found, dict)
    assert (found.get("url", ""), found["at"], found["published"]) == (page, "0:00:10", False)


def test_captions_alone_get_a_page_that_is_given_later(data: Path) -> None:
    written = data / "raw" / MEETING / "meeting.toml"
    written.write_text(PAGE.replace("/7", "/8") + TOML, "utf-8")
    told("run", "--jobs", "0", data=data)
    assert "https://tv.wrenbridge.example/8" in told("quote", PLACE, data=data)


def test_history_lists_what_people_did_and_took_back(data: Path) -> None:
    assert "Nobody changed anything here." in told("quote", PLACE, "--history", data=data)
    new = SAID.replace("no consultation", "no real consultation")
    told("correct", PLACE, "--words", new, "--by", "Ann Clerk", data=data)
    told("correct", PLACE, "--undo", "--by", "Bob Clerk", data=data)
    told("correct", PLACE, "--listened", "--by", "Mira Sol", data=data)
    told("correct", f"{MEETING}/20000-29500", "--speaker", "unknown", "--by", "Elsewhere", data=data)
    found = answer(PLACE, "--history", data=data)["history"]
    assert isinstance(found, list)
    words, listened = found
    assert (words["kind"], words["by"], words["old"], words["new"], words["undone_by"]) == (
        "words",
        "Ann Clerk",
        SAID,
        new,
        "Bob Clerk",
    )
    assert (listened["kind"], listened["by"]) == ("listen", "Mira Sol")
    shown = told("quote", PLACE, "--history", data=data)
    assert "Ann Clerk changed the words; taken back by Bob Clerk" in shown
    assert f"now: “{new}”" in shown
    assert "Listened to by Mira Sol." in shown
    assert "Elsewhere" not in shown
    elsewhere = told("quote", f"{MEETING}/20000-29500", "--history", data=data)
    assert "Elsewhere said who speaks" in elsewhere
    assert "now: unknown speaker" in elsewhere


def test_history_names_nobody_who_is_not_shown_by_name(data: Path) -> None:
    written = data / "raw" / MEETING / "meeting.toml"
    resident = '[[people]]\nid = "ivo-brand"\nname = "Ivo Brand"\npublic = "named"\n'
    written.write_text(PAGE + TOML + resident, "utf-8")
    told("correct", PLACE, "--speaker", "ivo-brand", "--by", "Ann Clerk", data=data)
    told("correct", PLACE, "--speaker", "unknown", "--by", "Ann Clerk", data=data)
    assert "now: Ivo Brand" in told("quote", PLACE, "--history", data=data)
    written.write_text(PAGE + TOML + resident.replace('"named"', '"unnamed"'), "utf-8")
    told("run", "--jobs", "0", data=data)
    shown = told("quote", PLACE, "--history", data=data)
    assert "now: Member of the public" in shown
    assert "was: Member of the public" in shown
    assert "rand" not in shown
    assert "ivo-brand" not in told("quote", PLACE, "--history", "--json", data=data)


def test_history_tells_nothing_of_what_is_hidden_now(data: Path) -> None:
    secret = "No, Chair. Ring her on 07700 900123 before the deployment of the cameras."
    told("correct", PLACE, "--words", secret, "--by", "Ann Clerk", data=data)
    both = f"{MEETING}/10000-29500"
    told("correct", PLACE, "--withhold", "--reason", "a number", "--until", "2999-01-01", "--by", "Bob", data=data)
    shown = told("quote", both, "--history", data=data)
    assert "Ann Clerk changed the words" in shown
    assert "what it said is hidden now" in shown
    assert "Bob withheld something here (a number" in shown
    assert "07700" not in shown
    assert "07700" not in told("quote", both, "--history", "--json", data=data)
    assert "withheld" in refused("quote", PLACE, "--history", data=data).what


def test_a_citation_whose_words_changed_says_so(data: Path) -> None:
    cited = f"{PLACE}~" + answer(PLACE, data=data)["passage"]["quote"]["check"]  # type: ignore[index]
    assert "no longer says" not in told("quote", cited, data=data)
    told("correct", PLACE, "--words", SAID.replace("no", "little"), "--by", "Ann Clerk", data=data)
    assert "This place no longer says what was cited: the wording changed, or who is named for it." in told(
        "quote", cited, data=data
    )
    told("correct", PLACE, "--undo", "--by", "Ann Clerk", data=data)
    told("correct", PLACE, "--speaker", "jo-okafor", "--by", "Ann Clerk", data=data)
    assert "the words are the same, the speaker is another" in told("quote", cited, data=data)
    assert "no longer says" not in told("quote", PLACE, data=data)
