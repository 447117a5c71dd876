"""A meeting's roster out of a council's own lists: files, a folder of them, or its web service."""

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import meeting_toml, moderngov, roster, rosters, sources
from pipeline.rosters import Roster, Rostered
from tests.house import captions, here
from transcribe.problem import Problem
from transcribe.records import AgendaItem, Meeting

HERE = Path(__file__).parent / "data" / "roster"
GET_MEETING, LISTS = HERE / "GetMeeting.xml", HERE / "GetCouncillorsByWard.xml"
TOML = 'title = "Public Safety Scrutiny Panel"\nbody = "Wrenbridge Council"\nheld_on = {day}\n'
PRIVATE = ["WB1", "01234", "07700", "@", "Loom Lane", "Weaver Street", "jpg", "1961", "mgUserInfo"]


def folder(data: Path, toml: str = TOML.format(day="2024-05-14")) -> Path:
    place = data / "raw" / "panel"
    place.mkdir(parents=True, exist_ok=True)
    (place / "meeting.toml").write_text(toml, "utf-8")
    (place / "captions.vtt").write_text(captions(), "utf-8")
    return place


def drafted(
    data: Path, *given: Path | str, toml: str = TOML.format(day="2024-05-14"), number: str = ""
) -> roster.Draft:
    return roster.draft(folder(data, toml), "panel", [str(g) for g in given], number=number)


def taken(data: Path, *given: Path | str) -> Meeting:
    """The meeting, once its roster is written."""
    place = folder(data)
    roster.write(place, drafted(data, *given).roster)
    return meeting_toml.read_meeting(place, "panel")


def test_attendance_roles_and_agenda_of_a_meeting(tmp_path: Path) -> None:
    found = taken(tmp_path, GET_MEETING, LISTS)
    jo, hettie, pavel, rhodri = found.people
    assert (jo.id, jo.role, jo.party, jo.ward, jo.present) == (
        "jo-okafor", "Chair", "Civic Alliance", "Tannery and Hythe", True,
    )  # fmt: skip
    # Her party is that of a term which began after the meeting: nobody knows what it was on the day.
    assert (hettie.id, hettie.role, hettie.party, hettie.ward, hettie.present) == (
        "hettie-marchbank",
        "Member",
        "",
        "",
        False,
    )
    # A post without dates is nobody's role, and what is only expected is not known to have happened.
    assert (pavel.role, pavel.party, pavel.present) == ("Member", "BF", True)
    assert (rhodri.role, rhodri.present) == ("Assistant Director for Neighbourhoods", True)
    assert [(a.item, a.title) for a in found.agenda] == [
        (2, "Members' Declarations of Interest"),
        ("5a", "Live facial recognition & Cooper Street"),
    ]
    written, faults = rosters.read(tmp_path / "raw" / "panel")
    assert faults == []
    assert [p.attendance for p in written.people] == ["Present, as expected", "Apologies", "Expected", "In attendance"]
    assert [p.present for p in written.people] == [True, False, None, True]
    assert written.people[2].posts == "Cabinet Member for Parks"


def test_what_is_private_is_nowhere(tmp_path: Path) -> None:
    roster.write(folder(tmp_path), drafted(tmp_path, HERE).roster)
    text = (tmp_path / "raw" / "panel" / "roster.toml").read_text("utf-8")
    assert "Okafor" in text
    for each in PRIVATE:
        assert each not in text


