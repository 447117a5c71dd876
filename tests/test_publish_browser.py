"""Published pages in a real browser, opened as files: search, play, read without JavaScript, hostile text, WCAG."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from pipeline import publish
from pipeline.meetings import Layout
from search.quotes import read_parquet
from tests.page_house import HIDDEN, HOSTILE, MEETING, PAYLOADS, browser, browser_path, build, until

PAGES = (
    "index.html",
    "index.html#q=facial",
    "index.html#q=nothingatall",
    "meetings.html",
    "people.html",
    "codes.html",
    "code/consultation.html",
    "person/jo-okafor.html",
    f"meeting/{MEETING}.html",
    f"meeting/{HIDDEN}.html",
    f"quote/{MEETING}/10000-19500.html",
    "about.html",
    "help.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not browser_path():
        pytest.skip("no Chromium is here: tests/need-browser.sh says how to get one")
    whole = build(tmp_path_factory.getbasetemp())
    data = Path(shutil.copytree(whole, tmp_path_factory.mktemp("published") / "data"))
    out = data.parent / "a site # with 100% odd name"
    publish.publish(Layout(root=data), out, publish.Given(media="copy"))
    return out


@pytest.fixture(scope="module")
def chromium(site: Path) -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab in which nothing may go wrong that the browser tells of, and that asks for nothing but files."""
    tab = chromium.new_page(viewport={"width": 1100, "height": 800})
    wrong: list[str] = []
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    tab.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)
    yield tab
    tab.close()
    assert wrong == []


def address(site: Path, path: str) -> str:
    name, _, fragment = path.partition("#")
    return (site / name).as_uri() + (f"#{fragment}" if fragment else "")


def found(page: Page, site: Path, query: str) -> list[str]:
    """What a search finds, in order; the page is the same all the while, as when people search again."""
    if page.url.partition("#")[0] != (site / "index.html").as_uri():
        page.goto(address(site, "index.html"))
    page.fill("#q", query)
    page.keyboard.press("Enter")
    until(page, f"new URLSearchParams(location.hash.slice(1)).get('q') === {query.strip()!r}")
    until(page, "document.querySelector('#found').dataset.shown === location.hash")
    return page.locator(".hit blockquote").all_inner_texts()


def test_searching_following_a_quote_and_playing_it(page: Page, site: Path) -> None:
    page.goto(address(site, "index.html"))
    page.fill("#q", "consultation")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit mark")
    assert page.inner_text(".hit mark") == "consultation"
    assert "named by software, not checked" in page.inner_text(".hit .by")
    page.click(".hit .play")
    until(page, "document.querySelector('#bar-time').textContent.startsWith('0:00:1')")
    page.click(".hit .cite")
    page.wait_for_selector(".one blockquote")
    assert "There was no consultation" in page.inner_text(".one blockquote")
    until(page, "Math.abs(document.querySelector('#media').currentTime - 10) < 0.1")
    page.evaluate("document.querySelector('#media').play()")
    until(page, "document.querySelector('#media').currentTime > 10.3")
    assert f"{MEETING}/10000-19500~" in page.input_value("#permalink")
    years = re.findall(r"\b20[0-9]{2}\b", page.inner_text("#style-plain"))
    assert set(years) == {"2024"}  # nobody knows when it is read
    page.click(".one .at a")
    page.wait_for_selector("#transcript")
    until(page, "Math.abs(document.querySelector('#media').currentTime - 10) < 0.1")


def test_a_meetings_page_offers_no_citation_that_it_cannot_make(page: Page, site: Path) -> None:
    page.goto(address(site, f"meeting/{MEETING}.html"))
    page.keyboard.press("c")
    until(page, "document.querySelector('#said').textContent.includes('a page of their own')")


