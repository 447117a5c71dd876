"""The page over a data folder: what it shows, what it never shows, and what it withstands."""

import csv
import hashlib
import inspect
import io
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote as quoted
from xml.etree import ElementTree

import av
import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from analyse import listen
from pipeline import index
from pipeline.meetings import Layout
from pipeline.serve import is_local, named, names_of
from pipeline.shelf import DataFolder
from search import find, reading, recordings, web
from search.cite import NOTICE
from tests.house import TOML, captions, onrecord
from tests.page_house import HIDDEN, HOSTILE, MEETING, PAYLOADS, SECRET, build, put_meeting, served
from transcribe.records import text_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.getbasetemp())


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """The same in a copy, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def client(data: Path) -> TestClient:
    return TestClient(
        web.application(DataFolder(Layout(root=data))), base_url="http://localhost", raise_server_exceptions=False
    )


@pytest.fixture
def page(made: Path) -> Iterator[TestClient]:
    with client(made) as c:
        yield c


@pytest.fixture(scope="module")
def everything(made: Path) -> dict[str, Response]:
    """Every page there is, by its address: found by following links from the first one."""
    found: dict[str, Response] = {}
    todo = ["/", "/?q=residents", "/help", f"/meeting/{HOSTILE}?q=wrote"]
    with pytest.MonkeyPatch.context() as patch, client(made) as page:
        patch.setattr(web, "BURST", 10_000.0)
        while todo:
            path = todo.pop()
            if path in found or len(found) > 150:
                continue
            found[path] = answer = page.get(path)
            assert answer.status_code == 200, (path, answer.text)
            if "html" in answer.headers["content-type"]:
                links = re.findall(r'(?:href|src)="(/[^"#]*)', answer.text)
                todo += [link.replace("&amp;", "&") for link in links if not link.startswith(("/media", "/static"))]
    return found


# -- what it shows ---------------------------------------------------------------------------------


def test_every_page_is_found_by_links_and_says_what_it_is(everything: dict[str, Response]) -> None:
    kinds = {path.split("?")[0].split("/")[1] for path in everything}
    assert {"", "meetings", "meeting", "quote", "person", "about", "help", "api", "quotes.csv", "quotes.atom"} <= kinds
    for path, answer in everything.items():
        assert answer.headers["content-security-policy"] == web.HEADERS["Content-Security-Policy"]
        if "html" in answer.headers["content-type"]:
            assert "Machine transcript, not the official record" in answer.text
            assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=\"", answer.text), path


def test_a_search_is_narrowed_and_widened_again(page: TestClient) -> None:
    wide = page.get("/?q=facial").text
    narrower = re.search(r'<a href="(/\?q=facial[^"]*f=tag[^"]*)">', wide)
    assert narrower
    narrow = page.get(narrower[1].replace("&amp;", "&")).text
    count = re.compile(r"<strong>([\d,]+)</strong> quotes? for")
    n_wide, n_narrow = (int(m[1]) for m in (count.search(wide), count.search(narrow)) if m)
    assert 0 < n_narrow < n_wide
    off = re.search(r'class="chosen"><li><a href="([^"]*)"', narrow)
    assert off
    again = count.search(page.get(off[1].replace("&amp;", "&")).text)
    assert again
    assert int(again[1]) == n_wide


def test_a_filter_is_not_swallowed_by_what_was_left_open(page: TestClient) -> None:
    asked = page.get("/api/search", params={"q": 'residents OR "facial', "f": "person:jo-okafor"}).json()
    assert asked["total"] > 0
    assert {h["quote"]["person"] for h in asked["quotes"]} == {"jo-okafor"}


def test_a_filter_finds_its_own_where_nothing_else_can_be_searched_for(page: TestClient) -> None:
    asked = page.get("/api/search", params={"q": "!!!", "f": "person:jo-okafor"}).json()
    alone = page.get("/api/search", params={"f": "person:jo-okafor"}).json()
    assert asked["understood"] == alone["understood"] == "person:jo-okafor"
    assert asked["total"] == alone["total"] > 0


def test_where_nothing_is_found_a_spelling_is_offered(page: TestClient) -> None:
    text = page.get("/?q=consultatoin").text
    assert "Nothing that was transcribed says this" in text
    assert 'href="/?q=consultation"' in text


def test_every_search_that_is_offered_finds_something(page: TestClient) -> None:
    offered = re.findall(r'<li><a href="(/[^"]*)"><code>', page.get("/").text)
    assert len(offered) > 4
    for path in offered:
        assert page.get("/api/search?" + path.partition("?")[2]).json()["total"] > 0, path


def test_only_what_can_be_listened_to_has_a_button_that_plays(page: TestClient) -> None:
    found = page.get("/?q=facial").text
    assert found.count("data-play=") == found.count("data-hit")
    silent = page.get("/?q=wrote").text
    assert silent.count("data-hit") > 1
    assert "data-play=" not in silent, "there is no recording of that meeting"
    assert "<span>0:00:" in silent


def test_where_there_is_no_recording_a_button_leads_to_the_published_one(data: Path) -> None:
    toml = data / "raw" / MEETING / "meeting.toml"
    toml.write_text('source_url = "https://youtu.be/abcdefghijk"\n' + toml.read_text("utf-8"), "utf-8")
    (data / "raw" / MEETING / "meeting.wav").unlink()
    toml.write_text(toml.read_text("utf-8").replace('media = "meeting.wav"\n', ""), "utf-8")
    assert onrecord("run", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    with client(data) as page:
        found = page.get(f"/?q=meeting:{MEETING} facial").text
        meeting = page.get(f"/meeting/{MEETING}").text
        quote = page.get(f"/quote/{MEETING}/20000-29500").text
    assert 'class="play" href="https://youtu.be/abcdefghijk?t=20s" rel="noopener noreferrer"' in found
    assert "data-play=" not in found
    assert "times lead to the published one" in meeting
    assert 'href="https://youtu.be/abcdefghijk?t=10s" data-seek="10000"' in meeting
    assert "The same moment in the published recording" in quote


def test_a_page_that_takes_no_time_is_not_called_the_moment(data: Path) -> None:
    toml = data / "raw" / MEETING / "meeting.toml"
    toml.write_text('source_url = "https://wrenbridge.example/may"\nsource_offset_s = 60.0\n' + toml.read_text("utf-8"))
    assert onrecord("run", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    with client(data) as page:
        quote = page.get(f"/quote/{MEETING}/20000-29500").text
    assert "The same moment" not in quote
    assert ">The published recording</a>: this is at 0:01:20 of it" in quote


def test_what_captions_call_a_voice_is_not_told_as_a_name(data: Path) -> None:
    place = data / "raw" / "2024-08-01-larch"
    place.mkdir()
    (place / "captions.vtt").write_text(captions([("Edda Rook", "We wrote to all. Item four."), ("x", "No.")]), "utf-8")
    assert onrecord("run", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    with client(data) as page:
        meeting = page.get("/meeting/2024-08-01-larch").text
        quote = page.get("/quote/2024-08-01-larch/0-9500").text
        about = page.get("/about").text
    assert meeting.count("not matched to a person") == 4  # each voice, where it is listed and where it speaks
    assert "The captions of the meeting call this voice Edda Rook." in quote
    assert "the words stand as the captions have them" in quote
    assert "The words of all of them are from captions that somebody had published" in about
    assert re.search(r"For [\w ]+ there are no captions, and nobody listened", about)
    assert "are without speech" not in about


def test_evidence_is_where_it_can_be_heard(page: TestClient) -> None:
    known = page.get("/person/alison-tranter").text
    heard = set(re.findall(rf'href="/meeting/{MEETING}#t(\d+)-heard" data-seek="(\d+)">0:00:', known))
    assert heard
    assert all(link == ms for link, ms in heard)


def test_many_stretches_on_the_topic_are_folded(data: Path) -> None:
    about = "Live facial recognition was used on Cooper Street by the police."
    others = [("Jo Okafor", "The bins on Mill Row were not collected, and the library is shut for repairs.")] * 8
    said = [line for _ in range(5) for line in (("Alison Tranter", about), *others)]
    for name, turns in (("many", said), ("few", said[:10])):
        put_meeting(data, name, TOML, captions(turns), sound=False)
    assert onrecord("run", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    with client(data) as page:
        many, few = (page.get(f"/meeting/{name}").text for name in ("many", "few"))
    assert re.search(r'<details class="stretches"><summary>5 times on facial recognition</summary>', many)
    assert 'class="stretches"' not in few
    assert "On facial recognition: " in few


def test_names_stand_with_how_they_are_known(page: TestClient) -> None:
    text = page.get(f"/meeting/{MEETING}").text
    assert "named by software, not checked" in text
    assert not re.search(r"inferred|diari[sz]ed|0\.9\d", re.sub(r'(class|href)="[^"]*"', "", text))
    reasons = set(re.findall(r'"([a-z][a-z ,]+)"', inspect.getsource(listen)))
    assert {"words unsure", "name inferred, and only barely"} <= reasons
    assert [r for r in reasons if "inferred" in reading.LISTEN.get(r, r) and r != "inferred"] == []


def test_a_cited_place_says_when_it_changed(page: TestClient) -> None:
    cited = page.get("/api/search", params={"q": "consultation"}).json()["quotes"][0]["cited"]
    assert "no longer says" not in page.get(f"/quote/{cited}").text
    other = cited[:-8] + ("00000000" if cited[-8:] != "00000000" else "11111111")
    assert "no longer says" in page.get(f"/quote/{other}").text


def test_any_stretch_has_an_address(page: TestClient) -> None:
    answer = page.get("/quote", params={"meeting": MEETING, "start": "0:00:05", "end": "0:00:15"})
    assert answer.status_code == 200
    assert answer.url.path == f"/quote/{MEETING}/5000-15000"


def test_a_table_of_some_of_what_was_found_says_so(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(csv.DictReader(page.get("/quotes.csv?q=residents").text.splitlines()))
    monkeypatch.setattr(find, "N_HITS", 1)
    part = list(csv.DictReader(page.get("/quotes.csv?q=residents").text.splitlines()))
    assert len(part) == 1 < len(whole)
    assert f"the first 1 of {len(whole)} quotes" in part[0]["notice"]
    assert "the first" not in whole[0]["notice"]
    assert "CSV of the first 1<" in page.get("/?q=residents").text


def test_the_feed_is_xml_and_holds_the_notice(page: TestClient) -> None:
    for query in ("", "wrote", PAYLOADS[0]):
        feed = ElementTree.fromstring(page.get("/quotes.atom", params={"q": query}).content)
        assert feed.findtext("{http://www.w3.org/2005/Atom}subtitle") == NOTICE


def test_a_transcript_is_shown_whole_and_in_order(made: Path) -> None:
    shelf = DataFolder(Layout(root=made))
    for listed in shelf.meetings():
        held = shelf.meeting(listed.id)
        shown = [p.text for b in reading.blocks(held, {}, lambda text: ()) if b.kind == "said" for p in b.pieces]
        assert " ".join(shown) == text_of(held.transcript.words)
        for block in reading.blocks(held, {}, lambda text: ()):
            n_words = sum(len(p.text.split()) for p in block.pieces)
            assert len(block.times.split()) == n_words


@given(st.text("ab <>&", max_size=30), st.data())
def test_what_was_looked_for_is_marked_and_nothing_is_lost(text: str, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    parts = list(reading.chosen(text, spans))
    assert "".join(part for part, _ in parts) == text
    assert [part for part, found in parts if found] == [text[a:b] for a, b in spans]


# -- what it never shows ---------------------------------------------------------------------------


def test_what_is_excluded_is_in_no_page_and_the_recording_is_not_served(
    page: TestClient, made: Path, everything: dict[str, Response]
) -> None:
    for path, answer in everything.items():
        assert "Canal Row" not in answer.text, path
    assert "not part of the public record" in page.get(f"/meeting/{HIDDEN}").text
    sound = page.get(f"/media/{HIDDEN}")
    assert sound.headers["content-type"] == "audio/mp4"
    assert sound.content == (made / "processed" / HIDDEN / "playable.m4a").read_bytes()
    assert page.get(f"/quote/{HIDDEN}/10000-19000").status_code == 404


def test_nobody_is_shown_to_go_on_over_what_is_hidden(data: Path) -> None:
    said = [("Jo Okafor", "We begin."), ("Jo Okafor", SECRET), ("Jo Okafor", "We do not say that here.")]
    put_meeting(data, "gap", TOML, captions(said), sound=False, top='exclude = [[10, 20, "exempt business"]]\n')
    assert onrecord("run", "gap", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    with client(data) as page:
        text = page.get("/meeting/gap").text
    assert SECRET not in text
    order = [text.index(part) for part in ("We begin.", 'class="stretch excluded"', "We do not say that here.")]
    assert order == sorted(order)
    after = text[order[1] : order[2]]
    assert 'class="turn' in after, "what comes after it is a paragraph of its own"
    assert "Councillor Jo Okafor" in after, "with its speaker"


def test_a_recording_that_is_to_be_silenced_is_not_said_to_be_missing(data: Path) -> None:
    (data / "processed" / HIDDEN / "playable.m4a").unlink()
    with client(data) as page:
        for path in (f"/meeting/{HIDDEN}", f"/quote/{HIDDEN}/20000-29500"):
            text = page.get(path).text
            assert "a copy that is silent where something is hidden is still to be made" in text
            assert "There is no recording" not in text
        assert "There is no recording to play here" in page.get(f"/meeting/{HOSTILE}").text


def test_who_keeps_the_data_is_told_what_to_do_where_the_index_is_damaged_and_readers_are_not(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (data / "processed" / "index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"?")
    with client(data) as page:
        answer = page.get("/", params={"q": "facial"})
    assert answer.status_code == 503
    assert "onrecord run" not in answer.text
    assert "onrecord run" in caplog.text


def test_what_is_hidden_while_served_is_gone_at_once(data: Path) -> None:
    with client(data) as page:
        assert page.get(f"/meeting/{MEETING}").status_code == page.get(f"/media/{MEETING}").status_code == 200
        toml = data / "raw" / MEETING / "meeting.toml"
        toml.write_text('exclude = [[10, 20, "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
        assert page.get(f"/media/{MEETING}").status_code == 404
        assert page.get(f"/meeting/{MEETING}").status_code == 503
        assert page.get(f"/api/meetings/{MEETING}").status_code == 503
        assert MEETING not in page.get("/meetings").text
        found = page.get("/api/search", params={"q": f"meeting:{MEETING}"}).json()
        assert (found["quotes"], found["total"]) == ([], 0)
        everything = page.get("/api/search", params={"limit": 1000}).json()
        assert everything["total"] == len(everything["quotes"]) > 0
        assert sum(v["n"] for f in everything["facets"] if f["name"] == "status" for v in f["values"]) == len(
            everything["quotes"]
        )


def test_a_copy_that_was_not_silenced_for_this_is_not_served(data: Path) -> None:
    toml = data / "raw" / HIDDEN / "meeting.toml"
    toml.write_text(toml.read_text("utf-8").replace("[9, 20,", "[9, 25,"), "utf-8")
    with client(data) as page:
        assert page.get(f"/media/{HIDDEN}").status_code == 404


OUTSIDE = [
    *("/media/..%2fraw", "/media/%2e%2e", "/media/index", "/media/runs", "/media/%00", "/meeting/..%2f..%2fetc"),
    *("/static/..%2fweb.py", "/static/%2e%2e/web.py", "/static//etc/passwd", "/static/..%5cweb.py"),
    *(
        "/quote/x/0-1%00",
        "/quote/../../etc/passwd",
        "/media/" + "a" * 81,
        f"/media/{MEETING}%2f..%2f..%2fmeetings.toml",
    ),
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_data(page: TestClient, path: str) -> None:
    assert page.get(path).status_code == 404


def test_a_recording_that_names_a_file_elsewhere_is_not_followed(data: Path) -> None:
    path = data / "processed" / MEETING / "recording.json"
    (data / "raw" / "other.wav").write_bytes(b"secret")
    path.write_text(path.read_text("utf-8").replace('"meeting.wav"', '"../other.wav"'), "utf-8")
    with client(data) as page:
        assert page.get(f"/media/{MEETING}").status_code == 404


def test_a_clip_is_the_place_with_padding_and_leaves_nothing_behind(page: TestClient) -> None:
    before = set(Path(tempfile.gettempdir()).glob("onrecord-clip-*"))
    answer = page.get(f"/clip/{MEETING}/10000-19500?pad=2")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{MEETING}-0-00-10.m4a"'
    with av.open(io.BytesIO(answer.content)) as container:
        assert container.duration is not None
        assert abs(container.duration / 1e6 - 13.5) < 0.2
    with zipfile.ZipFile(io.BytesIO(page.get(f"/clip/{MEETING}/10000-19500?pad=2&all=1").content)) as together:
        names = {Path(name).suffix: name for name in together.namelist()}
        assert set(names) == {".m4a", ".vtt", ".json"}
        told = json.loads(together.read(names[".json"]))
        assert told["clip_sha256"] == hashlib.sha256(together.read(names[".m4a"])).hexdigest()
        assert told["delivered"] == [8_000, 21_500]
        assert "consultation" in together.read(names[".vtt"]).decode()
    assert set(Path(tempfile.gettempdir()).glob("onrecord-clip-*")) == before
    assert page.get(f"/clip/{MEETING}/9-5").status_code == page.get(f"/clip/{MEETING}/900000-910000").status_code == 404


def test_a_clip_is_of_its_own_meeting_whatever_folders_are_called(data: Path) -> None:
    raw = data / "raw"
    (raw / MEETING).rename(raw / "renamed")
    (raw / HIDDEN).rename(raw / MEETING)
    (data / "meetings.toml").write_text(f'[meetings]\n"renamed" = "{MEETING}"\n"{MEETING}" = "{HIDDEN}"\n', "utf-8")
    for id in (MEETING, HIDDEN):
        with client(data) as page, zipfile.ZipFile(io.BytesIO(page.get(f"/clip/{id}/0-8000?all=1").content)) as pack:
            (about,) = (json.loads(pack.read(name)) for name in pack.namelist() if name.endswith(".json"))
        assert about["meeting"] == id


def test_no_clip_holds_what_is_hidden(page: TestClient) -> None:
    assert page.get(f"/clip/{HIDDEN}/5000-25000").status_code == 404
    beside = page.get(f"/clip/{HIDDEN}/21000-25000?pad=60")
    assert beside.status_code == 200
    with av.open(io.BytesIO(beside.content)) as container:  # from 20 s, where the hidden stretch ends, to the end at 45
        assert container.duration is not None
        assert container.duration / 1e6 < 25.2


# -- what it withstands ----------------------------------------------------------------------------


def test_hostile_text_is_text_everywhere(page: TestClient, everything: dict[str, Response]) -> None:
    asked = [f"/?q={quoted(p)}&f={quoted(p)}" for p in PAYLOADS] + [f"/nothing/{quoted(p, safe='')}" for p in PAYLOADS]
    for path, answer in [*everything.items(), *((path, page.get(path)) for path in asked)]:
        if "html" in answer.headers["content-type"]:
            assert not re.search(r"<(img src=x|svg/onload|iframe|base|b>|a href=javascript)", answer.text), path
            assert not re.search(r'href="\s*javascript:', answer.text), path
            assert "49" not in re.findall(r"They wrote (\S+) there", answer.text)


@settings(max_examples=150)
@given(
    st.one_of(
        st.text("bytes=-,0123456789 ", max_size=24),
        st.builds("bytes={}-{}".format, st.integers(0, 2**70), st.integers(0, 2**70)),
        st.builds("bytes={}-".format, st.integers(0, 2_000_000)),
        st.builds("bytes=-{}".format, st.integers(0, 2_000_000)),
    )
)
def test_any_range_gives_that_part_or_an_error(made: Path, page: TestClient, asked: str) -> None:
    whole = (made / "raw" / MEETING / "meeting.wav").read_bytes()
    answer = page.get(f"/media/{MEETING}", headers={"Range": asked})
    assert answer.status_code in (200, 206, 400, 416)
    if answer.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers["content-range"])
        assert found
        assert answer.content == whole[int(found[1]) : int(found[2]) + 1]
    elif answer.status_code == 200:
        assert answer.content == whole


def test_an_error_in_a_meeting_leads_back_to_it(page: TestClient) -> None:
    back = 'In <a href="/meeting/'
    for place in ("99000000-99001000", "no-time"):
        answer = page.get(f"/quote/{MEETING}/{place}")
        assert (answer.status_code, f"{back}{MEETING}" in answer.text) == (404, True), place
    answer = page.get("/quote/no-such-meeting/0-1000")
    assert (answer.status_code, back in answer.text) == (404, False)


def test_a_bug_is_a_page_without_its_insides(page: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataFolder, "meetings", lambda self: 1 // 0)
    for path in ("/meetings", "/api/meetings"):
        answer = page.get(path)
        assert answer.status_code == 500
        assert answer.headers["content-security-policy"] == web.HEADERS["Content-Security-Policy"]
        assert "Something went wrong" in answer.text
        assert "division" not in answer.text


def test_limits(page: TestClient, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.post("/", content=b"x").status_code == 405
    assert page.post("/", content=b"x" * 70_000).status_code == 413
    assert page.get("/?q=" + "x" * 20_000).status_code == 414
    assert page.get("/", headers={"Host": "elsewhere.example"}).status_code == 400
    monkeypatch.setattr(web, "BURST", 5.0)
    monkeypatch.setattr(web, "PER_S", 0.0)
    with client(made) as other:
        assert [other.get("/help").status_code for _ in range(7)] == [200] * 5 + [429] * 2
        monkeypatch.setattr(web, "PER_S", 1e9)
        assert other.get("/help").status_code == 200, "as time passes"


@pytest.mark.parametrize("name", ["transcript.json", "statements.json", "quotes.parquet", "recording.json"])
def test_files_that_go_or_break_while_served_are_an_error_page(data: Path, name: str) -> None:
    path = data / "processed" / MEETING / name
    asked = [f"/meeting/{MEETING}", f"/quote/{MEETING}/0-9000", f"/media/{MEETING}", "/meetings", "/about", "/"]
    with client(data) as page:
        for path_asked in asked:
            assert page.get(path_asked).status_code == 200
        path.write_bytes(b"{half of it")
        for path_asked in asked:
            assert page.get(path_asked).status_code in (200, 404, 503), (name, path_asked)
        path.unlink()
        for path_asked in asked:
            assert page.get(path_asked).status_code in (200, 404, 503), (name, path_asked)


def test_what_a_meeting_is_made_of_may_change_while_it_is_served(data: Path) -> None:
    shelf, roster = DataFolder(Layout(root=data)), data / "raw" / MEETING / "roster.toml"
    roster.write_text('[[agenda]]\nitem = 1\ntitle = "Minutes"\n', "utf-8")
    assert [item.title for item in shelf.meeting(MEETING).meeting.agenda] == ["Minutes"]
    with roster.open("a") as f:  # as an editor may that writes into the file itself
        f.write('[[agenda]]\nitem = 2\ntitle = "Cameras"\n')
    (data / "people.toml").write_text('[[people]]\nid = "jo-okafor"\nname = "Jo"\naliases = ["Joanna"]\n', "utf-8")
    meeting = shelf.meeting(MEETING).meeting
    assert [item.title for item in meeting.agenda] == ["Minutes", "Cameras"]
    assert next(p for p in meeting.people if p.id == "jo-okafor").aliases == ("Joanna",)


def test_a_setting_that_cannot_be_read_takes_no_quote_away(data: Path) -> None:
    with client(data) as page:
        quote = page.get("/api/search?q=residents").json()["quotes"][0]["page"]
        for broken in ("players = 3", '[players]\n"wrenbridge.example" = "nowhere"'):
            (data / "onrecord.toml").write_text(broken, "utf-8")
            assert page.get(quote).status_code == 200


def test_a_recording_or_an_index_that_goes(data: Path) -> None:
    with client(data) as page:
        (data / "raw" / MEETING / "meeting.wav").unlink()
        assert page.get(f"/media/{MEETING}").status_code == 404
        assert page.get(f"/meeting/{MEETING}").status_code == 200
        shutil.rmtree(data / "processed" / "index")
        assert page.get("/?q=residents").status_code == 404
        assert "nothing to search yet" in page.get("/").text


@pytest.mark.parametrize("n_bytes", [1_000_000, 90_000_000], ids=["shorter", "longer"])
def test_a_recording_that_changes_while_it_is_sent_ends_in_a_line(data: Path, n_bytes: int) -> None:
    path = data / "raw" / MEETING / "meeting.wav"
    announced = 60_000_000  # more than lies anywhere on the way
    os.truncate(path, announced)
    with served(data) as (base, server):
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2]))) as asking:
            asking.sendall(f"GET /media/{MEETING} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            head, _, first = asking.recv(1000).partition(b"\r\n\r\n")
            os.truncate(path, n_bytes)
            n_sent = len(first) + sum(len(part) for part in iter(lambda: asking.recv(1 << 20), b""))
        assert urllib.request.urlopen(f"{base}/help").status == 200
        server.terminate()
        told = server.communicate(timeout=60)[1].decode()
    assert f"content-length: {announced}".encode() in head
    assert n_sent < announced if n_bytes < announced else n_sent == announced
    assert ("became shorter" in told) == (n_bytes < announced)
    assert "Traceback" not in told


@contextmanager
def playing(data: Path) -> Iterator[tuple[socket.socket, int, "subprocess.Popen[bytes]"]]:
    """A player that was sent the beginning of a long recording: where it reads on, how many bytes were announced, and
    the server."""
    n_bytes = 60_000_000  # more than lies anywhere on the way
    os.truncate(data / "raw" / MEETING / "meeting.wav", n_bytes)
    with (
        served(data) as (base, server),
        socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2]))) as player,
    ):
        player.sendall(f"GET /media/{MEETING} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert f"content-length: {n_bytes}".encode() in player.recv(1000).partition(b"\r\n\r\n")[0]
        yield player, n_bytes, server


def told_by(server: "subprocess.Popen[bytes]") -> str:
    server.terminate()
    return server.communicate(timeout=60)[1].decode()


def test_what_is_hidden_while_it_plays_is_not_sent_to_its_end(data: Path) -> None:
    with playing(data) as (player, n_bytes, server):
        toml = data / "raw" / MEETING / "meeting.toml"
        toml.write_text('exclude = [[10, 20, "exempt business"]]\n' + toml.read_text("utf-8"), "utf-8")
        time.sleep(recordings.ASK_S + 0.2)
        n_sent = sum(len(part) for part in iter(lambda: player.recv(1 << 20), b""))
        told = told_by(server)
    assert n_sent < n_bytes / 2
    assert "hidden meanwhile" in told
    assert "Traceback" not in told


def test_who_stops_listening_needs_no_word_in_the_log(data: Path) -> None:
    with playing(data) as (player, _, server):
        player.close()
        time.sleep(0.3)
        told = told_by(server)
    assert not re.search("/media|shorter|Traceback", told)


def test_the_index_may_be_made_again_while_people_search(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BURST", 1e9)
    stop, n_made = threading.Event(), 0

    def rebuild() -> None:
        nonlocal n_made
        while not stop.is_set():
            index.rebuild(Layout(root=data))
            n_made += 1

    with client(data) as page, ThreadPoolExecutor(1) as pool:
        writer = pool.submit(rebuild)
        try:
            for i in itertools.count():
                found = page.get("/api/search", params={"q": "facial" if i % 2 else "residents"})
                assert found.status_code == 200
                assert found.json()["total"] > 0
                if (i > 60 and n_made > 1) or writer.done():
                    break
        finally:
            stop.set()
        writer.result()


def test_where_nothing_can_listen_it_says_so(made: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = onrecord("serve", "--port", str(port), data=made)
    assert done.returncode == 2
    assert "nothing can listen" in done.stderr
    assert "Traceback" not in done.stderr
    assert "http://" not in done.stderr


def test_the_command_says_where_it_is_and_ends_quietly(made: Path) -> None:
    with served(made, "--host", "0.0.0.0") as (base, server):
        answer = urllib.request.urlopen(f"{base}/meetings")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in answer.headers
        request = urllib.request.Request(f"{base}/help", headers={"Host": "records.wrenbridge.example"})
        assert urllib.request.urlopen(request).status == 200  # not on loopback alone: any name may be its own
        server.send_signal(signal.SIGINT)
        told = server.communicate(timeout=60)[1].decode()
    assert server.returncode == 0
    assert "Everybody who can reach 0.0.0.0 can read" in told


def test_only_loopback_is_local() -> None:
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert is_local("localhost")
    assert not is_local("0.0.0.0")
    assert not is_local("192.0.2.1")
    assert not is_local("wrenbridge.example")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.0.1.1", "localhost", "::1"])
def test_it_answers_where_it_says_that_it_is_and_to_no_other_name(made: Path, host: str) -> None:
    app = web.application(DataFolder(Layout(root=made)), hosts=names_of(host))
    with TestClient(app, base_url=f"http://{named(host)}:8600") as page:
        assert page.get("/help").status_code == 200
        assert page.get("/help", headers={"Host": "elsewhere.example"}).status_code == 400