def test_a_list_alone_gives_those_in_office_on_the_day(tmp_path: Path) -> None:
    found = drafted(tmp_path, LISTS)
    assert [p.id for p in found.roster.people] == ["jo-okafor", "hettie-marchbank"]
    assert {p.role for p in found.roster.people} == {"Councillor"}
    assert any("1 people of these lists held no office on 2024-05-14" in n for n in found.notes)
    later = drafted(tmp_path, LISTS, toml=TOML.format(day="2024-07-01"))
    assert {p.id: p.party for p in later.roster.people} == {
        "jo-okafor": "Civic Alliance", "hettie-marchbank": "Borough First", "greta-nield": "Independent",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("day", "people"),
    [
        ("2024-05-14", {"jo-okafor": ("Chair", "Civic Alliance", "Tannery")}),
        (
            "2023-05-20",
            {"jo-okafor": ("Councillor", "Civic Alliance", "Tannery"), "olu-bright": ("Councillor", "", "")},
        ),
        ("2024-05-15", {"jo-okafor": ("Councillor", "Civic Alliance", "Tannery")}),
        (
            "2025-01-01",
            {"jo-okafor": ("Councillor", "Civic Alliance", "Tannery"), "greta-nield": ("Councillor", "", "")},
        ),
    ],
)
def test_popolo_gives_what_surely_held_on_the_day(tmp_path: Path, day: str, people: dict[str, Any]) -> None:
    found = drafted(tmp_path, HERE / "popolo.json", toml=TOML.format(day=day)).roster
    assert {p.id: (p.role, p.party, p.ward) for p in found.people} == people
    assert found.people[0].aliases == ("Josephine Okafor",)


def test_an_id_that_somebody_has_is_kept(tmp_path: Path) -> None:
    (tmp_path / "people.toml").write_text('[[people]]\nid = "okafor-j"\nname = "Cllr Jo Okafor"\n', "utf-8")
    toml = TOML.format(day="2024-05-14") + '[[people]]\nid = "hm"\nname = "Hettie Marchbank"\nrole = "Vice-Chair"\n'
    roster.write(folder(tmp_path, toml), drafted(tmp_path, GET_MEETING, toml=toml).roster)
    found = meeting_toml.read_meeting(tmp_path / "raw" / "panel", "panel").people
    assert [(p.id, p.role, p.present) for p in found[:2]] == [("hm", "Vice-Chair", False), ("okafor-j", "Chair", True)]


def test_two_people_of_one_name_stay_two(tmp_path: Path) -> None:
    two = "".join(f'<attendee memberid="{n}" name="Cllr Sam Smith" attendance="Present"/>' for n in (1, 2))
    (tmp_path / "m.xml").write_text(f"<meeting><meetingdate>14/05/2024</meetingdate>{two}</meeting>", "utf-8")
    found = drafted(tmp_path, tmp_path / "m.xml")
    assert [p.id for p in found.roster.people] == ["sam-smith", "sam-smith-2"]
    assert any("several people of one name" in n for n in found.notes)


def test_a_meeting_of_another_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="about a meeting on 2024-05-14, and this one was held on 2024-06-01"):
        drafted(tmp_path, GET_MEETING, toml=TOML.format(day="2024-06-01"))
    undated = drafted(tmp_path, GET_MEETING, toml='title = "T"\n').roster
    assert undated.held_on == date(2024, 5, 14)


def test_sources_that_say_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="say nothing of this meeting"):
        drafted(tmp_path, HERE / "GetCommittees.xml")


# -- XML as it comes ------------------------------------------------------------------------------
@given(st.integers(0, GET_MEETING.stat().st_size))
def test_what_breaks_off_is_read_as_far_as_it_is_whole(n: int) -> None:
    whole = moderngov.read(GET_MEETING.read_bytes()).meetings[0]
    try:
        found = moderngov.read(GET_MEETING.read_bytes()[:n])
    except Problem:
        return  # not even the first record is there
    (part,) = found.meetings
    assert part.attendees == whole.attendees[: len(part.attendees)]
    assert part.agenda == whole.agenda[: len(part.agenda)]
    assert found.notes or part == whole


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE m [<!ENTITY a "b">]><memberlist>&a;</memberlist>',
        '<!DOCTYPE m SYSTEM "http://127.0.0.1:9/x.dtd"><memberlist/>',
        '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><memberlist><member>&a;</member></memberlist>',
        "<memberlist>" + "<a>" * 200,
        "<memberlist>&nbsp;" + "<a>" * 200,
        "<html><body>Error<br></body></html>",
        "",
        "\0",
        "<memberlist",
        "not XML",
    ],
)
def test_what_could_do_harm_or_is_nothing_is_refused(xml: str) -> None:
    with pytest.raises(Problem):
        moderngov.read(xml.encode())