def test_words_that_are_selected_play_and_have_a_link(page: Page, site: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    meeting = address(site, f"meeting/{MEETING}.html")
    page.goto(f"{meeting}#t30000")
    page.evaluate("""() => {
        const said = document.querySelectorAll('.said')[1].querySelector('.s').firstChild;
        getSelection().setBaseAndExtent(said, said.data.indexOf('consultation'), said, said.data.length);
    }""")
    page.wait_for_selector("#picked:not([hidden])")
    assert page.locator("#picked :is(a, button)").all_inner_texts() == ["Play", "Copy link"]
    for key in ("", "c"):
        page.keyboard.press(key) if key else page.click("#picked-copy")
        until(page, "document.querySelector('#said').textContent === 'Link copied'")
        link = page.evaluate("navigator.clipboard.readText()")
        page.evaluate("document.querySelector('#said').textContent = ''")
    assert re.fullmatch(re.escape(meeting) + r"#t1[0-9]{4}", link)
    page.click("#picked-play")
    until(page, f"document.querySelector('#media').currentTime > {int(link.partition('#t')[2]) / 1000}")
    page.goto("about:blank")
    page.goto(link)
    until(page, f"Math.abs(document.querySelector('#media').currentTime - {int(link.partition('#t')[2]) / 1000}) < 0.1")


def test_words_phrases_and_what_is_not_wanted(page: Page, site: Path) -> None:
    rows = read_parquet(Layout(root=site.parent / "data").made(MEETING) / "quotes.parquet")
    texts = [q.text for q in rows]
    cases: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("facial", lambda t: "facial" in t),
        ("FACIAL residents", lambda t: "facial" in t and "residents" in t),
        ('"no consultation"', lambda t: "no consultation" in t),
        ("“facial recognition” -deployment", lambda t: "facial recognition" in t and "deployment" not in t),
        ("consult*", lambda t: "consult" in t),
        ("consult", lambda t: False),
        ("no, chair!", lambda t: "No, Chair" in t),
    )
    for query, fits in cases:
        assert sorted(found(page, site, query)) == sorted(t for t in texts if fits(t)), query
    assert found(page, site, "residents OR tweet") == []
    assert "OR is not understood here" in page.inner_text("#noted")
    assert "does not show that nothing was said" in page.inner_text("#noted")
    assert found(page, site, "speaker:okafor deployment")
    assert "left out" in page.inner_text("#noted")


def test_narrowing_by_speaker_and_code_has_an_address(page: Page, site: Path) -> None:
    everything = found(page, site, "facial")
    page.select_option("#speaker", "jo-okafor")
    until(page, f"document.querySelectorAll('.hit').length < {len(everything)}")
    assert set(page.locator(".hit .by .name").all_inner_texts()) == {"Councillor Jo Okafor"}
    page.select_option("#code", "notification")
    until(page, "location.hash.includes('code=notification')")
    page.wait_for_selector(".hit .marks li")
    assert all("Notification" in text for text in page.locator(".hit .marks").all_inner_texts())
    asked, shown = page.url, page.locator(".hit blockquote").all_inner_texts()
    page.goto("about:blank")
    page.goto(asked)
    page.wait_for_selector(".hit")
    assert page.locator(".hit blockquote").all_inner_texts() == shown
    assert page.input_value("#speaker") == "jo-okafor"
    page.select_option("#speaker", "")
    page.select_option("#code", "")
    page.select_option("#sort", "newest")
    page.fill("#q", "")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#summary').textContent.startsWith('18 ')")
    days = page.locator(".hit time").evaluate_all("all => all.map(t => t.dateTime)")
    assert days == sorted(days, reverse=True)


def test_what_is_missing_is_said(chromium: Browser, site: Path, tmp_path: Path) -> None:
    part = Path(shutil.copytree(site, tmp_path / "part"))
    for path in (part / "data").iterdir():
        path.unlink()
    page = chromium.new_page()
    page.goto(address(part, "index.html#q=facial"))
    until(page, "!document.querySelector('#noted').hidden")
    assert "1 of 1 files of statements are not there" in page.inner_text("#noted")
    page.close()


def test_without_javascript_pages_are_read_and_walked_through(chromium: Browser, site: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address(site, "index.html"))
    assert not page.is_visible("#search")
    assert "The search needs JavaScript" in page.inner_text("main")
    page.click("text=All people")
    page.click("text=Councillor Jo Okafor")
    assert "So nobody was told" in page.inner_text("main")
    page.click(".hit .cite")
    assert "SHA-256" in page.inner_text("footer")
    page.click("text=Subjects")
    page.click("text=Consultation")
    page.click("text=In the meeting >> nth=0")
    assert page.is_visible("#transcript")
    context.close()


def test_hostile_text_runs_nowhere(page: Page, site: Path) -> None:
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("window.hit") is None, path
    texts = found(page, site, "wrote")
    rows = read_parquet(Layout(root=site.parent / "data").made(HOSTILE) / "quotes.parquet")
    assert sorted(texts) == sorted(q.text for q in rows)
    assert len(texts) == len(PAYLOADS)
    assert page.evaluate("window.hit") is None
    for payload in PAYLOADS:
        found(page, site, payload)
        assert page.evaluate("window.hit") is None, payload
    page.goto(address(site, f"meeting/{HOSTILE}.html"))
    assert PAYLOADS[0] in page.inner_text("h1")


@pytest.mark.parametrize(("scheme", "paths"), [("light", PAGES), ("dark", PAGES[1:2])])
def test_wcag_and_a_telephone(chromium: Browser, site: Path, scheme: Any, paths: tuple[str, ...]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 320, "height": 640})
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for path in paths:
        page = context.new_page()
        page.goto(address(site, path))
        if "#" in path:
            until(page, "/quote|Nothing/.test(document.querySelector('#summary').textContent)")
        results = Axe().run(page, options=rules)
        wrong = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in results.response["violations"]]
        assert wrong == [], (path, wrong)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        page.close()
    context.close()
