"""The name of somebody who holds no office is in none of the bytes that readers get."""

import re
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import quote as quoted

import numpy as np
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from pipeline.cli_export import Format
from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search import web
from tests.house import captions, here
from tests.make_media import write_sound

MARKER = "quillmarker"
TOML = """\
title = "Public Safety Panel"
held_on = 2024-05-14
captions = "captions.vtt"
media = "meeting.wav"
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
role = "Chair"
[[people]]
id = "zeb-quillmarker"
name = "Zeb Quillmarker"
role = "Resident"
aliases = ["Mr Quillmarker"]
[[agenda]]
item = 1
title = "Public questions"
"""
SAID = [
    ("Jo Okafor", "We come to public questions on live facial recognition. The floor is yours."),
    (
        "Zeb Quillmarker",
        "I was never consulted about live facial recognition on Cooper Street, nor was anybody I know.",
    ),
    ("Jo Okafor", "Thank you. The panel will come back to the question of live facial recognition."),
]
ADDRESS = "panel/10000-19500"
# What captions call voices, for the stages after them, and of what each stage was made. No reader gets them.
INNER = {"words.json", "turns.json", "receipts"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place = tmp_path / "data" / "raw" / "panel"
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text(TOML, "utf-8")
    (place / "captions.vtt").write_text(captions(SAID), "utf-8")
    hum = np.sin(np.arange(30 * 16_000) / 20).astype(np.float32) * 0.1
    write_sound(place / "meeting.wav", [(0, hum)])
    ok("run", "--asr", "captions", "--diariser", "captions", "--jobs", "0", data=tmp_path / "data")
    return tmp_path / "data"


def ok(*args: str, data: Path) -> bytes:
    done = here(*args, data=data)
    assert done.exit_code == 0, (args, done.output)
    return done.stdout_bytes


def unpacked(path: Path) -> bytes:
    """All that a file says, whatever it is packed in."""
    plain = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            return b"\n".join([*(i.filename.encode() + z.read(i) for i in z.infolist())])
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        return plain + str(table.to_pylist()).encode() + str(table.schema.metadata).encode()
    if path.suffix == ".sqlite":
        with sqlite3.connect(path) as db:
            return plain + "\n".join(db.iterdump()).encode()
    return plain


def given_out(data: Path, out: Path) -> dict[str, bytes]:
    """What readers get, by what it is."""
    out.mkdir()
    for kind in set(Format) - {Format.chapters}:  # which say nothing of speakers
        ok("export", kind.value, "panel", "-o", str(out / f"panel-{kind.value}.{kind.value}"), data=data)
    ok("pack", ADDRESS, "-o", str(out / "pack.zip"), data=data)
    ok("clip", ADDRESS, "-o", str(out / "clip.wav"), data=data)
    ok("publish", str(out / "site"), data=data)
    shown = {str(path.relative_to(out)): unpacked(path) for path in out.rglob("*") if path.is_file()}
    for made in (data / "processed").rglob("*"):
        if made.is_file() and not INNER & {*made.parts}:
            shown[str(made.relative_to(data))] = unpacked(made)
    words = "never consulted about live facial recognition"
    for args in (
        ("search", "consulted", "--facets", "--evidence"),
        ("search", "consulted", "--json", "--facets"),
        ("quote", ADDRESS, "--history"),
        ("quote", ADDRESS, "--json"),
        ("verify", words),
        ("verify", words, "--json"),
        ("verify", words, "--speaker", "Jo Okafor", "--json"),
        ("changes", "--since", "2000-01-01"),
        ("changes", "--since", "2000-01-01", "--json"),
        ("status",),
        ("check",),
        ("check", "--json"),
    ):
        shown[" ".join(args)] = ok(*args, data=data)
    with TestClient(web.application(DataFolder(Layout(root=data))), base_url="http://localhost") as page:
        todo = ["/", "/?q=consulted", "/?q=speaker:member", "/help", "/api/search?q=consulted", "/api/meetings"]
        todo += [f"/api/quotes/{ADDRESS}", "/api/meetings/panel", "/api/people/jo-okafor", "/api/openapi.json"]
        while todo:
            path = todo.pop()
            if path not in shown and len(shown) < 250:
                answer = page.get(path)
                assert answer.status_code == 200, (path, answer.text)
                shown[path] = answer.content + str(answer.headers).encode()
                links = re.findall(r'(?:href|src)="(/[^"#]*)', answer.text) if "html" in str(answer.headers) else []
                todo += [link.replace("&amp;", "&") for link in links if not link.startswith("/static")]
    return shown


def told(shown: dict[str, bytes]) -> list[str]:
    """What says the name, or its id, in any of the ways in which text is kept."""
    forms = {MARKER.encode(how) for how in ("utf-8", "utf-16-le")} | {quoted(MARKER).encode()}
    return [what for what, held in shown.items() if any(form in held.lower() for form in forms)]


def test_a_residents_name_is_in_nothing_that_is_given_out(data: Path, tmp_path: Path) -> None:
    shown = given_out(data, tmp_path / "first")
    assert told(shown) == []
    kinds = {Path(what).suffix for what in shown}
    assert {".docx", ".parquet", ".sqlite", ".zip", ".vtt", ".srt", ".csv", ".json", ".wav", ".html", ".js"} <= kinds
    assert sum(b"ember of the public" in held for held in shown.values()) >= 20
    # Of a member of the public there is no page, nor is it said on whose word it is who it is.
    assert [what for what, held in shown.items() if b"person/public-" in what.encode() + held] == []
    with TestClient(web.application(DataFolder(Layout(root=data))), base_url="http://localhost") as page:
        assert page.get("/person/public-1").status_code == page.get("/api/people/public-1").status_code == 404
        assert page.get(f"/api/quotes/{ADDRESS}").json()["evidence"] == []
        assert "not shown by name" in page.get(f"/quote/{ADDRESS}").text
    assert b"nor is why we know who they are" in shown["pack.zip"]
    # What people with the list say of that voice does not bring it out either.
    ok("speakers", "panel", "--confirm", "public-1=quillmarker", data=data)
    ok("correct", ADDRESS, "--speaker", "zeb-quillmarker", data=data)
    assert told(given_out(data, tmp_path / "second")) == []


def test_where_the_name_may_be_shown_the_same_search_finds_it(data: Path, tmp_path: Path) -> None:
    (data / "onrecord.toml").write_text('public = "named"\n', "utf-8")
    ok("run", "--jobs", "0", data=data)
    found = told(given_out(data, tmp_path / "named"))
    assert {"panel-docx.docx", "panel-parquet.parquet", "panel-sqlite.sqlite", "pack.zip", "clip.vtt"} <= {*found}