def test_stray_html_is_put_right() -> None:
    xml = (
        "<memberlist><member><memberid>1</memberid>"
        "<fullusername>Councillor&nbsp;Si&acirc;n <br>O&rsquo;Hara</fullusername>"
        "<politicalpartytitle>Civic & Co</politicalpartytitle></member></memberlist>"
    )
    found = moderngov.read(xml.encode())
    assert [(m.name, m.party) for m in found.members] == [("Councillor Siân O’Hara", "Civic & Co")]
    assert found.notes == ("stray HTML in it was put right",)


def as_json(element: Any) -> Any:
    """An element as the usual converters make it: one child stands for itself, several are a list."""
    out: dict[str, Any] = {f"@{k}": v for k, v in element.attrib.items()}
    for child in element:
        made = as_json(child)
        before = out.get(child.tag)
        out[child.tag] = made if before is None else [*before, made] if isinstance(before, list) else [before, made]
    return out or (element.text or "").strip() or None


@pytest.mark.parametrize("path", [GET_MEETING, LISTS, HERE / "GetMeetings.xml"], ids=lambda p: p.stem)
def test_json_made_of_the_xml_says_the_same(path: Path) -> None:
    root, _ = moderngov.parse(path.read_bytes())
    found = moderngov.answer(moderngov.from_json({root.tag: as_json(root)}))
    assert found == moderngov.read(path.read_bytes())


texts = st.text(max_size=20)
rostered = st.builds(
    Rostered, id=st.from_regex(r"\A[a-z0-9-]{1,20}\Z"), name=texts, role=texts, party=texts, ward=texts,
    aliases=st.lists(texts, max_size=3).map(tuple), present=st.none() | st.booleans(), attendance=texts, posts=texts,
)  # fmt: skip


@given(st.lists(rostered, max_size=4, unique_by=lambda r: r.id), texts, st.none() | st.dates(), texts)
def test_a_roster_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, people: Sequence[Rostered], title: str, day: date | None, item: str
) -> None:
    place = tmp_path_factory.mktemp("roster")
    whole = Roster(title=title, held_on=day, people=tuple(people), agenda=(AgendaItem(item=item, title=title),))
    roster.write(place, whole)
    assert rosters.read(place) == (whole, [])


# -- the web service ------------------------------------------------------------------------------


