"""The page in a real browser, over a real server: playing, keys, no JavaScript, narrow screens, hostile text, WCAG."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.page_house import HIDDEN, HOSTILE, MEETING, PAYLOADS, browser, browser_path, build, served, until

PAGES = (
    "/",
    "/?q=facial",
    "/?q=nothingatall",
    "/meetings",
    f"/meeting/{MEETING}?q=residents",
    f"/meeting/{HIDDEN}",
    f"/quote/{MEETING}/10000-19500",
    "/person/jo-okafor",
    "/about",
    "/help",
    "/no-such-page",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not browser_path():
        pytest.skip("no Chromium is here: tests/need-browser.sh says how to get one")
    with served(build(tmp_path_factory.getbasetemp())) as (address, _):
        yield address


@pytest.fixture(scope="module")
def chromium(base: str) -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1100, "height": 800})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab in which nothing may go wrong that the browser tells of."""
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "404" not in m.text else None)
    yield tab
    assert wrong == []


def seconds(page: Page) -> float:
    return float(page.evaluate("document.querySelector('#media').currentTime"))


def test_searching_and_playing_a_quote(page: Page, base: str) -> None:
    page.goto(base)
    page.fill("#q", "consultation")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit mark")
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/media/" in r.url else None)
    page.click(".hit .play")
    until(page, "document.querySelector('#bar-time').textContent.startsWith('0:00:1')")
    assert asked[0] == f"{base}/media/{MEETING}"
    assert page.is_visible("#bar")
    page.keyboard.press("k")
    page.wait_for_selector("#bar-play[aria-label=Play]")


def test_a_click_on_a_word_plays_it(page: Page, base: str) -> None:
    page.goto(f"{base}/meeting/{MEETING}")
    until(page, "document.querySelector('#media').readyState >= 1")
    box = page.evaluate("""() => {
        const said = document.querySelectorAll('.said')[1];
        const range = document.createRange();
        const node = said.querySelector('.s').firstChild;
        const at = node.data.indexOf('consultation');
        range.setStart(node, at + 3); range.setEnd(node, at + 4);
        const r = range.getBoundingClientRect();
        return [r.x + 1, r.y + r.height / 2];
    }""")
    page.evaluate("""() => {
        document.querySelector('#media').addEventListener('seeking', e => { window.sought = e.target.currentTime; });
    }""")
    page.mouse.click(box[0], box[1])
    until(page, "!document.querySelector('#media').paused && window.sought !== undefined")
    # Captions say when a line is spoken, 10.0 to 19.5 s; its words share that by their length.
    answer = page.request.get(f"{base}/api/quotes/{MEETING}/10000-19500").json()
    assert "consultation" in answer["quote"]["text"]
    assert 11.5 < page.evaluate("window.sought") < 15.5
    lit = "[...CSS.highlights.get('word') || []].map(r => r.toString()).join()"
    until(page, f"{lit}.length > 0")


def test_an_address_is_where_it_plays(page: Page, base: str) -> None:
    page.goto(f"{base}/quote/{MEETING}/20000-29500")
    until(page, "document.querySelector('#media').readyState >= 1")
    until(page, "Math.abs(document.querySelector('#media').currentTime - 20) < 0.1")
    page.goto(f"{base}/meeting/{MEETING}#t30000")
    until(page, "Math.abs((document.querySelector('#media') || {}).currentTime - 30) < 0.1")


def test_a_quote_ends_where_it_ends(page: Page, base: str) -> None:
    page.goto(f"{base}/quote/{MEETING}/10000-11000")
    until(page, "document.querySelector('#media').readyState >= 1")
    page.evaluate("document.querySelector('#media').play()")
    until(page, "document.querySelector('#media').paused && document.querySelector('#media').currentTime > 10.9")
    assert seconds(page) < 15


def test_words_that_are_selected_across_statements_have_an_address(page: Page, base: str) -> None:
    page.goto(f"{base}/meeting/{MEETING}")
    page.evaluate("""() => {
        const said = document.querySelectorAll('.said');
        const first = said[0].querySelector('.s:last-child').firstChild;
        const last = said[1].querySelector('.s').firstChild;
        getSelection().setBaseAndExtent(first, first.data.length - 4, last, 2);
    }""")
    page.wait_for_selector("#picked:not([hidden])")
    page.click("#picked-quote")
    page.wait_for_selector(".one blockquote")
    assert page.url.startswith(f"{base}/quote/{MEETING}/")
    text = page.inner_text(".one blockquote")
    assert text.strip("“”").split() == ["consulted?", "No,"]
    assert "Several speakers" in page.inner_text(".one .by")


