"""People across meetings: `people.toml`, and who somebody was on the day."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import meeting_toml, people
from pipeline.people import Held, Known, Office, latest, office_on
from tests.house import captions, here
from transcribe.problem import Problem
from transcribe.records import Meeting, Person

PEOPLE = """\
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
aliases = ["Jo"]
[[people.offices]]
role = "Chair"
body = "Public Safety Panel"
since = 2023-05-22
until = 2024-05-13
source = "https://wrenbridge.example/minutes/1"
[[people.offices]]
role = "Leader of the Council"
body = "Wrenbridge Council"
since = 2024-05-14
[[people.parties]]
party = "Borough First"
until = 2024-01-31
[[people.parties]]
party = "Civic Alliance"
since = 2024-02-01
[[people.wards]]
ward = "Tannery"
[[people]]
id = "desmond-pell"
name = "Desmond Pell"
public = "named"
"""
MEETING = 'title = "Public Safety Panel"\nbody = "Wrenbridge Council"\nheld_on = {day}\n[[people]]\nid = "jo-okafor"\n'


def meeting(tmp_path: Path, toml: str, *, known: str = PEOPLE, roster: str = "") -> Meeting:
    folder = tmp_path / "raw" / "panel"
    folder.mkdir(parents=True)
    (tmp_path / "people.toml").write_text(known, "utf-8")
    (folder / "meeting.toml").write_text(toml, "utf-8")
    if roster:
        (folder / "roster.toml").write_text(roster, "utf-8")
    (folder / "captions.vtt").write_text(captions(), "utf-8")
    return meeting_toml.read_meeting(folder, "panel")


@pytest.mark.parametrize(
    ("day", "role", "party"),
    [
        ("2023-05-21", "", "Borough First"),
        ("2023-05-22", "Chair", "Borough First"),
        ("2024-01-31", "Chair", "Borough First"),
        ("2024-02-01", "Chair", "Civic Alliance"),
        ("2024-05-13", "Chair", "Civic Alliance"),
        ("2024-05-14", "Leader of the Council", "Civic Alliance"),
    ],
)
def test_role_and_party_are_those_of_the_day(tmp_path: Path, day: str, role: str, party: str) -> None:
    (jo,) = meeting(tmp_path, MEETING.format(day=day)).people
    assert (jo.name, jo.aliases, jo.ward) == ("Councillor Jo Okafor", ("Jo",), "Tannery")
    assert (jo.role, jo.party) == (role, party)


def test_without_a_date_only_what_always_held_is_said(tmp_path: Path) -> None:
    (jo,) = meeting(tmp_path, '[[people]]\nid = "jo-okafor"\n').people
    assert (jo.role, jo.party, jo.ward) == ("", "", "Tannery")


def test_a_meeting_stands_alone_and_wins_field_by_field(tmp_path: Path) -> None:
    roster = """\
title = "Panel"
[[people]]
id = "jo-okafor"
name = "Cllr J. Okafor"
role = "Member"
party = "CA"
present = false
[[people]]
id = "ana-lindqvist"
name = "Councillor Ana Lindqvist"
role = "Vice-Chair"
[[agenda]]
item = "4a"
title = "Parks"
"""
    toml = """\
held_on = 2024-03-01
[[people]]
id = "desmond-pell"
name = "Des Pell"
role = "Resident"
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
party = ""
"""
    found = meeting(tmp_path, toml, roster=roster)
    assert found.title == "Panel"
    assert [(a.item, a.title) for a in found.agenda] == [("4a", "Parks")]
    des, jo, ana = found.people
    assert des == Person(id="desmond-pell", name="Des Pell", role="Resident", public="named")
    # The name and party are the meeting's, the role and absence the roster's, ward and alias those of people.toml.
    assert jo == Person(
        id="jo-okafor", name="Councillor Jo Okafor", role="Member", ward="Tannery", aliases=("Jo",), present=False
    )
    assert (ana.id, ana.role, ana.present) == ("ana-lindqvist", "Vice-Chair", True)


def test_an_office_elsewhere_is_not_what_somebody_is_here() -> None:
    chair = Known(id="a", name="A", offices=(Office(role="Chair", body="Planning Committee"),))
    assert office_on(chair, None, ("Public Safety Panel", "Wrenbridge Council")) is None
    found = office_on(chair, None, ("planning  COMMITTEE", ""))
    assert found is not None
    assert found.role == "Chair"


days = st.dates(date(2020, 1, 1), date(2020, 2, 28))


@given(st.lists(st.tuples(days, days), max_size=6), days)
def test_what_is_said_of_a_day_held_on_it(spans: list[tuple[date, date]], day: date) -> None:
    held = [Held(since=min(s), until=max(s)) for s in spans]
    found = latest(held, day)
    holding = [h for h in held if h.since and h.until and h.since <= day <= h.until]
    assert (found is None) == (not holding)
    if found:
        assert found in holding
        assert all((h.since or day) <= (found.since or day) for h in holding)


@pytest.mark.parametrize(
    ("known", "says", "line"),
    [
        ('[[people]]\nid = "a"\nname = "A"\n[[people]]\nid = "a"\nname = "B"\n', "two people have the id", 5),
        ('[[people]]\nid = "a"\nname = "A"\nroll = "x"\n', "'roll'", 4),
        ('[[people]]\nid = "a"\nname = "A"\n[[people.offices]]\nbody = "B"\n', "role must be given", 4),
        (
            '[[people]]\nid = "a"\nname = "A"\n[[people.parties]]\nparty = "P"\n'
            "since = 2024-02-01\nuntil = 2024-01-01\n",
            "ended before it began",
            7,
        ),
        ('[[people]]\nid = "a"\nname = "A"\npublic = "perhaps"\n', "public (people 1) is wrong", 4),
        ("people = 3\n", "should be a list", 1),
    ],
)
def test_what_is_wrong_with_people_toml_is_said_with_its_line(tmp_path: Path, known: str, says: str, line: int) -> None:
    with pytest.raises(Problem) as e:
        meeting(tmp_path, "", known=known)
    assert says in e.value.what
    assert e.value.where == f"{tmp_path / 'people.toml'}, line {line}"


def test_an_id_that_nobody_knows_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="nobody says who 'ana' is") as e:
        meeting(tmp_path, 'title = "T"\n[[people]]\nid = "ana"\n')
    assert e.value.where.endswith("meeting.toml, line 2")


def test_a_changed_people_toml_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    assert people.read(path)[0].people == ()
    for name in ("Ana", "Anna"):
        path.write_text(f'[[people]]\nid = "a"\nname = "{name}"\n', "utf-8")
        assert people.read(path)[0].people[0].name == name


def test_who_somebody_was_reaches_the_quotes(tmp_path: Path) -> None:
    meeting(tmp_path, MEETING.format(day="2024-03-01") + 'role = "Acting Chair"\n')
    done = here("run", "--jobs", "0", data=tmp_path)
    assert done.exit_code == 0, done.stderr
    quote = json.loads(here("search", "nobody was told", "--json", data=tmp_path).stdout)["quotes"][0]
    assert (quote["person"], quote["role"], quote["party"]) == ("jo-okafor", "Acting Chair", "Civic Alliance")
    (tmp_path / "people.toml").write_text(PEOPLE.replace("Civic Alliance", "Civic Union"), "utf-8")
    assert here("why", "panel", "transcript", data=tmp_path).stdout.startswith("people changed")