class Council(BaseHTTPRequestHandler):
    """A council's site, as far as it answers."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        method = parts.path.rpartition("/")[2]
        self.asked.append(f"{method}?{parts.query}" if parts.query else method)
        if method == "elsewhere":
            self.send_response(302)
            self.send_header("Location", parse_qs(parts.query)["to"][0])
            self.end_headers()
            return
        path = HERE / f"{method}.xml"
        self.send_response(200 if path.is_file() or method == "endless.xml" else 500)
        self.end_headers()
        if path.is_file():
            self.wfile.write(path.read_bytes())
        with contextlib.suppress(ConnectionError):
            while method == "endless.xml":
                self.wfile.write(b" " * 1_000_000)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def council(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Council.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Council)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_councils_site_is_asked_for_the_meeting(tmp_path: Path, council: str) -> None:
    found = drafted(tmp_path, f"{council}/democracy").roster
    assert [p.id for p in found.people] == ["jo-okafor", "hettie-marchbank", "pavel-dunmore", "rhodri-salter"]
    assert found.title == "Public Safety Scrutiny Panel"
    assert Council.asked == [
        "GetCommittees",
        "GetMeetings?lCommitteeId=7&sFromDate=14%2F05%2F2024&sToDate=14%2F05%2F2024",
        "GetMeeting?lMeetingId=5102",
        "GetCouncillorsByWard",
    ]


def test_the_address_of_a_meetings_page_is_enough(tmp_path: Path, council: str) -> None:
    found = drafted(tmp_path, f"{council}/ieListDocuments.aspx?CId=7&MId=5102&Ver=4", toml="").roster
    assert len(found.people) == 4
    assert Council.asked == ["GetMeeting?lMeetingId=5102", "GetCouncillorsByWard"]
    assert found.sources[0].where == f"{council}/mgWebService.asmx/GetMeeting?lMeetingId=5102"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ftp://127.0.0.1/x.xml", "no address of the web"),
        ("file:///etc/passwd", "no address of the web"),
        ("http://", "no address of the web"),
        ("http://me:secret@127.0.0.1:9/x.xml", "holds a password"),
        ("{council}/elsewhere/x.xml?to=file:///etc/passwd", "500"),
        ("{council}/mgWebService.asmx/elsewhere?to=file:///etc/passwd", "not allowed"),
        ("{council}/mgWebService.asmx/elsewhere?to=http://a:b@127.0.0.1/", "holds a password"),
        ("{council}/missing.xml", "500"),
        ("http://127.0.0.1:1/x.xml", "cannot be fetched"),
    ],
)
def test_what_cannot_be_fetched_is_a_problem(tmp_path: Path, council: str, address: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        drafted(tmp_path, address.format(council=council))


def test_an_answer_without_end_is_given_up(tmp_path: Path, council: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 3_000_000)
    with pytest.raises(Problem, match="larger than 3 MB"):
        drafted(tmp_path, f"{council}/endless.xml")


# -- the verb -------------------------------------------------------------------------------------


def test_the_verb_writes_a_roster_that_a_run_uses(tmp_path: Path) -> None:
    place = folder(tmp_path)
    given = [str(GET_MEETING), str(LISTS), "panel"]
    shown = here("roster", *given, "--dry-run", data=tmp_path)
    assert shown.exit_code == 0, shown.stderr
    assert "hettie-marchbank" in shown.stdout
    assert "4 people, 1 not there, 2 items, from 2 sources" in shown.stdout
    assert not (place / "roster.toml").exists()
    told = json.loads(here("roster", *given, "--json", data=tmp_path).stdout)
    assert told["roster"]["people"][0]["party"] == "Civic Alliance"
    assert (place / "roster.toml").is_file()
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    quote = json.loads(here("search", "nobody was told", "--json", data=tmp_path).stdout)["quotes"][0]
    assert (quote["person"], quote["role"], quote["party"]) == ("jo-okafor", "Chair", "Civic Alliance")
    items = json.loads((tmp_path / "processed" / "panel" / "statements.json").read_text("utf-8"))["items"]
    assert [(i["item"], i["title"]) for i in items][-1] == ("5a", "Live facial recognition & Cooper Street")
    (place / "roster.toml").write_text('schema = "roster/1"\npeople = 3\n', "utf-8")
    wrong = here("check", data=tmp_path)
    assert wrong.exit_code == 3
    assert "roster.toml" in wrong.stdout


@pytest.mark.shared
def test_every_real_answer_is_read(shared: Path, tmp_path: Path) -> None:
    given = shared / "captions" / "moderngov_xml"
    with pytest.raises(Problem, match="<attachment>"):
        moderngov.read(next(given.glob("GetAttachment*")).read_bytes())
    found = {p.stem: moderngov.read(p.read_bytes()) for p in sorted(given.glob("*.xml")) if "Attachment" not in p.stem}
    assert len(found) == 6
    assert all(not a.notes for a in found.values())
    assert [len(a.members) for n, a in found.items() if "Council" in n or "Group" in n] == [39, 2, 39]
    assert len(found["GetCommittees"].committees) == 131
    assert len(found["GetMeetings"].meetings) == 20
    assert (len(found["GetMeeting_7837"].meetings[0].attendees), len(found["GetMeeting_7837"].meetings[0].agenda)) == (
        13,
        5,
    )
    assert any("GetAttachment" in n and "left out" in n for n in drafted(tmp_path, given, toml="").notes)
    whole = drafted(
        tmp_path, given / "GetMeeting_7837.xml", given / "GetCouncillorsByWard.xml", given / "GetMeetings.xml", toml=""
    )
    assert sum(bool(p.party) for p in whole.roster.people) == 7
    assert all(p.role for p in whole.roster.people)
    assert whole.roster.people[0].role == "Chair"
    text = rosters.to_toml(whole.roster)
    assert "@" not in text
    assert "REDACTED" not in text
    assert "01234" not in text
