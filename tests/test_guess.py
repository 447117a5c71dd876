import tomllib
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import guess
from pipeline.guess import find_date, find_part, find_title, guesses

MAY = date(2024, 5, 14)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-14",
        "20240514",
        "14-05-2024",
        "14.5.24",
        "14 May 2024",
        "14th May 2024",
        "May 14, 2024",
        "14th of May, 2024",
        "Tuesday, 14 May 2024",
        "Panel_14_05_2024",
        "panel14may2024",
        "GMT20240514-183000_Recording_1920x1080",
        "Panel-20240514_183000-Meeting Recording",
        "2024-05-14 (14 May 2024)",
    ],
)
def test_dates_as_people_and_recorders_write_them(text: str) -> None:
    found = find_date(text)
    assert found is not None
    assert found[0] == MAY


@pytest.mark.parametrize("text", ["05-04-2024", "5/4/24", "05.04.2024", "5 Apr 2024"])
def test_of_two_numbers_the_day_comes_first(text: str) -> None:
    found = find_date(text)
    assert found is not None
    assert found[0] == date(2024, 4, 5)


@pytest.mark.parametrize(
    "text",
    [
        "05-14-2024",
        "31-02-2024",
        "2024-13-45",
        "20241345",
        "1970-01-01",
        "1904-01-01",
        "2999-01-01",
        "2024-05-14 to 2024-05-15",
        "Mayor 14 2024",
        "ma 14 2024",
        "1-2-3",
        "120240514",
        "2024",
        "",
    ],
)
def test_what_can_be_no_day_or_several_is_none(text: str) -> None:
    assert find_date(text) is None


def test_tomorrow_is_not_guessed() -> None:
    today = datetime.now(UTC).date()
    assert find_date((today + timedelta(days=2)).isoformat()) is None
    assert find_date(today.isoformat()) is not None


@given(st.dates(date(1990, 1, 1), date(2026, 1, 1)), st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d %B %Y"]))
def test_every_day_is_found_and_taken_out(day: date, form: str) -> None:
    assert find_date(f"Panel {day.strftime(form)}") == (day, "Panel")


@given(st.text(max_size=60))
def test_any_name_is_looked_at_in_peace(text: str) -> None:
    find_date(text)
    find_part(text)
    assert find_title(text).isprintable()
    made = guesses(text, {"title": text, "artist": text, "date": text}, {"title": text, "webpage_url": text}, "x")
    assert all(g.value for g in made.values())


@pytest.mark.parametrize(
    "text", ["1" * 1_000_000, "part " * 200_000, "14 of " * 100_000, "- " * 400_000, "a_" * 400_000]
)
def test_a_tag_of_a_megabyte_costs_nothing(text: str) -> None:
    made = guesses("panel", {"title": text, "artist": text, "date": text}, {"title": text}, "x.info.json")
    assert all(len(g.value) < 300 for g in made.values())


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Public Safety Panel 2024-05-14", "Public Safety Panel"),
        ("public_safety_panel-14.05.24", "Public safety panel"),
        ("Public Safety Panel-20240514_183000-Meeting Recording", "Public Safety Panel"),
        ("GMT20240514-183000_Recording_1920x1080", ""),
        ("Public Safety Panel [dQw4w9WgXcQ]", "Public Safety Panel"),
        ("20240514", ""),
        ("Untitled", ""),
        ("planning committee 03-09-24 FINAL (2)", "Planning committee"),
        ("Copy of Public Safety Panel 14 May 2024", "Public Safety Panel"),
        ("Public Safety Panel - Copy (3)", "Public Safety Panel"),
        ("Cabinet (Special) (1)", "Cabinet (Special)"),
        ("Cabinet (14 May 2024)", "Cabinet"),
        ("Copy of", "Copy of"),
        ("Panel (2024", "Panel (2024"),
        ("会議 2024-05-14", "会議"),
        ("Panel\u202e\x07 one", "Panel one"),
    ],
)
def test_titles_are_what_is_left_of_names(name: str, title: str) -> None:
    assert find_title(name) == title


@pytest.mark.parametrize(
    ("stem", "found"),
    [
        ("Panel part 1", ("Panel", 1)),
        ("Panel_pt2", ("Panel", 2)),
        ("Panel_2of3", ("Panel", 2)),
        ("Panel (part 2 of 3)", ("Panel", 2)),
        ("panel_2024-05-14_part2", ("panel_2024-05-14", 2)),
        ("part 3", ("", 3)),
        ("Department 1", None),
        ("party 3", None),
        ("Panel 3", None),
    ],
)
def test_parts(stem: str, found: tuple[str, int] | None) -> None:
    assert find_part(stem) == found


@pytest.mark.parametrize("text", ["Wrenbridge Council", "Cyngor Wrenbridge", "London Borough of Wrenbridge"])
def test_bodies(text: str) -> None:
    assert guess.is_body(text)


@pytest.mark.parametrize(
    "text", ["Full Council", "Council", "Extraordinary Council", "Jo Okafor", "Council meeting", ""]
)
def test_what_is_no_body(text: str) -> None:
    assert not guess.is_body(text)


def test_each_guess_has_the_best_source() -> None:
    info = {
        "title": "Public Safety Panel",
        "channel": "Wrenbridge Council",
        "upload_date": "20240516",
        "webpage_url": "https://video.example/1",
    }
    tags = {"title": "zoom", "creation_time": "2024-05-15T01:00:00Z", "artist": "Jo Okafor"}
    made = guesses("panel 14 May 2024", tags, info, "x.info.json")
    assert {key: (g.value, g.source) for key, g in made.items()} == {
        "title": ("Public Safety Panel", "x.info.json"),
        "body": ("Wrenbridge Council", "x.info.json"),
        "held_on": ("2024-05-14", "file name"),
        "source_url": ("https://video.example/1", "x.info.json"),
    }
    assert guesses("panel", tags, info, "x.info.json")["held_on"].source == "tag creation_time"
    assert guesses("panel", {}, info, "x.info.json")["held_on"].source == "x.info.json, the day of the upload"
    assert guesses("", {}, {}, "") == {}


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "ftp://x.example/", "https://", 'https://x.example/"><', 5, None]
)
def test_what_is_no_link_is_not_taken_for_one(link: object) -> None:
    assert "source_url" not in guesses("panel", {}, {"webpage_url": link}, "x.info.json")


def test_a_date_is_toml() -> None:
    assert tomllib.loads(f"held_on = {guesses('14 May 2024', {}, {}, '')['held_on'].value}") == {"held_on": MAY}
