"""Writing on the page: who may, what a form must carry, what each does, and that nobody overwrites anybody unread."""

import logging
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from pipeline import accounts, apply, corrections, desk, needs
from pipeline.desk import DataDesk
from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search import sessions, signing, web, working
from search.sessions import Attempts
from tests.house import TOML, captions, onrecord
from tests.page_house import HIDDEN, HOSTILE, MEETING, PAYLOADS, build, put_meeting, run
from transcribe import locks
from transcribe.correct import Correction, in_force
from transcribe.problem import Problem

MIRA, OSSIAN, PASSWORD = "Mira Castell", "Ossian Brandt", "seven herons on a weir"
PLACE = f"{MEETING}/10000-19500"
SAID = "No, Chair. There was no consultation with residents before the deployment of the cameras."
OWN = {"Origin": "http://localhost"}
DUE = date(2024, 8, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's data, and two who may write."""
    base = tmp_path_factory.getbasetemp()
    data = Path(shutil.copytree(build(base), base / "desk-data"))
    for name in (MIRA, OSSIAN):
        accounts.add(Layout(root=data), name, PASSWORD)
    return data


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


class Clerk(TestClient):
    """A browser. What it sends comes from the page, as browsers say."""

    def __init__(self, data: Path, name: str = "") -> None:
        self.folder = DataFolder(Layout(root=data))
        self.desk = DataDesk(self.folder.layout, self.folder)
        super().__init__(
            web.application(self.folder, desk=self.desk),
            base_url="http://localhost",
            raise_server_exceptions=False,
            headers=OWN,
        )
        if name:
            self.sign_in(name)

    def sign_in(self, name: str, password: str = PASSWORD) -> int:
        return int(self.post("/sign-in", data={"name": name, "password": password}, follow_redirects=False).status_code)

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get("/help").text)
        return found[1] if found else ""

    def do(self, do: str, place: str = PLACE, **more: str) -> "tuple[int, str]":
        """Send a form, and give the status and the page that came of it."""
        answer = self.post(f"/work/{place}", data={"token": self.token(), "do": do, **more})
        return int(answer.status_code), str(answer.text)


def kept(data: Path, meeting: str = MEETING) -> tuple[Correction, ...]:
    return corrections.read(data / "raw" / meeting)


def found(clerk: TestClient, query: str) -> int:
    return int(clerk.get("/api/search", params={"q": query}).json()["total"])


# -- who may ---------------------------------------------------------------------------------------


def test_without_an_account_nothing_is_written_or_offered(data: Path) -> None:
    (data / "accounts.json").unlink()
    clerk = Clerk(data)
    for path in ("/sign-in", "/queue", f"/work/{PLACE}"):
        assert clerk.get(path).status_code == 404, path
    assert clerk.post("/sign-in", data={"name": MIRA, "password": PASSWORD}).status_code == 404
    for path in ("/", f"/meeting/{MEETING}", f"/quote/{PLACE}"):
        assert not re.search("Sign in|/work/|desk|<textarea|<select name", clerk.get(path).text), path


