"""What the documents say is there: links, pictures, verbs and their options."""

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pipeline.cli import app
from search.measured import MEASURED
from tests.house import ROOT
from tests.page_house import MEETING, browser_path, build, served
from tests.screenshots import PICTURES, SCENES, Place, first_quote, opened, taken, with_account

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_BYTES, MOST_BYTES_TOGETHER = 150_000, 1_500_000
FENCED = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(path: Path) -> set[str]:
    """What a heading is called in a link, as GitHub makes it."""
    heads = re.findall(r"^#+ (.+)$", FENCED.sub("", path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_page_tells_the_figures_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rows: dict[str, str] = dict(re.findall(r"^\| (.+?) \| (.+) \|$", readme, re.M))

    def told(of: str) -> str:
        (found,) = (value for row, value in rows.items() if row.startswith(of))
        return str(found)

    assert told("sample meeting: words wrong") == MEASURED.sample_words_wrong
    assert f"right, {MEASURED.sample_names_wrong} wrong" in told("sample meeting: words with a name")
    assert told("real office meetings") == f"{MEASURED.far_words_wrong} of 100; {MEASURED.far_time_wrong} %"
    assert told("codes on held-out") == f"{MEASURED.codes_f1:.2f}".lstrip("0")
    assert f"{MEASURED.sample_stance_right} of them right in the sample" in told("how a speaker sounds")


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = FENCED.sub("", path.read_text("utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        if not to.exists() or (anchor and anchor not in anchors(to)):
            broken.append(target)
    assert broken == []


def test_every_document_is_linked_from_the_readme() -> None:
    readme = DOCS[0].read_text("utf-8")
    assert [p.name for p in DOCS[1:] if f"(docs/{p.name}" not in readme] == []


def test_pictures_are_small_shown_and_made_by_the_script() -> None:
    sizes = {p.stem: p.stat().st_size for p in PICTURES.glob("*")}
    assert sizes.keys() == SCENES.keys()
    assert max(sizes.values()) < MOST_BYTES
    assert sum(sizes.values()) < MOST_BYTES_TOGETHER
    text = "".join(p.read_text("utf-8") for p in DOCS)
    assert [n for n in sizes if f"pictures/{n}.png)" not in text] == []
    assert [d for d in re.findall(r"!\[([^]]*)\]\(", text) if len(d) < 30] == []  # what it shows, for who cannot see it


def test_the_scenes_of_the_pictures_can_still_be_played(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not browser_path():
        pytest.skip("no Chromium is here: tests/need-browser.sh says how to get one")
    words = "no consultation with residents"
    data = tmp_path_factory.mktemp("pictures") / "data"
    shutil.copytree(build(tmp_path_factory.getbasetemp()), data)
    with_account(data)
    with served(data) as (base, _), opened(base) as page:
        at = Place(base, MEETING, words, first_quote(base, words))
        shots = {name: taken(page, scene(page, at)) for name, scene in SCENES.items()}
    assert all(shot.startswith(b"\x89PNG") for shot in shots.values())


@pytest.mark.parametrize(
    ("guide", "labels"),
    [
        (
            "clerks.md",
            "Sign in|Say who this is|Confirm|Nobody knows|Who speaks|Correct the words|Save these words|Take back|"
            "The words are right|Hide it|Personal details|Not part of the public record|Withhold|Decide again|"
            "Show it again|What needs you|Meetings|Cite",
        ),
        ("journalists.md", "Cite|Cite it|How we know who speaks|Download a clip|Feed of new ones"),
    ],
)
def test_what_a_guide_says_to_press_is_on_the_page(guide: str, labels: str) -> None:
    text = (ROOT / "docs" / guide).read_text("utf-8")
    page = "".join(
        p.read_text("utf-8") for below in ("templates", "static") for p in (ROOT / "search" / below).glob("*")
    )
    for label in labels.split("|"):
        assert f"**{label}**" in text or f'"{label}"' in text, f"{label} is not in the guide"
        assert re.search(rf"[>\"}}] ?{re.escape(label)} ?[<\"{{,]", page), f"{label} is not on the page"


# -- commands -------------------------------------------------------------------------------------


def commands(path: Path) -> Iterator[str]:
    """Each command that a document gives: lines of code blocks and code in lines that call the program."""
    text = path.read_text("utf-8")
    for block in FENCED.findall(text):
        yield from re.findall(r"^(?:\$ |> )?(onrecord .+)$", block, re.M)
        yield from re.findall(r"&& (onrecord [^&\n]+)", block)
    for span in re.findall(r"`([^`\n]+)`", FENCED.sub("", text)):
        if span.startswith("onrecord "):
            yield span


def wrong(command: str) -> str:
    """What is wrong with a command: a verb or an option that is none. Empty where all is well."""
    try:
        words = shlex.split(re.split(r" (?:[|&>]|>>|&&) |;", command)[0], comments=True)
    except ValueError:  # a quotation that goes on in another line
        words = command.split()
    verbs: list[Any] = [typer.main.get_command(app)]
    at = 1
    while at < len(words) and hasattr(verbs[0], "commands") and not words[at].startswith("-"):
        named = words[at].split("|")
        if missing := [n for n in named if n not in verbs[0].commands]:
            return f"no such verb: {missing[0]}"
        verbs = [verbs[0].commands[n] for n in named]
        at += 1
    for word in words[at:]:
        option = word.partition("=")[0]
        for verb in verbs:
            known = {o for p in verb.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
            if re.fullmatch(r"-[a-z]|--[a-z][a-z-]*", option) and option not in known:
                return f"no such option: {option}"
    return ""


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_every_command_can_be_called(path: Path) -> None:
    assert [(c, w) for c in commands(path) if (w := wrong(c))] == []


def test_a_wrong_command_is_noticed() -> None:
    assert wrong("onrecord serach words") == "no such verb: serach"
    assert wrong("onrecord search words --sorted best | head") == "no such option: --sorted"
    assert wrong("onrecord models get starter; onrecord models get whisper-base --to /media/stick") == ""
    assert wrong("onrecord search words --sort=newest") == ""
    assert wrong("onrecord score words|turns|voices REF HYP") == "no such verb: voices"


def test_extras_and_what_is_said_of_them_agree() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    said = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    rows = {m[1]: m[2] for m in re.finditer(r"^\| `?([\w.-]+)`?[^|]* \| ([^|]*)\|", said, re.M)}

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=\[ ]", r)[0].lower() for r in requirements}

    always = said[said.index("## Always") : said.index("Captions are read")]
    assert {n for n in names(extras["dependencies"]) if f"| {n} " not in always} == set()
    for extra, requirements in extras["optional-dependencies"].items():
        assert extra in rows, f"{extra} stands in no row"
        if extra != "all":
            assert {n for n in names(requirements) if n not in rows[extra].lower()} == set(), extra
    assert names(extras["optional-dependencies"]["all"]) == {"onrecord"}
