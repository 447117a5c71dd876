"""`onrecord publish`: what the folder holds, what it never holds, and that nothing of anybody else's is touched."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from pipeline import amend, apply, asked, corrections, manifest, outputs, publish, status
from pipeline.context import Context
from pipeline.desk import DataDesk
from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search.cite import NOTICE
from search.quotes import parse_address, read_parquet
from tests.house import Heard, onrecord
from tests.page_house import HIDDEN, HOSTILE, MEETING, SECRET, build, run
from transcribe.problem import Problem
from transcribe.records import Transcript

WORDS = "There was no consultation with residents"  # of the statement that is hidden in these tests, 10000 to 19500


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole = build(tmp_path_factory.getbasetemp())
    return Path(shutil.copytree(whole, tmp_path_factory.mktemp("publish") / "data"))


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    """The same in a copy, to be changed, which knows nothing of folders that other tests published."""
    return Path(shutil.copytree(made, tmp_path / "data", ignore=shutil.ignore_patterns(outputs.FILE)))


def put(data: Path, out: Path, *, force: bool = False, dry_run: bool = False, **options: object) -> publish.Published:
    return publish.publish(Layout(root=data), out, publish.Given(**options), force=force, dry_run=dry_run)  # type: ignore[arg-type]


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def holding(out: Path, text: str) -> list[str]:
    """Files in which a text stands, as it is or as JSON and HTML write it."""
    spelt = {text, text.replace("<", "&lt;").replace(">", "&gt;"), json.dumps(text)[1:-1]}
    return [name for name, held in files(out).items() if any(s.encode() in held for s in spelt)]


def context_of(data: Path, meeting: str) -> Context:
    return asked.context_of(Layout(root=data), meeting, asr="captions", diariser="captions")


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.ids: set[str] = set()
        self.inline = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.inline += "style" in given or any(name.startswith("on") for name in given)
        self.inline += tag == "style" or (tag == "script" and "src" not in given)
        self.found += [(tag, v) for name, v in attrs if name in ("href", "src", "action", "data-play") and v]


def pages(out: Path) -> Iterator[tuple[Path, str, Links]]:
    for path in out.rglob("*.html"):
        text = path.read_text("utf-8")
        read = Links()
        read.feed(text)
        yield path, text, read


# -- what it holds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("media", ["link", "copy", "none"])
def test_every_link_leads_to_a_file_and_every_page_says_what_it_is(made: Path, tmp_path: Path, media: str) -> None:
    out = tmp_path / "site"
    days = [date.today()]
    put(made, out, media=media, contact="the clerk <clerk@wrenbridge.example>")
    days.append(date.today())  # at midnight another
    anchors = {path.resolve(): read.ids for path, _, read in pages(out)}
    kinds = set()
    for path, text, read in pages(out):
        kinds.add(path.relative_to(out).parts[0])
        assert "Machine transcript, not the official record." in text
        assert NOTICE in text
        assert any(f'<time datetime="{day}">' in text for day in days)
        assert "clerk &lt;clerk@wrenbridge.example&gt;" in text
        assert "default-src 'none'" in text.replace("&#39;", "'")
        assert read.inline == 0
        for tag, link in read.found:
            if urlsplit(link).scheme:
                assert tag == "a", (path, link)
                continue
            assert not link.startswith("/"), (path, link)
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            assert target.is_file(), (path, link)
            assert target.is_relative_to(out.resolve())
            if parts.fragment and target.name != "index.html" and target.suffix == ".html":
                # Where evidence was heard lies in the midst of words: the script finds it.
                assert parts.fragment.endswith("-heard") or parts.fragment in anchors[target], (path, link)
    assert kinds >= {"index.html", "meetings.html", "people.html", "codes.html", "about.html", "help.html"}
    assert kinds >= {"meeting", "person", "code", "quote"}


def test_pages_with_words_name_their_source_and_transcript(made: Path, tmp_path: Path) -> None:
    put(made, tmp_path / "site")
    rows = read_parquet(Layout(root=made).made(MEETING) / "quotes.parquet")
    for page in ("meeting/2024-05-14-panel.html", "quote/2024-05-14-panel/10000-19500.html", "about.html"):
        assert rows[0].transcript_sha256 in (tmp_path / "site" / page).read_text("utf-8")


def test_what_is_hidden_is_in_no_byte(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(made, out, media="copy")
    for marker in (SECRET, "Canal Row", "Mr Anybody"):
        assert holding(out, marker) == []
    assert [name for name in files(out) if name.startswith(f"media/{HIDDEN}")] == [f"media/{HIDDEN}.m4a"]
    assert files(out)[f"media/{HIDDEN}.m4a"] == (made / "processed" / HIDDEN / "playable.m4a").read_bytes()
    assert f"media/{MEETING}.wav" in files(out)


def test_where_the_silenced_copy_is_not_made_no_sound_is_copied(data: Path, tmp_path: Path) -> None:
    (data / "processed" / HIDDEN / "playable.m4a").unlink()
    found = put(data, tmp_path / "site", media="copy")
    assert HIDDEN in found.silent
    assert not [name for name in files(tmp_path / "site") if name.startswith(f"media/{HIDDEN}")]


def test_stance_is_left_out_unless_it_is_wanted(made: Path, tmp_path: Path) -> None:
    rows = read_parquet(Layout(root=made).made(MEETING) / "quotes.parquet")
    stance = next(
        q.stance for q in rows if q.topic and q.stance not in (None, "neutral") and q.stance_holder == "speaker"
    )
    put(made, tmp_path / "without")
    put(made, tmp_path / "with", stance=True)
    assert holding(tmp_path / "without", f"sounds {stance}") == []
    assert {name.split("/")[0] for name in holding(tmp_path / "with", f"sounds {stance}")} >= {
        "meeting",
        "data",
        "quote",
    }


def test_a_quote_leads_to_its_moment_and_names_nobody_who_is_not_shown_by_name(data: Path, tmp_path: Path) -> None:
    toml = data / "raw" / MEETING / "meeting.toml"
    named = toml.read_text("utf-8") + 'public = "unnamed"\n'  # the last of its people
    toml.write_text('source_url = "https://www.youtube.com/watch?v=abcdefghijk"\n' + named, "utf-8")
    run(data)
    put(data, tmp_path / "site", meetings=(MEETING,))
    assert holding(tmp_path / "site", "Alison") == holding(tmp_path / "site", "alison") == []
    moment = "https://www.youtube.com/watch?v=abcdefghijk&amp;t=10s"
    for page in (f"meeting/{MEETING}.html", "person/jo-okafor.html", f"quote/{MEETING}/10000-19500.html"):
        text = (tmp_path / "site" / page).read_text("utf-8")
        assert re.search(re.escape(moment.replace("t=10s", "t=")) + r"\d+s", text), page
    put(data, tmp_path / "nowhere", media="none")
    assert "t=10s" not in (tmp_path / "nowhere" / f"meeting/{MEETING}.html").read_text("utf-8")


def test_only_the_meetings_that_were_named(made: Path, tmp_path: Path) -> None:
    found = put(made, tmp_path / "site", meetings=(MEETING,))
    assert found.meetings == (MEETING,)
    assert holding(tmp_path / "site", HOSTILE) == holding(tmp_path / "site", HIDDEN) == []


# -- what it leaves alone --------------------------------------------------------------------------


def test_a_second_edition_takes_the_place_of_the_first_and_of_nothing_else(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(made, out, media="copy")
    (out / "CNAME").write_text("wrenbridge.example")
    (out / "meeting" / "notes.txt").write_text("mine")
    before = files(out)
    found = put(made, out, meetings=(MEETING,))
    assert (found.replaced, found.changed, found.added) == (True, (), ())
    assert set(found.gone) == {HIDDEN, HOSTILE}
    after = files(out)
    assert after["CNAME"] == b"wrenbridge.example"
    assert after["meeting/notes.txt"] == b"mine"
    assert not [name for name in after if HOSTILE in name]
    assert [name for name in after if name.startswith("media/")] == [f"media/{MEETING}.wav"], "copied, as before"
    assert before.keys() > after.keys() - {f"data/{p.name}" for p in (out / "data").iterdir()}
    assert set(after) == {f.path for f in manifest.read(out).files} | {manifest.NAME, "CNAME", "meeting/notes.txt"}  # type: ignore[union-attr]


def test_publishing_again_brings_up_to_date_what_was_asked_for_before(data: Path, tmp_path: Path) -> None:
    out, layout = tmp_path / "site", Layout(root=data)
    put(data, out, meetings=(MEETING, HOSTILE), media="none", contact="the clerk of Wrenbridge")
    assert list(manifest.behind(layout)) == []
    context = context_of(data, MEETING)
    place = parse_address(f"{MEETING}/10000-19500")
    apply.apply(context, amend.reword(context, place, "No. Nobody was asked.", by="Ann Clerk"), Heard())
    (behind,) = manifest.behind(layout)
    assert (behind.folder, behind.meetings) == (str(out.resolve()), (MEETING,))
    assert len(holding(out, WORDS)) > 1, "what was published does not change by itself"
    desk = DataDesk(layout, DataFolder(layout))
    assert desk.todo().behind == ((behind.folder, 1),)
    assert status.status(layout).behind == (behind,)
    found = put(data, out)
    assert (found.changed, found.added, found.gone) == ((MEETING,), (), ())
    assert desk.todo().behind == ()
    assert holding(out, WORDS) == [f"quote/{MEETING}/10000-19500.html"], "where it is told what was changed"
    assert f"meeting/{MEETING}.html" in holding(out, "Nobody was asked.")
    kept = manifest.read(out)
    assert kept
    assert kept.options == manifest.Options(
        meetings=(MEETING, HOSTILE), media="none", contact="the clerk of Wrenbridge"
    ), "as it was asked for"
    assert list(manifest.behind(layout)) == []
    shutil.rmtree(data / "raw" / HOSTILE)
    found = put(data, out)
    assert [(left.meeting, left.why) for left in found.left_out] == [(HOSTILE, "it is not here any more")]
    anew = put(data, out, force=True)
    assert set(anew.added) == {HIDDEN}
    assert manifest.read(out).options == manifest.Options()  # type: ignore[union-attr]


def test_other_folders_and_changed_pages_are_refused(made: Path, data: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("mine")
    with pytest.raises(Problem, match="holds something else"):
        put(made, other, force=True)
    for place in (data, data / "raw" / "site", data / "processed" / MEETING, tmp_path):
        with pytest.raises(Problem, match=r"among the data"):
            put(data, place, force=True)
    out = tmp_path / "site"
    put(made, out)
    (out / "about.html").write_text("ours now")
    with pytest.raises(Problem, match="changed by somebody"):
        put(made, out, force=True)
    moved = out.rename(tmp_path / "moved")
    with pytest.raises(Problem, match="lay elsewhere") as refused:
        put(made, moved)
    assert "--force" in refused.value.fix
    moved.rename(out)
    assert (out / "about.html").read_text() == "ours now"


def test_a_manifest_that_names_files_elsewhere_is_refused(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(made, out)
    (tmp_path / "precious").write_text("mine")
    held = (out / manifest.NAME).read_text("utf-8")
    for path in ("../precious", str(tmp_path / "precious")):
        (out / manifest.NAME).write_text(held.replace('"about.html"', json.dumps(path)), "utf-8")
        with pytest.raises(Problem, match="elsewhere"):
            put(made, out, force=True)
    (out / "away").symlink_to(tmp_path)
    (out / manifest.NAME).write_text(held.replace('"about.html"', '"away/precious"'), "utf-8")
    with pytest.raises(Problem, match="elsewhere"):
        put(made, out, force=True)
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_dry_run_writes_nothing(made: Path, tmp_path: Path) -> None:
    found = put(made, tmp_path / "site", media="copy", dry_run=True)
    assert not (tmp_path / "site").exists()
    assert (len(found.meetings), found.n_recordings) == (3, 2)
    assert found.recordings_bytes > 0


@pytest.mark.parametrize("at", [1, 12, -1])
def test_who_is_stopped_leaves_pages_that_open_and_can_be_replaced(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Stopped before the n-th file is moved into place: every page is whole, of the old edition or the new one."""
    out = tmp_path / "site"
    put(made, out, meetings=(MEETING,), media="copy")
    old = files(out)
    n_moved = sum(not name.startswith(("media/", manifest.NAME)) for name in old)
    moved = 0
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal moved
        moved += publish.SIDE in self.parts
        if moved == at % (n_moved + 1):
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as m:
        m.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            put(made, out, meetings=(MEETING,), force=True, contact="the clerk")
    now = files(out)
    assert set(old) <= set(now)
    assert now["index.html"] == old["index.html"]
    for name, content in now.items():
        if name.endswith(".html") and publish.SIDE not in name:
            assert content.rstrip().endswith(b"</html>")
    put(made, out, meetings=(MEETING,), force=True, contact="the clerk")
    assert not (out / publish.SIDE).exists()
    assert b"the clerk" in (out / "index.html").read_bytes()