def test_every_route_that_writes_refuses_whoever_is_not_signed_in(made: Path) -> None:
    clerk = Clerk(made)
    own = {r.path for r in (*signing.routes(), *working.routes()) if isinstance(r, Route)}
    writing, form = set(), {"do": "words", "text": "x", "name": MIRA, "password": "wrong"}
    for route in clerk.app.routes:  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            continue
        assert isinstance(route, Route)
        path = route.path.replace("{meeting}/{range}", PLACE).replace("{id}", MEETING)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if method in (route.methods or ()):
                writing.add(route.path)
                assert clerk.request(method, path, data=form).status_code == 403, path
            elif route.path not in own:
                assert clerk.request(method, path, data=form).status_code == 405, path
        if route.path in own - {"/sign-in", "/sign-out"}:
            answer = clerk.get(path, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"][:14]) == (303, "/sign-in?next="), path
    assert writing == {"/sign-in", "/sign-out", "/work/{meeting}/{range}"}
    for path in (f"/meeting/{MEETING}", f"/quote/{PLACE}", f"/meeting/{HIDDEN}"):
        assert not re.search('/work/|desk.js|<textarea|<select name|name="token"', clerk.get(path).text), path
    assert not (made / "raw" / MEETING / corrections.FILE).exists()


def test_signing_in_and_out(made: Path) -> None:
    clerk = Clerk(made)
    answer = clerk.post(
        "/sign-in",
        data={"name": " mira castell", "password": PASSWORD, "next": f"/quote/{PLACE}"},
        follow_redirects=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/quote/{PLACE}")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert re.fullmatch(rf"{sessions.COOKIE}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=strict", cookie)
    page = clerk.get(f"/quote/{PLACE}")
    assert MIRA in page.text
    assert page.headers["cache-control"] == "no-store"
    assert clerk.get("/sign-in", follow_redirects=False).headers["location"] == "/queue"
    held = dict(clerk.cookies)
    assert clerk.post("/sign-out", data={"token": "x"}).status_code == 403
    assert clerk.post("/sign-out", data={"token": clerk.token()}).status_code == 200
    clerk.cookies.update(held)  # the cookie alone brings nobody back
    assert MIRA not in clerk.get(f"/quote/{PLACE}").text


def test_another_password_or_no_account_ends_a_session(data: Path) -> None:
    clerk, layout = Clerk(data, MIRA), Layout(root=data)
    assert clerk.get("/queue", follow_redirects=False).status_code == 200
    accounts.change_password(layout, MIRA, "eight herons on a weir")
    assert clerk.get("/queue", follow_redirects=False).status_code == 303
    clerk.sign_in(MIRA, "eight herons on a weir")
    assert clerk.get("/queue", follow_redirects=False).status_code == 200
    accounts.remove(layout, MIRA)
    assert clerk.get("/queue", follow_redirects=False).status_code == 303
    assert clerk.sign_in(MIRA, "eight herons on a weir") == 403


def test_a_session_ends_after_twelve_hours_without_a_request(made: Path) -> None:
    clerk = Clerk(made, MIRA)
    held: sessions.Sessions = clerk.app.state.sessions  # type: ignore[attr-defined]
    now_s = time.monotonic()
    held._clock = lambda: now_s + 11 * 3600
    assert clerk.get("/queue", follow_redirects=False).status_code == 200
    held._clock = lambda: now_s + 22 * 3600
    assert clerk.get("/queue", follow_redirects=False).status_code == 200
    held._clock = lambda: now_s + 34.1 * 3600
    assert clerk.get("/queue", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("name", [MIRA, "Nobody Atall"])
def test_guessing_is_slowed_and_tells_of_no_name(made: Path, name: str) -> None:
    clerk = Clerk(made)
    answers = [clerk.post("/sign-in", data={"name": name, "password": f"guess number {i}"}) for i in range(7)]
    assert [a.status_code for a in answers] == [403] * 5 + [429] * 2
    assert {a.text.replace(name, "") for a in answers[:5]} == {answers[0].text.replace(name, "")}
    assert clerk.sign_in(name) == 429, "not even by the right one, until time has passed"
    assert clerk.sign_in(OSSIAN) == 303, "nobody else is kept out"


def test_attempts_are_counted_by_name_and_by_address_and_forgotten() -> None:
    now_s = [0.0]
    attempts = Attempts(lambda: now_s[0])
    assert [attempts.may(MIRA, "192.0.2.1") for _ in range(6)] == [True] * 5 + [False]
    assert not attempts.may(" mira CASTELL", "192.0.2.1")
    assert attempts.may(MIRA, "192.0.2.2")
    assert sum(attempts.may(f"name {i}", "2001:db8::1") for i in range(40)) == 30
    assert not attempts.may("another", "2001:db8::2"), "a network is one address"
    assert attempts.may("another", "2001:db8:0:1::2")
    now_s[0] = sessions.WITHIN_S + 1
    assert attempts.may(MIRA, "192.0.2.1")
    assert [attempts.may(MIRA, "192.0.2.3") for _ in range(5)] == [True] * 5
    attempts.forget(MIRA, "192.0.2.3")
    assert attempts.may(MIRA, "192.0.2.3")


@given(st.text(max_size=40) | st.from_regex(r"[/\\]{0,3}[a-z.:@/\\?#]{0,20}", fullmatch=True))
def test_whoever_signs_in_stays_on_this_page(text: str) -> None:
    path = signing.own_path(text)
    assert path in ("", text)
    assert urlsplit(urljoin("http://here.example/sign-in", path)).netloc == "here.example"


# -- what a form must carry ------------------------------------------------------------------------


def test_only_forms_of_this_page_are_heard(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    form = {"token": clerk.token(), "do": "words", "saw": SAID, "text": "Yes."}
    foreign = (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    )
    for headers in foreign:
        assert clerk.post(f"/work/{PLACE}", data=form, headers=headers).status_code == 403, headers
        assert clerk.post("/sign-in", data={"name": MIRA, "password": PASSWORD}, headers=headers).status_code == 403
        assert clerk.post("/sign-out", data=form, headers=headers).status_code == 403
    other = Clerk(data, OSSIAN)
    for token in ("", "x", other.token()):
        assert clerk.post(f"/work/{PLACE}", data=form | {"token": token}).status_code == 403
    as_text = {"Content-Type": "text/plain"}
    assert clerk.post(f"/work/{PLACE}", content=b"do=words", headers=as_text).status_code == 415
    assert clerk.post(f"/work/{PLACE}", data=form | {"text": "x" * 70_000}).status_code == 413
    assert clerk.post(f"/work/{PLACE}", data={f"f{i}": "" for i in range(60)}).status_code == 400
    assert clerk.post(f"/work/{PLACE}?token={clerk.token()}&do=words&text=x", data={"x": "y"}).status_code == 403
    assert kept(data) == ()
    assert MIRA in clerk.get("/queue").text, "and nobody was signed out by it"


def test_what_somebody_wrote_is_not_lost_when_the_session_ended(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    token = clerk.token()
    clerk.cookies.clear()
    answer = clerk.post(f"/work/{PLACE}", data={"token": token, "do": "words", "text": "Yes, <b>Chair</b>."})
    assert answer.status_code == 403
    assert "Yes, &lt;b&gt;Chair&lt;/b&gt;." in answer.text
    assert "not signed in any more" in answer.text


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), locks.Busy("corrections"), Problem("no")])
def test_what_somebody_wrote_is_not_lost_when_it_cannot_be_kept(
    data: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    clerk = Clerk(data, MIRA)

    def fails(*args: object) -> None:
        raise trouble

    monkeypatch.setattr(corrections, "held" if isinstance(trouble, locks.Busy) else "append", fails)
    status, text = clerk.do("words", saw=SAID, text="Yes, Chair.")
    assert (status, "Yes, Chair." in text) == (422, True)
    assert "Saved" not in text


# -- what each does --------------------------------------------------------------------------------


def test_words_reach_the_corrections_the_text_and_the_index(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    status, text = clerk.do("words", saw=SAID, text=SAID.replace("cameras", "turnstiles"))
    assert (status, "Saved. It now says" in text) == (200, True)
    (c,) = kept(data)
    assert (c.kind, c.by, c.old, c.new) == ("words", MIRA, SAID, SAID.replace("cameras", "turnstiles"))
    assert found(clerk, "turnstiles") == 1
    assert "Saved." not in clerk.get(f"/quote/{PLACE}").text, "it is said once"
    # Taken back by another entry; nothing of the first is lost.
    status, text = clerk.do("undo", id=c.id)
    assert (status, "Taken back." in text, found(clerk, "turnstiles"), len(kept(data))) == (200, True, 0, 2)
    assert f"{MIRA} took that back" in text


def test_the_second_of_two_sees_what_the_first_changed(data: Path) -> None:
    one, two = Clerk(data, MIRA), Clerk(data, OSSIAN)
    first, second = SAID.replace("No,", "Yes,"), SAID.replace("cameras", "vans")
    assert one.do("words", saw=SAID, text=first)[0] == 200
    status, text = two.do("words", saw=SAID, text=second)
    assert status == 409
    assert "Somebody else changed this meanwhile" in text
    assert first in text, "what it says now"
    assert second in text, "what they wanted"
    form = {"token": two.token(), "do": "words", "saw": SAID, "text": second}
    told = two.post(f"/work/{PLACE}", data=form, headers={"Accept": "application/json"})
    assert (told.status_code, told.json()["now"]) == (409, first)
    assert [c.by for c in kept(data)] == [MIRA]
    assert two.do("words", saw=first, text=second)[0] == 200, "having read it, they may"
    assert [c.by for c in kept(data)] == [MIRA, OSSIAN]


def test_two_at_once_lose_nothing_and_readers_do_not_wait(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk, began, go = Clerk(data, MIRA), threading.Event(), threading.Event()
    as_it_is = apply.apply

    def slowly(*args: object, **more: object) -> object:
        began.set()
        assert go.wait(60)
        return as_it_is(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(apply, "apply", slowly)
    token = clerk.token()
    said = {"0-9500": "", "10000-19500": SAID}
    said["0-9500"] = clerk.get(f"/api/quotes/{MEETING}/0-9500").json()["quote"]["text"]

    def save(place: str) -> int:
        form = {"token": token, "do": "words", "saw": said[place], "text": f"{said[place]} {place[:2]}th."}
        return int(clerk.post(f"/work/{MEETING}/{place}", data=form).status_code)

    with clerk, ThreadPoolExecutor(2) as pool:
        both = [pool.submit(save, place) for place in said]
        assert began.wait(60)
        for path in ("/", f"/meeting/{MEETING}", f"/quote/{PLACE}"):
            assert clerk.get(path).status_code == 200
        go.set()
        assert [b.result() for b in both] == [200, 200]
    assert sorted(c.start_ms for c in kept(data)) == [0, 10_000]
    assert found(clerk, "10th") == 1


def test_a_voice_is_confirmed_and_rejected_and_a_stretch_given(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    held = clerk.folder.meeting(MEETING)
    tranter = next(n for n in held.transcript.names if n.person == "alison-tranter")
    voice = {"label": tranter.label, "saw": tranter.display}
    assert clerk.do("confirm", person="alison-tranter", **voice)[0] == 200
    assert f"confirmed by {MIRA}" in clerk.get(f"/quote/{PLACE}").text
    assert found(clerk, "status:confirmed") == 2
    status, text = clerk.do("confirm", person="jo-okafor", label=tranter.label, saw="Councillor Jo Okafor")
    assert (status, "Superintendent Alison Tranter" in text) == (409, True)
    assert clerk.do("confirm", f"{MEETING}/0-9500", person="alison-tranter", **voice)[0] == 409, "not heard there"
    assert clerk.do("speaker", saw=tranter.display, person="jo-okafor")[0] == 200
    page = clerk.get(f"/quote/{PLACE}").text
    assert f"{MIRA} said who speaks: Councillor Jo Okafor, where it said Superintendent Alison Tranter" in page
    reader = Clerk(data).get(f"/quote/{PLACE}").text
    assert "where it said" not in reader, "old names may have been wrong about somebody"
    assert reader.count("Superintendent Alison Tranter") < page.count("Superintendent Alison Tranter")
    speaker = kept(data)[-1]
    assert clerk.do("undo", id=speaker.id)[0] == 200
    status, text = clerk.do("reject", person="", **voice)
    assert (status, "Saved. This voice is not" in text) == (200, True)
    assert [c.kind for c in kept(data)] == ["confirm", "speaker", "undo", "reject"]


def test_listening_counts_once_it_was_played(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    for played in ("", "no", "1"):
        status, text = clerk.do("listen", saw=SAID, played=played)
        assert (status, "was not played" in text) == (422, True)
    assert clerk.do("listen", f"{HOSTILE}/0-9500", played="yes")[0] == 422, "there is no recording of it"
    assert kept(data) == ()
    assert clerk.do("listen", saw=SAID, played="yes")[0] == 200
    assert [(c.kind, c.by) for c in kept(data)] == [("listen", MIRA)]
    page = clerk.get(f"/quote/{PLACE}").text
    assert "You listened to these very words" in page
    assert 'data-listen="' not in page


def test_what_is_withheld_is_gone_at_once_and_comes_back(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    assert clerk.do("withhold", reason="under complaint", until="yesterday")[0] == 422
    assert clerk.do("withhold", reason=" ", until="2099-01-01")[0] == 422
    assert clerk.do("withhold", reason="under complaint", until="2020-01-01")[0] == 422
    status, text = clerk.do("withhold", reason="under <i>complaint</i>", until="2099-01-01")
    assert (status, "Withheld." in text, "under &lt;i&gt;complaint" in text) == (200, True, True)
    assert found(clerk, "deployment") == 1
    assert SAID not in Clerk(data).get(f"/meeting/{MEETING}").text
    assert Clerk(data).get(f"/media/{MEETING}").status_code in (200, 404)
    clerk.desk.settle()
    copy = data / "processed" / MEETING / "playable.m4a"
    assert Clerk(data).get(f"/media/{MEETING}").content == copy.read_bytes(), "and never the recording itself"
    (c,) = kept(data)
    assert clerk.do("undo", id=c.id)[0] == 200
    assert found(clerk, "deployment") == 2


def test_personal_details_are_deleted_also_from_what_people_wrote(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    assert clerk.do("words", saw=SAID, text=SAID.replace("residents", "Mr Anybody of Canal Row"))[0] == 200
    assert clerk.do("mask", reason="an address")[0] == 200
    clerk.desk.settle()
    for path in (data / "raw" / MEETING / corrections.FILE, *(data / "processed").rglob("*")):
        if path.is_file():
            assert b"Canal Row" not in path.read_bytes() or HIDDEN in str(path), path
    assert "personal details" in Clerk(data).get(f"/meeting/{MEETING}").text


def test_hostile_words_and_reasons_are_text(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    wanted = " ".join(p for p in PAYLOADS if p.isprintable())
    status, text = clerk.do("words", saw=SAID, text=wanted)
    assert status == 200
    pages = [text, clerk.get("/queue").text, clerk.get(f"/meeting/{MEETING}").text, clerk.get(f"/work/{PLACE}").text]
    for page in pages:
        assert not re.search(r"<(img src=x|svg/onload|iframe|base|b>|a href=javascript)|<script>", page)


def test_no_secret_is_logged(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        clerk = Clerk(data)
        clerk.sign_in(MIRA, "a wrong but telling password")
        clerk.sign_in(MIRA)
        token = clerk.token()
        clerk.do("words", saw="something else", text="words that nobody should read in a log")
    told = caplog.text
    for secret in ("telling password", PASSWORD, token, clerk.cookies[sessions.COOKIE], "nobody should read"):
        assert secret not in told


# -- the queue -------------------------------------------------------------------------------------


def test_a_sample_says_where_a_voice_goes_on_behind_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = DataFolder(Layout(root=made)).meeting(MEETING)

    def said() -> list[str]:
        return [t.text for t in needs.tasks(held, ()) if t.kind == "name"]

    whole = said()
    assert not [text for text in whole if text.endswith("…")]
    monkeypatch.setattr(needs, "SAMPLE_MS", 4_000)
    for text, all_of_it in zip(said(), whole, strict=True):
        assert text.endswith(" …")
        assert all_of_it.startswith(text.removesuffix(" …"))


def test_names_nearest_to_the_line_come_first_then_words_on_the_topic(made: Path) -> None:
    held = DataFolder(Layout(root=made)).meeting(MEETING)
    okafor, tranter = held.transcript.names
    transcript = replace(
        held.transcript, names=(replace(okafor, probability=0.99), replace(tranter, probability=0.905))
    )
    quotes = tuple(replace(q, listen_first=("words unsure",)) for q in held.quotes)
    tasks = sorted(
        needs.tasks(replace(held, transcript=transcript, quotes=quotes), ()), key=lambda t: (t.kind != "name", t.rank)
    )
    assert [t.called for t in tasks if t.kind == "name"] == [tranter.display, okafor.display]
    assert tasks[0].why == "Software gave this name with little to spare."
    words = [t for t in tasks if t.kind == "words"]
    assert {t.start_ms for t in words} == {q.start_ms for q in held.quotes if q.codes}
    assert not [t for t in needs.tasks(held, ()) if t.kind == "words"], "where nothing is unsure nothing is asked"


def test_a_task_leaves_the_queue_when_it_is_done(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    before = clerk.desk.todo().tasks
    task = next(t for t in before if t.meeting == MEETING and t.person == "alison-tranter")
    form = {"label": task.label, "saw": task.speaker, "person": task.person, "back": "/queue?kind=name#task-1"}
    status, text = clerk.do("confirm", task.address, **form)
    assert (status, "What needs you" in text, "Saved. This voice is" in text) == (200, True, True)
    assert len(clerk.desk.todo().tasks) == len(before) - 1


def test_a_correction_that_holds_no_more_is_shown_and_taken_back(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    assert clerk.do("words", saw=SAID, text=SAID.replace("consultation", "conversation"))[0] == 200
    captions = data / "raw" / MEETING / "captions.vtt"
    captions.write_text(captions.read_text("utf-8").replace("no consultation", "no consolation"), "utf-8")
    assert onrecord("run", data=data, env={"ONRECORD_MODELS": str(data / "no-models")}).returncode == 0
    page = clerk.get("/queue?kind=correction").text
    assert "Does this correction still hold?" in page
    assert "a new transcription heard something else there" in page
    (task,) = [t for t in clerk.desk.todo().tasks if t.kind == "correction"]
    assert f'href="/quote/{task.address}#work"' in page
    assert "conversation" in task.text, "what a person wrote stands until a person decides"
    form = {"id": task.id, "back": "/queue?kind=correction"}
    status, text = clerk.do("undo", task.address, **form)
    assert (status, "Taken back." in text, "Nothing waits for you here" in text) == (200, True, True)
    assert "no consolation with residents" in clerk.get(f"/meeting/{MEETING}").text


def test_personal_details_are_shown_among_what_stands_around_them(data: Path) -> None:
    meeting, said = "2024-08-01-public", "My name is Desmond Pell. I live at nine Canal Row and nobody told us."
    toml = f'{TOML}\n[[people]]\nid = "desmond-pell"\nname = "Desmond Pell"\nrole = "Resident"\n'
    put_meeting(data, meeting, toml, captions([("Jo Okafor", "Mr Pell, please."), ("Desmond Pell", said)]), sound=True)
    run(data, meeting)
    clerk = Clerk(data, MIRA)
    tasks = {t.text.strip(",."): t for t in clerk.desk.todo().tasks if (t.kind, t.meeting) == ("personal", meeting)}
    assert set(tasks) == {"Mr Pell", "Desmond Pell", "nine Canal Row"}
    where = {"kind": "personal", "meeting": meeting}
    page = clerk.get("/queue", params=where).text
    assert re.search("I live at <mark>nine Canal Row</mark> and nobody told us", page)
    home, name = tasks["nine Canal Row"], tasks["Mr Pell"]
    assert f'data-from="{home.start_ms - 3000}" data-to="{home.end_ms + 3000}"' in page, "one word alone tells nothing"
    back = f"/queue?kind=personal&meeting={meeting}"
    assert clerk.do("mask", home.address, reason=home.reason, back=back)[0] == 200
    clerk.desk.settle()
    page = clerk.get("/queue", params=where).text
    assert "Canal Row" not in page + Clerk(data).get(f"/meeting/{meeting}").text
    assert page.count("data-hit") == 1, "of captions the whole line goes"
    status, page = clerk.do("listen", name.address, saw=name.text, played="yes", back=back)
    assert (status, "Nothing waits for you here" in page) == (200, True)


def test_what_a_list_leaves_out_is_changed_in_the_list_alone(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    assert "Decide again" not in clerk.get(f"/meeting/{HIDDEN}").text
    page = clerk.get(f"/work/{HIDDEN}/9000-20000").text
    assert "not part of the public record (exempt business)" in page
    assert "take it out of that list" in page
    assert "Hide it" not in page


def test_what_is_withheld_comes_up_when_it_is_due(data: Path) -> None:
    clerk = Clerk(data, MIRA)
    assert clerk.do("withhold", reason="under complaint", until="2099-01-01")[0] == 200
    path = data / "raw" / MEETING / corrections.FILE
    path.write_text(path.read_text().replace("2099-01-01", str(DUE)))
    (task,) = [t for t in clerk.desk.todo().tasks if t.kind == "withheld"]
    assert str(DUE) in task.why
    page = clerk.get("/queue?kind=withheld").text
    assert "Is this still to be withheld?" in page
    assert SAID not in page
    assert clerk.do("withhold", task.address, id=task.id, reason=task.reason, until="2099-02-02")[0] == 200
    assert not [t for t in clerk.desk.todo().tasks if t.kind == "withheld"]
    assert [(c.kind, c.until) for c in in_force(kept(data))] == [("withhold", date(2099, 2, 2))]
    assert SAID not in clerk.get(f"/meeting/{MEETING}").text


def test_the_queue_looks_through_many_meetings_little_by_little(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "LOOK_S", -1.0)
    clerk = Clerk(data, MIRA)
    assert "3 meetings are not looked through yet" in clerk.get("/queue").text
    monkeypatch.setattr(desk, "LOOK_S", 60.0)
    page = clerk.get("/queue").text
    assert "not looked through" not in page
    assert page.count("data-hit") == working.N_TASKS
    monkeypatch.setattr(desk, "LOOK_S", -1.0)
    assert "not looked through" not in clerk.get("/queue").text, "what was seen is not looked at again"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "BURST", 10_000.0)
