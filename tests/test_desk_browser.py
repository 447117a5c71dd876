"""Working on the page in a real browser: in place, two writers, keys, listening, without JavaScript, WCAG."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page

from pipeline import accounts, corrections
from pipeline.meetings import Layout
from tests.house import TOML, captions
from tests.page_house import HIDDEN, MEETING, browser, browser_path, build, put_meeting, run, served, until
from transcribe.correct import in_force

MIRA, OSSIAN, PASSWORD = "Mira Castell", "Ossian Brandt", "seven herons on a weir"
FIRST, PLACE, LAST = f"{MEETING}/0-9500", f"{MEETING}/10000-19500", f"{MEETING}/30000-39500"
LATER = f"{MEETING}/20000-29500"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not browser_path():
        pytest.skip("no Chromium is here: tests/need-browser.sh says how to get one")
    base = tmp_path_factory.getbasetemp()
    place = Path(shutil.copytree(build(base), base / "desk-browser-data"))
    for name in (MIRA, OSSIAN):
        accounts.add(Layout(root=place), name, PASSWORD)
    return place


@pytest.fixture(scope="module")
def base(data: Path) -> Iterator[str]:
    with served(data) as (address, _):
        yield address


@pytest.fixture(scope="module")
def chromium(base: str) -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def signed_in(browser: Browser, base: str, name: str = MIRA, **more: Any) -> BrowserContext:
    context = browser.new_context(**more)
    page = context.new_page()
    page.goto(f"{base}/sign-in?next=/about")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button.main")
    page.wait_for_url(f"{base}/about")
    page.close()
    return context


@pytest.fixture
def clerk(chromium: Browser, base: str) -> Iterator[Page]:
    """Mira's tab, in which nothing may go wrong that the browser tells of but a conflict, and a sound that is not
    served while its meeting is being changed."""
    context = signed_in(chromium, base, viewport={"width": 1100, "height": 800})
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda e: wrong.append(str(e)))
    tab.on("console", lambda m: wrong.append(m.text) if m.type == "error" and not re.search("40[49]", m.text) else None)
    yield tab
    context.close()
    assert wrong == []


def kept(data: Path) -> list[tuple[str, str]]:
    return [(c.kind, c.by) for c in corrections.read(data / "raw" / MEETING)]


def test_words_are_corrected_where_they_stand(clerk: Page, base: str, data: Path) -> None:
    clerk.goto(f"{base}/quote/{LAST}")
    clerk.keyboard.press("e")
    words = clerk.locator(".one textarea")
    assert words.evaluate("e => e === document.activeElement")
    assert not clerk.is_visible("#words")
    words.fill("We will publish every deployment of facial recognition in April.")
    clerk.click("text=Save these words")
    clerk.wait_for_selector(".told")
    assert clerk.inner_text("#words").strip("“”") == "We will publish every deployment of facial recognition in April."
    assert ("words", MIRA) in kept(data)
    clerk.click(".history button")
    clerk.wait_for_selector("text=Taken back.")
    assert "in advance" in clerk.inner_text("#words")


def test_what_was_written_and_not_saved_is_not_lost(clerk: Page, base: str) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    clerk.on("dialog", leave)
    clerk.goto(f"{base}/quote/{LAST}")
    clerk.keyboard.press("e")
    clerk.fill(".one textarea", "Half of a")
    clerk.click("text=Read on in the meeting")
    clerk.wait_for_selector("#transcript")
    assert asked == ["beforeunload"]
    clerk.go_back()
    clerk.wait_for_selector(".one textarea")
    assert clerk.input_value(".one textarea") == "Half of a"
    clerk.click("text=Leave it")
    clerk.goto(f"{base}/meeting/{MEETING}")
    for n, left in enumerate(("So nobody", "Half of a")):
        clerk.evaluate(
            """n => {
                const text = document.querySelectorAll(".said")[2 + n].querySelector(".s").firstChild;
                getSelection().setBaseAndExtent(text, 0, text, 9);
            }""",
            n,
        )
        clerk.wait_for_selector("#picked:not([hidden])")
        clerk.click("#picked-edit")
        until(clerk, "document.activeElement.matches('.turn textarea')")
        assert clerk.locator(".turn textarea").evaluate_all("all => all.map(e => e.value)") == [left]
        clerk.fill(".turn textarea", "Half of a")
    clerk.click(".turn >> text=Leave it")
    clerk.goto(f"{base}/about")
    assert asked == ["beforeunload"]


def test_words_can_be_saved_after_signing_in_again_elsewhere(chromium: Browser, base: str, data: Path) -> None:
    context = signed_in(chromium, base)
    page = context.new_page()
    page.goto(f"{base}/quote/{LATER}")
    page.keyboard.press("e")
    page.fill(".one textarea", "So hardly anybody at all.")
    context.clear_cookies()
    for told, then in (("sign in again in another tab", OSSIAN), (f"signed in anew, as {OSSIAN}", "")):
        page.click("text=Save these words")
        page.wait_for_selector(f".words-form .warn:has-text('{told}')")
        assert page.input_value(".one textarea") == "So hardly anybody at all."
        if then:
            context.add_cookies(signed_in(chromium, base, then).cookies())  # type: ignore[arg-type]
    page.click("text=Save these words")
    page.wait_for_selector(".told")
    assert page.inner_text("#words").strip("“”") == "So hardly anybody at all."
    assert kept(data)[-1] == ("words", OSSIAN)
    page.click(".history button")
    page.wait_for_selector("text=Taken back.")
    context.close()


def test_words_that_are_selected_in_a_transcript(clerk: Page, base: str) -> None:
    clerk.set_viewport_size({"width": 1100, "height": 500})
    clerk.goto(f"{base}/meeting/{MEETING}")
    clerk.evaluate(
        """() => {
            const said = document.querySelectorAll(".said")[2], text = said.querySelector(".s").firstChild;
            scrollBy(0, said.parentElement.getBoundingClientRect().bottom - innerHeight + 60);
            const range = document.createRange();
            range.setStart(text, 0);
            range.setEnd(text, 9);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
        }"""
    )
    clerk.click("#picked-edit")
    area = clerk.locator(".turn textarea")
    area.wait_for()
    assert area.input_value() == "So nobody"
    until(clerk, "document.activeElement.matches('.turn textarea')")
    save = clerk.locator(".turn button.main").bounding_box()
    assert save
    assert save["y"] + save["height"] < 500, "the field opens in view, with its buttons"
    area.fill("So hardly anybody")
    clerk.click(".turn button.main")
    clerk.wait_for_selector(".told")
    assert clerk.url.endswith("#t20000")
    assert "So hardly anybody was told" in clerk.inner_text("#transcript")


def test_what_was_opened_to_be_corrected_can_be_left(clerk: Page, base: str, data: Path) -> None:
    clerk.goto(f"{base}/quote/{PLACE}")
    before, n = clerk.inner_text("#words"), len(kept(data))
    clerk.click("#edit-words")
    clerk.fill(".one textarea", "Something that nobody said.")
    clerk.click("text=Leave it")
    assert clerk.inner_text("#words") == before
    assert clerk.evaluate("document.activeElement.id") == "edit-words"
    clerk.click("#edit-words")
    assert "nobody said" not in clerk.input_value(".one textarea")
    assert len(kept(data)) == n


def test_a_clip_can_be_had_twice(clerk: Page, base: str) -> None:
    clerk.goto(f"{base}/quote/{PLACE}")
    for _ in range(2):
        with clerk.expect_download() as begun:
            clerk.click("text=Download a clip")
        assert begun.value.suggested_filename.endswith(".m4a")


def test_two_writers(chromium: Browser, clerk: Page, base: str, data: Path) -> None:
    clerk.goto(f"{base}/quote/{FIRST}")
    before = clerk.inner_text("#words").strip("“”")
    context = signed_in(chromium, base, OSSIAN)
    other = context.new_page()
    other.goto(f"{base}/quote/{FIRST}")
    for tab, word in ((clerk, "Thanks."), (other, "Good evening.")):
        tab.click("#edit-words")
        tab.fill(".one textarea", before.replace("Thank you.", word))
    clerk.click("text=Save these words")
    clerk.wait_for_selector(".told")
    other.click("text=Save these words")
    other.wait_for_selector("[role=alert]")
    told = other.inner_text("[role=alert]")
    assert "Somebody else changed this meanwhile" in told
    assert "Thanks. We come to" in told
    assert other.input_value(".one textarea").startswith("Good evening."), "what they wrote is still there"
    other.click("text=Save these words")
    other.wait_for_selector(".told")
    assert other.inner_text("#words").startswith("Good evening.")
    assert [k for k in kept(data) if k[0] == "words"][-2:] == [("words", MIRA), ("words", OSSIAN)]
    context.close()


def test_listened_is_offered_only_after_it_was_played(clerk: Page, base: str, data: Path) -> None:
    clerk.goto(f"{base}/quote/{PLACE}")
    button = clerk.locator("form.listened button")
    assert button.is_disabled()
    play = "async ([from, to]) => { const m = document.querySelector('#media'); m.currentTime = from; await m.play(); }"
    paused = "document.querySelector('#media').paused"
    clerk.evaluate("document.querySelector('#media').playbackRate = 8")
    clerk.evaluate(play, [15, 19.5])
    until(clerk, paused)
    assert button.is_disabled(), "only its end was played"
    clerk.evaluate(play, [10, 19.5])
    until(clerk, paused)
    until(clerk, "!document.querySelector('form.listened button').disabled")
    assert ("listen", MIRA) not in kept(data)
    button.click()
    clerk.wait_for_selector(".told")
    assert ("listen", MIRA) in kept(data)
    assert clerk.locator("form.listened").count() == 0


def test_the_queue_by_keys_alone(clerk: Page, base: str, data: Path) -> None:
    clerk.goto(f"{base}/queue?kind=name&meeting={HIDDEN}")
    n = clerk.locator(".task").count()
    assert n == 1
    clerk.keyboard.press("y")
    until(clerk, "document.querySelector('#said').textContent === 'Choose one first: n'")
    clerk.keyboard.press("n")
    assert clerk.evaluate("document.activeElement.closest('.task') !== null")
    clerk.keyboard.press("Enter")
    until(clerk, "window.player.currentTime > 0.1 && !window.player.paused")
    assert urlsplit(str(clerk.evaluate("window.player.currentSrc"))).path == f"/media/{HIDDEN}"
    clerk.keyboard.press("k")
    clerk.wait_for_selector("#bar-play[aria-label=Play]")
    clerk.keyboard.press("y")
    clerk.wait_for_selector(".told")
    assert "This voice is Councillor Jo Okafor" in clerk.inner_text(".told")
    assert clerk.locator(".task").count() == 0
    assert [(c.kind, c.by) for c in corrections.read(data / "raw" / HIDDEN)] == [("confirm", MIRA)]
    # Of several, what stands in the place of the confirmed one is chosen next.
    clerk.goto(f"{base}/queue")
    head = clerk.inner_text("#head-2")
    clerk.keyboard.press("n")
    clerk.keyboard.press("y")
    clerk.wait_for_selector(".told")
    assert clerk.inner_text("#head-1") == head
    until(clerk, "document.activeElement.closest('#task-1') !== null")


def test_what_was_played_in_the_queue_can_be_said_to_be_right(clerk: Page, base: str, data: Path) -> None:
    meeting, said = "2024-08-01-public", "My name is Desmond Pell. Nobody told us."
    toml = f'{TOML}\n[[people]]\nid = "desmond-pell"\nname = "Desmond Pell"\nrole = "Resident"\n'
    put_meeting(data, meeting, toml, captions([("Jo Okafor", "Who is next?"), ("Desmond Pell", said)]), sound=True)
    run(data, meeting)
    clerk.goto(f"{base}/queue?kind=personal&meeting={meeting}")
    stands = clerk.locator("button:text('Let it stand')")
    assert stands.is_disabled()
    clerk.keyboard.press("n")
    clerk.keyboard.press("Enter")
    until(clerk, "!window.player.paused && window.player.currentTime > 0.1")
    clerk.evaluate("window.player.playbackRate = 8")
    until(clerk, "!document.querySelector('form.listened button').disabled")
    stands.click()
    clerk.wait_for_selector("text=Nothing waits for you here")
    assert [(c.kind, c.by) for c in corrections.read(data / "raw" / meeting)] == [("listen", MIRA)]


def test_without_javascript(chromium: Browser, base: str, data: Path) -> None:
    context = signed_in(chromium, base, OSSIAN, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/quote/{LATER}")
    page.fill("#words-text", page.input_value("#words-text") + " Indeed.")
    page.click("text=Save these words")
    assert page.inner_text(".one blockquote").strip("“”").endswith("Indeed.")
    assert "Saved. It now says" in page.inner_text(".told")
    assert page.is_visible("#media")
    page.click("form.listened button")
    assert ("listen", OSSIAN) not in kept(data), "the browser asks for the tick first"
    page.check("input[name=played]")
    page.click("form.listened button")
    assert "You listened" in page.inner_text(".told")
    page.click("summary:has-text('Hide it')")
    page.fill("form:has(button:text('Withhold')) input[name=reason]", "under complaint")
    page.click("button:text('Withhold')")
    assert page.url == f"{base}/work/{LATER}"
    assert "Withheld." in page.inner_text(".told")
    page.goto(f"{base}/meeting/{MEETING}")
    page.click("text=Decide again")
    page.click(".history button:text('Show it again')")
    assert "Taken back." in page.inner_text(".told")
    page.click("text=As a quote")
    assert page.inner_text(".one blockquote").strip("“”").endswith("Indeed.")
    page.click("text=Sign out")
    page.goto(f"{base}/quote/{LATER}")
    assert not re.search("/work/|textarea", page.content())
    assert "withhold" not in [c.kind for c in in_force(corrections.read(data / "raw" / MEETING))]
    context.close()


def test_wcag_and_a_telephone(chromium: Browser, base: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    everything = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    paths = ("/queue", f"/quote/{PLACE}", f"/meeting/{MEETING}", f"/work/{HIDDEN}/9000-20000")
    for scheme in ("light", "dark"):
        rules = {"runOnly": everything if scheme == "light" else ["color-contrast"]}
        context = signed_in(chromium, base, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        for path in paths:
            page.goto(base + path)
            page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
            results = Axe().run(page, options=rules)
            found = [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in results.response["violations"]]
            assert found == [], (path, found)
        for path in paths:
            page.goto(base + path)
            page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
            page.evaluate(
                "for (const o of document.querySelectorAll('option')) o.textContent = 'Maximilian-Alexander '.repeat(4)"
            )
            for width in (640, 320):  # of a laptop at 200 %, and at 400 %
                page.set_viewport_size({"width": width, "height": 640})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.set_viewport_size({"width": 1100, "height": 800})
        context.close()
    stranger = chromium.new_context(bypass_csp=True).new_page()
    stranger.goto(f"{base}/sign-in")
    assert [v["id"] for v in Axe().run(stranger, options={"runOnly": everything}).response["violations"]] == []