# -- what is hidden later --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["withhold", "mask", "exclude"])
def test_what_is_hidden_later_is_taken_out_of_the_folder(data: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "site"
    put(data, out, media="copy")
    assert holding(out, WORDS)
    mine = {"kept.txt": b"mine"}
    (out / "kept.txt").write_bytes(mine["kept.txt"])
    other = (out / f"meeting/{HOSTILE}.html").read_bytes()
    context = context_of(data, MEETING)
    place = parse_address(f"{MEETING}/10000-19500")
    if kind == "withhold":
        until = date.today() + timedelta(days=30)
        correction = amend.withhold(context, place, by="Mira", reason="under complaint", until=until)
    else:
        correction = amend.hide(context, place, kind, by="Mira", reason="a private matter")  # type: ignore[arg-type]
    applied = apply.apply(context, correction, Heard())
    assert applied.elsewhere == ()
    assert any("published again" in line for line in applied.published)
    assert holding(out, WORDS) == []
    assert [name for name in files(out) if name.startswith("media/")] == [f"media/{MEETING}.m4a", f"media/{HIDDEN}.m4a"]
    assert "We will publish the date" in (out / f"meeting/{MEETING}.html").read_text("utf-8")
    assert (out / f"meeting/{HOSTILE}.html").read_bytes() == other
    assert (out / "kept.txt").read_bytes() == mine["kept.txt"]
    assert not (out / f"quote/{MEETING}/10000-19500.html").exists()


def test_what_the_page_hides_goes_at_once_and_the_rest_comes_back_behind_it(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(data, out, media="copy")
    context = context_of(data, MEETING)
    hidden = amend.hide(context, parse_address(f"{MEETING}/10000-19500"), "mask", by="Mira", reason="private")
    applied = apply.apply(context, hidden, Heard(), copy=False, rows=False)
    assert "being published again" in applied.published[0]
    assert holding(out, WORDS) == []
    assert not [name for name in files(out) if MEETING in name]
    apply.finish(context, hidden, Heard())
    assert holding(out, WORDS) == []
    assert {f"meeting/{MEETING}.html", f"media/{MEETING}.m4a"} <= set(files(out))


def test_words_go_at_once_even_if_nothing_can_be_made_again(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(data, out)
    done, refused = publish.withdraw(Layout(root=data), MEETING)
    assert (done, refused) == ((out.resolve(),), ())
    assert holding(out, WORDS) == []
    assert (out / "index.html").is_file()
    assert (out / f"meeting/{HOSTILE}.html").is_file()
    assert publish.renew(Layout(root=data), MEETING) == (out.resolve(),)
    assert holding(out, WORDS)


def test_a_meeting_that_cannot_be_shown_just_now_comes_back_when_it_can(data: Path, tmp_path: Path) -> None:
    out, layout = tmp_path / "site", Layout(root=data)
    put(data, out)
    context = context_of(data, MEETING)
    hidden = amend.hide(context, parse_address(f"{MEETING}/10000-19500"), "mask", by="Mira", reason="private")
    corrections.append(context.raw, hidden)
    publish.withdraw(layout, HOSTILE)
    assert publish.renew(layout, HOSTILE) == (out.resolve(),)
    assert (out / f"meeting/{HOSTILE}.html").is_file()
    assert holding(out, WORDS) == []
    assert publish.renew(layout, MEETING) == ()
    (context.raw / corrections.FILE).unlink()
    assert publish.renew(layout, MEETING) == (out.resolve(),)
    assert holding(out, WORDS)


def test_a_folder_from_which_nothing_can_be_taken_is_named(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(data, out)
    (out / manifest.NAME).unlink()
    assert publish.withdraw(Layout(root=data), MEETING) == ((), (out.resolve(),))
    assert holding(out, WORDS)


def test_a_copy_of_the_data_folder_changes_nothing_that_the_first_published(data: Path, tmp_path: Path) -> None:
    """Somebody practises in a copy, or one was kept: it does not know what was hidden in the first since."""
    out = tmp_path / "site"
    put(data, out)
    copy = Path(shutil.copytree(data, tmp_path / "copy"))
    hidden = amend.hide(
        context_of(data, MEETING), parse_address(f"{MEETING}/10000-19500"), "mask", by="Mira", reason="x"
    )
    apply.apply(context_of(data, MEETING), hidden, Heard())
    before = files(out)
    tried = amend.hide(
        context_of(copy, MEETING), parse_address(f"{MEETING}/30000-39500"), "mask", by="Mira", reason="x"
    )
    applied = apply.apply(context_of(copy, MEETING), tried, Heard())
    assert files(out) == before
    assert applied.elsewhere == (str(out.resolve()),)
    assert applied.published == ()
    assert list(manifest.behind(Layout(root=copy))) == []
    with pytest.raises(Problem, match="from another data folder"):
        put(copy, out)
    assert holding(out, WORDS) == []


def test_a_data_folder_that_was_moved_knows_what_it_published(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    put(data, out)
    moved = data.rename(tmp_path / "moved")
    hidden = amend.hide(
        context_of(moved, MEETING), parse_address(f"{MEETING}/10000-19500"), "mask", by="Mira", reason="x"
    )
    applied = apply.apply(context_of(moved, MEETING), hidden, Heard())
    assert any("published again" in line for line in applied.published)
    assert holding(out, WORDS) == []


def test_a_meeting_that_is_being_changed_is_left_out(data: Path, tmp_path: Path) -> None:
    context = context_of(data, MEETING)
    place = parse_address(f"{MEETING}/10000-19500")
    corrections.append(context.raw, amend.hide(context, place, "mask", by="Mira", reason="a private matter"))
    found = put(data, tmp_path / "site", media="copy")
    assert [left.meeting for left in found.left_out] == [MEETING]
    assert holding(tmp_path / "site", WORDS) == []


def test_what_is_hidden_while_pages_are_made_does_not_stay_in_them(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    context = context_of(data, MEETING)
    place = parse_address(f"{MEETING}/10000-19500")
    hidden = amend.hide(context, place, "mask", by="Mira", reason="a private matter")
    real = manifest.put
    calls = 0

    def late(place: Path, held: manifest.Manifest) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            corrections.append(context.raw, hidden)
        real(place, held)

    monkeypatch.setattr(manifest, "put", late)
    put(data, out)
    assert holding(out, WORDS) == []


# -- the verb --------------------------------------------------------------------------------------


def test_the_verb(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    told = onrecord("publish", str(out), "--meetings", MEETING, "--dry-run", "--json", data=data)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["n_statements"] > 0
    assert not out.exists()
    told = onrecord("publish", str(out), "--meetings", MEETING, "--media", "copy", data=data)
    assert told.returncode == 0, told.stderr
    assert "Open index.html" in told.stdout
    again = onrecord("publish", str(out), "--without-stance", data=data)
    assert again.returncode == 0
    assert "since the edition before: no meeting changed" in again.stdout
    told = onrecord("speakers", MEETING, "--reject", "Alison Tranter", "--by", "Ann Clerk", data=data)
    assert f"still published as it was: {out.resolve()}. To renew it: onrecord publish" in told.stdout, told.stderr
    told = onrecord("status", data=data)
    assert f"{out.resolve()}: 1 meeting. To renew it: onrecord publish" in told.stdout.replace("\n", " ")
    assert outputs.folders(Layout(root=data), MEETING) == (out.resolve(),)
    unknown = onrecord("publish", str(tmp_path / "x"), "--meetings", "no-such-meeting", data=data)
    assert unknown.returncode == 2


def test_a_transcript_is_whole_in_its_page(made: Path, tmp_path: Path) -> None:
    put(made, tmp_path / "site")
    import msgspec

    transcript = msgspec.json.decode((made / "processed" / MEETING / "transcript.json").read_bytes())
    words = msgspec.convert({k: v for k, v in transcript.items() if k not in ("schema", "generator")}, Transcript).words
    text = (tmp_path / "site" / f"meeting/{MEETING}.html").read_text("utf-8")
    said = " ".join(re.sub("<[^>]+>", "", p) for p in re.findall(r'<p class="said"[^>]*>(.*?)</p>', text))
    assert said.split() == [w.text for w in words]
