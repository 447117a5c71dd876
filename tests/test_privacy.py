"""Members of the public are not shown by name, wherever a meeting is shown."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.house import captions, here, with_captions
from transcribe.privacy import has_office, kept_back, meant, not_named, shown_evidence, stand_ins, unnamed
from transcribe.records import Evidence, Person, SpeakerName, Turn, Word

PELL = Person(id="desmond-pell", name="Desmond Pell", role="Resident", aliases=("Mr Pell",))
JO = Person(id="jo-okafor", name="Councillor Jo Okafor", role="Chair")


@pytest.mark.parametrize(
    ("person", "office"),
    [
        (Person(id="a", name="Desmond Pell"), False),
        (Person(id="a", name="Dr Desmond Pell"), False),
        (Person(id="a", name="Desmond Pell", role="Resident"), False),
        (Person(id="a", name="Desmond Pell", role="Member of the public"), False),
        (Person(id="a", name="Desmond Pell", role="Lead petitioner"), False),
        (Person(id="a", name="Desmond Pell", role="Member"), True),
        (Person(id="a", name="Desmond Pell", role="Director of Public Health"), True),
        (Person(id="a", name="Desmond Pell", role="Chair, Tannery Residents' Association"), True),
        (Person(id="a", name="Desmond Pell", role="Officer"), True),
        (Person(id="a", name="Desmond Pell", party="Civic Alliance"), True),
        (Person(id="a", name="Cllr Pell"), True),
        (Person(id="a", name="Ms Desdemona Pell MP"), True),
        (Person(id="a", name="The Rt Hon Desdemona Pell"), True),
        (Person(id="a", name="MP"), True),
        (Person(id="a", name="Ms Pell"), False),
        (Person(id="a", name="Detective Chief Inspector Pell"), True),
        (Person(id="a", name="Superintendent Pell"), True),
    ],
)
def test_who_holds_an_office(person: Person, office: bool) -> None:
    assert has_office(person) is office
    chair = Person(id="c", name="Jo Okafor", role="Chair")
    assert not_named([chair, person]) == ([] if office else [person])


def test_a_person_may_choose() -> None:
    people = [Person(id="a", name="Desmond Pell", public="named"), Person(id="b", name="Cllr Pell", public="unnamed")]
    assert not_named(people) == people[1:]


def test_a_bare_list_hides_only_whom_it_says_are_the_public() -> None:
    bare = [Person(id="a", name="Jo Okafor"), Person(id="b", name="Desmond Pell")]
    assert not_named(bare) == []
    resident = Person(id="c", name="Ivy Brook", role="Resident")
    assert not_named([*bare, resident]) == [resident]


def test_stand_ins_are_nobody_elses_id() -> None:
    people = [PELL, Person(id="public-1", name="Cllr One"), Person(id="ivy", name="Ivy Brook")]
    assert stand_ins(people) == {"desmond-pell": "public-2", "ivy": "public-3"}
    assert [meant(people, id) for id in ("public-3", "public-1", "ivy", "", None)] == [
        "ivy",
        "public-1",
        "ivy",
        "",
        None,
    ]


@given(st.sets(st.integers(0, 12), max_size=9), st.integers(0, 9))
def test_everybody_of_the_public_has_a_stand_in_of_their_own_whatever_ids_are_taken(taken: set[int], n: int) -> None:
    people = [Person(id=f"public-{k}", name="Cllr One") for k in taken]
    people += [Person(id=f"p-{k}", name="Ivy Brook", role="Resident") for k in range(n)]
    found = stand_ins(people)
    assert [*found] == [f"p-{k}" for k in range(n)]
    assert len({*found.values()} - {p.id for p in people}) == n
    assert all(meant(people, shown) == id for id, shown in found.items())


def test_a_councillor_who_is_called_like_a_resident_is_named_and_voices_keep_labels_that_tell_nothing() -> None:
    resident = Person(id="jo-brook", name="Jo Okafor", role="Resident")
    called = replace(name("Jo Okafor", None), in_captions=True)
    names = [name("S1", JO), called, name("S2", resident)]
    words = [Word(text="Yes.", start_ms=n, end_ms=n + 1, speaker=each.label) for n, each in enumerate(names)]
    said, _, shown = unnamed(words, (), names, [JO, resident])
    assert [(n.label, n.display, n.person) for n in shown] == [
        ("S1", "Councillor Jo Okafor", "jo-okafor"),
        ("public-1", "Member of the public", None),
        ("S2", "Member of the public", "public-1"),
    ]
    assert [w.speaker for w in said] == ["S1", "public-1", "S2"]
    assert not any(n.in_captions for n in shown)
    assert [kept_back(n.person, n.role) for n in shown] == [False, True, True]


def name(label: str, person: Person | None, display: str = "") -> SpeakerName:
    return SpeakerName(
        label=label,
        display=display or (person.name if person else label),
        person=person.id if person else None,
        role=person.role if person else "",
        status="confirmed" if person else "unknown",
        runner_up=("desmond-pell", 0.2),
        evidence=(
            Evidence(kind="caption voice", person="desmond-pell", at_ms=0, words="Desmond Pell", weight=5.0),
            Evidence(kind="human", person="desmond-pell", at_ms=0, words="confirmed by Mira Castell", weight=0.0),
        ),
    )


labels = st.sampled_from(["S1", "Desmond Pell", "Mr Pell", "@desmond-pell", "@jo-okafor", "Jo Okafor", "SPEAKER_01"])


@given(st.lists(labels, unique=True, min_size=1), st.data())
def test_nothing_but_words_says_who_somebody_is(used: list[str], data: st.DataObject) -> None:
    given = {"@desmond-pell": [PELL], "@jo-okafor": [JO]}
    names = [name(label, data.draw(st.sampled_from(given.get(label, [PELL, JO, None])))) for label in used]
    words = [Word(text="Yes.", start_ms=n, end_ms=n + 1, speaker=label) for n, label in enumerate(used)]
    turns = [Turn(speaker=label, start_ms=n, end_ms=n + 1) for n, label in enumerate(used)]
    said, parted, shown = unnamed(words, turns, names, [JO, PELL])
    for n, (before, after) in enumerate(zip(names, shown, strict=True)):
        about = "pell" in f"{before.label} {before.person} {before.display}".casefold()
        assert "pell" not in str(after).casefold()
        assert after.status == before.status
        assert said[n].speaker == parted[n].speaker == after.label
        if not about:
            assert (after.label, after.display, after.person) == (before.label, before.display, before.person)
    assert len({n.label for n in shown}) == len(used)


TOML = """\
title = "Public Safety Panel"
held_on = 2024-05-14
captions = "captions.vtt"
[[people]]
id = "jo-okafor"
name = "Councillor Jo Okafor"
role = "Chair"
[[people]]
id = "desmond-pell"
name = "Desmond Pell"
role = "Resident"
"""
SAID = [
    ("Jo Okafor", "We come to public questions on live facial recognition. The floor is yours."),
    ("Desmond Pell", "I was never consulted about live facial recognition on Cooper Street, nor was anybody I know."),
    ("Jo Okafor", "Thank you. The panel will come back to the question of live facial recognition."),
]


def made(data: Path) -> str:
    """All that readers get of a meeting: transcript, quotes, exports and what a search says."""
    shown = [
        (data / "processed" / "panel" / "transcript.json").read_text("utf-8"),
        (data / "processed" / "panel" / "transcript.vtt").read_text("utf-8"),
    ]
    for args in (
        ("search", "consulted", "--facets", "--evidence"),
        ("search", "consulted", "--json", "--facets"),
        ("quote", "panel/20000-29500", "--history"),
        ("quote", "panel/20000-29500", "--json"),
        ("changes", "--since", "2000-01-01"),
        *(("export", kind, "panel") for kind in ("vtt", "srt", "captions", "txt", "cdp", "csv")),
    ):
        done = here(*args, data=data)
        assert done.exit_code == 0, done.stderr
        shown.append(done.stdout)
    return "\n".join(shown)


def test_what_a_kept_name_rests_on_is_shown_to_nobody(tmp_path: Path) -> None:
    said = [SAID[0], ("Jo Okafor", "I call Mr Pell. The floor is yours."), *SAID[1:]]
    with_captions(tmp_path, "panel", toml=TOML, vtt=captions(said))
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    # Whoever keeps the list sees why it is he.
    assert "Mr Pell" in here("speakers", "panel", data=tmp_path).stdout
    place = ("quote", "panel/20000-29500", "--around", "0")
    for args in (("search", "consulted", "--evidence"), place):
        assert "Pell" not in here(*args, data=tmp_path).stdout
        assert "Pell" not in here(*args, "--json", data=tmp_path).stdout
    assert "evidence" not in json.loads(here(*place, "--json", data=tmp_path).stdout)["speaker"]
    chair = json.loads(here("quote", "panel/0-9500", "--json", data=tmp_path).stdout)["speaker"]
    assert {e["person"] for e in chair["evidence"]} == {"jo-okafor"}


def test_evidence_about_other_voices_names_nobody_who_is_kept_back() -> None:
    _, _, (shown,) = unnamed((), (), [name("S1", JO)], [JO, PELL])
    assert {e.person for e in shown.evidence} == {"public-1"}
    assert shown_evidence(shown) == ()


def test_a_resident_is_a_member_of_the_public_in_all_that_is_made(tmp_path: Path) -> None:
    place = tmp_path / "raw" / "panel"
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text(TOML, "utf-8")
    (place / "captions.vtt").write_text(captions(SAID), "utf-8")
    done = here("run", "--jobs", "0", data=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "1 voice is shown as a member of the public, not by name" in done.stderr
    shown = made(tmp_path)
    assert "pell" not in shown.casefold()
    assert shown.count("Member of the public") >= 8
    (quote,) = json.loads(here("search", "consulted", "--json", data=tmp_path).stdout)["quotes"]
    assert (quote["speaker"], quote["person"], quote["role"]) == (
        "Member of the public",
        "public-1",
        "Member of the public",
    )
    assert json.loads(here("search", "speaker:pell", "--json", data=tmp_path).stdout)["total"] == 0
    assert json.loads(here("search", 'speaker:"member of the public"', "--json", data=tmp_path).stdout)["total"] == 1
    # Whoever has the list may see who that is, say so, and give words to them: nothing of it comes out.
    assert "that is Desmond Pell, whom only this list shows by name" in here("speakers", "panel", data=tmp_path).stdout
    assert here("speakers", "panel", "--confirm", "public-1=pell", data=tmp_path).exit_code == 0
    assert here("correct", "panel/20000-29500", "--speaker", "pell", data=tmp_path).exit_code == 0
    assert "pell" not in made(tmp_path).casefold()
    assert "set by" in here("quote", "panel/20000-29500", data=tmp_path).stdout
    # A setting of the person, or of the data folder, shows the name.
    (tmp_path / "onrecord.toml").write_text('public = "named"\n', "utf-8")
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    assert "Desmond Pell" in made(tmp_path)
    (place / "meeting.toml").write_text(TOML + 'public = "unnamed"\n', "utf-8")
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    assert "pell" not in made(tmp_path).casefold()
    (tmp_path / "onrecord.toml").write_text("", "utf-8")
    (place / "meeting.toml").write_text(TOML + 'public = "named"\n', "utf-8")
    assert here("run", "--jobs", "0", data=tmp_path).exit_code == 0
    assert "Desmond Pell" in made(tmp_path)