def test_what_is_selected_is_cited_in_the_style_of_choice_and_cut_with_padding(
    context: BrowserContext, page: Page, base: str
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{base}/meeting/{MEETING}")
    page.evaluate("getSelection().selectAllChildren(document.querySelectorAll('.said')[1])")
    page.wait_for_selector("#picked:not([hidden])")
    page.select_option("#picked-style", "apa")
    page.click("#picked-copy")
    until(page, "document.querySelector('#said').textContent === 'Citation copied'")
    assert "(2024, May 14)" in page.evaluate("navigator.clipboard.readText()")
    page.fill("#picked-clip input", "5")  # which takes the selection from the words
    page.wait_for_timeout(300)
    with page.expect_download() as begun:
        page.click("#picked-clip button >> nth=0")
    assert begun.value.url == f"{base}/clip/{MEETING}/10000-19500?pad=5"
    page.keyboard.press("Escape")
    page.wait_for_selector("#picked", state="hidden")
    page.goto(f"{base}/quote/{MEETING}/10000-19500")
    page.keyboard.press("c")
    until(page, "document.querySelector('#said').textContent === 'Citation copied'")
    assert "(2024, May 14)" in page.evaluate("navigator.clipboard.readText()"), "the style is remembered"


def test_nothing_jumps_while_a_page_comes(context: BrowserContext, base: str) -> None:
    context.add_init_script("""
        window.moved = [];
        new PerformanceObserver(l => l.getEntries().forEach(e => e.hadRecentInput || moved.push(e.value)))
            .observe({type: 'layout-shift', buffered: true});
    """)
    page = context.new_page()
    for path in PAGES:
        page.goto(base + path)
        page.wait_for_timeout(150)
        assert page.evaluate("moved.reduce((a, b) => a + b, 0)") < 0.01, path


def test_keys_alone(page: Page, base: str) -> None:
    page.goto(f"{base}/?q=facial")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement.classList.contains('play')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#bar-play[aria-label=Pause]")
    page.keyboard.press("k")
    page.wait_for_selector("#bar-play[aria-label=Play]")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#keys:not([open])", state="attached")
    page.goto(f"{base}/meeting/{MEETING}")
    until(page, "document.querySelector('#media').readyState >= 1")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("l")
    until(page, "Math.abs(document.querySelector('#media').currentTime - 5) < 0.2")
    page.keyboard.press("j")
    until(page, "document.querySelector('#media').currentTime < 0.2")
    page.keyboard.press("n")
    until(page, "document.querySelector('#said').textContent.startsWith('1 of')")


def test_a_citation_is_copied(context: BrowserContext, page: Page, base: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{base}/?q=consultation")
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    page.keyboard.press("c")
    until(page, "document.querySelector('#said').textContent === 'Citation copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "consultation" in copied
    assert "not the official record" in copied


def test_without_javascript(chromium: Browser, base: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base)
    page.fill("#q", "consultation")
    page.click("button.main >> nth=0")
    assert page.inner_text(".summary strong") != "0"
    page.click(".hit .play")
    assert not page.is_visible(".needs-script >> nth=0")
    assert page.get_attribute("#media", "src") == f"/media/{MEETING}#t=10.0,19.5"
    page.click(".at a >> nth=0")
    assert not page.is_visible("#follow")
    page.click(".pick summary")
    page.fill("input[name=start]", "0:00:10")
    page.fill("input[name=end]", "0:00:19")
    page.click(".pick button")
    assert page.url == f"{base}/quote/{MEETING}/10000-19000"
    context.close()


def test_a_long_name_leaves_its_number_whole(chromium: Browser, base: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(base)
    page.evaluate(
        """for (const link of document.querySelectorAll(".counts a")) {
            link.textContent = "Councillor Maximilian-Alexander of Upper and of Nether Wrenbridge";
            link.nextElementSibling.textContent = "2,385";
        }"""
    )
    heights = {round(n.bounding_box()["height"]) for n in page.query_selector_all(".counts .n")}  # type: ignore[index]
    assert len(heights) == 1
    assert heights.pop() < 30  # one line
    context.close()


def test_nothing_is_wider_than_a_telephone(chromium: Browser, base: str) -> None:
    context = chromium.new_context(viewport={"width": 320, "height": 640})
    page = context.new_page()
    for path in (*PAGES, f"/meeting/{HOSTILE}"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    context.close()


def test_hostile_text_runs_nowhere(chromium: Browser, base: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
    elsewhere: list[str] = []
    page.on("request", lambda r: elsewhere.append(r.url) if not r.url.startswith(base) else None)
    paths = ["/", "/meetings", f"/meeting/{HOSTILE}?q=wrote", "/?q=wrote", *(f"/person/p{i}" for i in range(2))]
    for path in paths:
        page.goto(base + path)
        assert page.evaluate("window.hit") is None, path
    for payload in PAYLOADS:
        page.goto(f"{base}/?{urlencode({'q': payload, 'f': payload})}")
        assert page.input_value("#q") == payload
        assert page.evaluate("window.hit") is None, payload
    page.goto(f"{base}/meeting/{HOSTILE}")
    assert PAYLOADS[0] in page.inner_text("h1")
    assert PAYLOADS[3] in page.inner_text("#transcript")
    assert refused == []
    assert elsewhere == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag(chromium: Browser, base: str, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    rules = {"runOnly": everything if scheme == "light" else ["color-contrast"]}
    for path in PAGES:
        page.goto(base + path)
        results = Axe().run(page, options=rules)
        found = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in results.response["violations"]]
        assert found == [], (path, found)
    context.close()
