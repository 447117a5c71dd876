"""Links that play from a moment, or are left alone."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.links import Link, check_template, link

START_MS = 123_999


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.youtube.com/watch?v=abc", "https://www.youtube.com/watch?v=abc&t=123s"),
        (
            "https://m.youtube.com/watch?v=a%2Bb&t=4s&list=x+y#t=9",
            "https://m.youtube.com/watch?v=a%2Bb&list=x+y&t=123s",
        ),
        ("https://www.youtube.com/watch?start=7&v=abc&end=9", "https://www.youtube.com/watch?v=abc&t=123s"),
        ("https://youtu.be/abc", "https://youtu.be/abc?t=123s"),
        ("https://youtu.be/abc?si=q&t=1h2m", "https://youtu.be/abc?si=q&t=123s"),
        ("http://youtube.com/live/abc?feature=share", "http://youtube.com/live/abc?feature=share&t=123s"),
        ("https://www.youtube.com/embed/abc?start=1&end=2", "https://www.youtube.com/embed/abc?start=123"),
        ("https://www.youtube-nocookie.com/embed/abc", "https://www.youtube-nocookie.com/embed/abc?start=123"),
        ("https://vimeo.com/12", "https://vimeo.com/12#t=123s"),
        ("https://player.vimeo.com/video/12?h=a#t=4s", "https://player.vimeo.com/video/12?h=a#t=123s"),
        ("https://video.example/a.mp4", "https://video.example/a.mp4#t=123.9,130.1"),
        ("https://video.example/a.MP3?k=1#t=1,2", "https://video.example/a.MP3?k=1#t=123.9,130.1"),
        ("https://video.example/a b é.webm#track=2", "https://video.example/a%20b%20%C3%A9.webm#track=2&t=123.9,130.1"),
    ],
)
def test_known_players_play_from_the_moment(url: str, expected: str) -> None:
    assert link(url, START_MS, 130_001) == Link(url=expected, plays=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://video.example/panel",
        "https://video.example/#/meetings/5",
        "https://notyoutube.com/watch?v=abc",
        "https://www.youtube.com/@wrenbridge/streams",
        "https://www.youtube.com/watch?list=abc",
        "https://youtu.be/",
        "https://vimeo.com/wrenbridge",
    ],
)
def test_a_page_of_which_nothing_is_known_stays_as_it_is(url: str) -> None:
    assert link(url, START_MS) == Link(url=url, plays=False)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "https://[broken",
        "https://x:port/",
        "https:///a.mp4",
        "//x.example/a.mp4",
        "panel.mp4",
        "",
        "https://video.example/\u202e4pm.a",
        "https://video.example/a\nb",
        "https://ex'ample/a.mp4",
        "https://video.example/" + "a" * 5_000,
    ],
)
def test_nothing_else_becomes_a_link(url: str) -> None:
    assert link(url, START_MS) == Link()


def test_a_name_or_password_in_an_address_goes_no_further() -> None:
    assert link("https://youtube.com@video.example:8443/a.mp4", 0).url == "https://video.example:8443/a.mp4#t=0"


def test_where_no_time_is_known_nothing_but_the_page_is_linked() -> None:
    assert link("https://www.youtube.com/watch?v=abc&t=99s", None) == Link(url="https://www.youtube.com/watch?v=abc")
    assert link("https://vimeo.com/12#t=99s", -1) == Link(url="https://vimeo.com/12")
    assert link("https://video.example/a.mp4#t=99", None) == Link(url="https://video.example/a.mp4")
    page = "https://tv.example/play/7"
    assert link(page, None, players={"tv.example": "?start={s}"}) == Link(url=page)


@pytest.mark.parametrize(
    ("url", "template", "expected"),
    [
        ("https://tv.example/play?id=7", "?start={s}", "https://tv.example/play?id=7&start=123"),
        ("https://a.tv.example/play?start=4&id=7", "?start={s}", "https://a.tv.example/play?id=7&start=123"),
        ("https://tv.example/play", "?at={ms}&autoplay=1", "https://tv.example/play?at=123999&autoplay=1"),
        ("https://tv.example/play#x", "#seek={clock}", "https://tv.example/play#seek=0:02:03"),
        ("https://tv.example/play/7", "/start_time/{ms}", "https://tv.example/play/7/start_time/123999"),
        ("https://tv.example/play/7/start_time/5/", "/start_time/{ms}", "https://tv.example/play/7/start_time/123999"),
        ("https://www.youtube.com/watch?v=a", "?start={s}", "https://www.youtube.com/watch?v=a&t=123s"),
    ],
)
def test_other_players_by_the_template_of_their_host(url: str, template: str, expected: str) -> None:
    check_template("tv.example", template)
    assert link(url, START_MS, players={"tv.example": template}) == Link(url=expected, plays=True)


@pytest.mark.parametrize(
    ("host", "template"),
    [
        ("tv.example", "start={s}"),
        ("tv.example", "?start=0"),
        ("tv.example", "?start={seconds}"),
        ("tv.example", "?start={s} onload=x"),
        ("tv.example", "/a?b={s}"),
        ("tv.example", ""),
        ("https://tv.example", "?t={s}"),
        ("tv.example/play", "?t={s}"),
        ("TV.example", "?t={s}"),
        ("", "?t={s}"),
    ],
)
def test_templates_that_say_nothing_sensible_are_refused(host: str, template: str) -> None:
    with pytest.raises(ValueError):
        check_template(host, template)


HOSTS = st.sampled_from(
    ["www.youtube.com", "youtu.be", "vimeo.com", "tv.example", "video.example", "[::1]", "ü.example"]
)
PATHS = st.sampled_from(["/watch", "/live/a", "/embed/a", "/12", "/a.mp4", "/", "", "/play/start/9", "//x", "/a b<c>"])
QUERIES = st.sampled_from(["", "?v=a", "?v=a&t=99999s", "?start=99999&time_continue=99999", "?a=%20&b=1+1", "?t"])
FRAGMENTS = st.sampled_from(["", "#t=99999", "#/meetings/5", "#a=1&t=99999,99999", "#"])
TEMPLATES = st.sampled_from(["?start={s}", "#t={ms}", "/start/{s}", "?t={clock}"])


@given(HOSTS, PATHS, QUERIES, FRAGMENTS, TEMPLATES, st.integers(0, 10**8), st.integers(1, 10**6))
def test_no_link_begins_past_the_moment_or_leads_elsewhere(
    host: str, path: str, query: str, fragment: str, template: str, start_ms: int, length_ms: int
) -> None:
    written = f"https://{host}{path}{query}{fragment}"
    made = link(written, start_ms, start_ms + length_ms, {"tv.example": template})
    parts = urlsplit(made.url)
    assert (parts.scheme, parts.hostname) == ("https", urlsplit(written).hostname)
    assert re.fullmatch(r"[^\s<>\"{}\\^`|]+", made.url)
    if made.plays:
        at_ms, end_ms = played(made.url, template)
        assert start_ms - 1000 < at_ms <= start_ms
        assert end_ms is None or end_ms >= start_ms + length_ms
        assert link(made.url, start_ms, start_ms + length_ms, {"tv.example": template}) == made


def played(url: str, template: str) -> tuple[float, float | None]:
    """From when to when, in ms, a player would play: one that knows the template at its host, else the known ones."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.hostname == "tv.example":
        if template == "#t={ms}":
            return float(parts.fragment.removeprefix("t=")), None
        if template == "?t={clock}":
            (clock,) = query["t"]
            h, m, s = map(int, clock.split(":"))
            return ((h * 60 + m) * 60 + s) * 1000, None
        (time,) = query["start"] if template == "?start={s}" else re.findall(r"/start/(\d+)$", parts.path)
        return float(time) * 1000, None
    given = [v for name in ("t", "start", "time_continue") for v in query.get(name, [])]
    given += [p[2:] for p in parts.fragment.split("&") if p.startswith("t=")]
    start, _, end = given[-1].removesuffix("s").partition(",")
    assert len(given) == 1 or parts.path.endswith(".mp4") or "vimeo" in url  # which do not read the query
    return float(start) * 1000, float(end) * 1000 if end else None


@given(st.text(max_size=60), st.integers(0, 10**9))
@example("https://a.example/%\ud800", 0)
def test_any_text_gives_a_link_to_the_web_or_none(url: str, start_ms: int) -> None:
    made = link(url, start_ms)
    assert not made.url or urlsplit(made.url).scheme in ("http", "https")
    assert made.url or not made.plays
