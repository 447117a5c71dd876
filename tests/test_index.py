"""The index: what it finds is what a plain scan finds, and a meeting is there whole or not at all."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from search import find, index
from search import query as q
from search.fold import words
from search.quotes import Quote
from transcribe.problem import Problem

SPEAKERS = {
    "jo-okafor": ("Councillor Jo Okafor", "Chair", "Wren Alliance"),
    "sian-powys": ("Councillor Siân Powys-Hale", "Member", "Independent"),
    "amir-dasgupta": ("Superintendent Amir Dasgupta", "Officer", ""),
    None: ("unknown speaker 3", "", ""),
}


def quote(
    meeting: str = "2024-05-14-safety",
    text: str = "There was no engagement with residents.",
    start_ms: int = 0,
    person: str | None = "jo-okafor",
    held_on: date | None = date(2024, 5, 14),
    codes: tuple[str, ...] = (),
    stance: str | None = None,
    holder: str | None = "speaker",
    topic: bool = True,
    status: str = "inferred",
    body: str = "Wrenbridge Council",
) -> Quote:
    name, role, party = SPEAKERS[person]
    return Quote(
        address=f"{meeting}/{start_ms}-{start_ms + 1000}",
        check="00000000",
        meeting=meeting,
        title="Public Safety Scrutiny Panel",
        body=body,
        held_on=held_on,
        start_ms=start_ms,
        end_ms=start_ms + 1000,
        text=text,
        speaker_label="S1",
        speaker=name,
        speaker_status=status if person else "unknown",
        person=person,
        role=role,
        party=party,
        agenda_item="5",
        topic=topic,
        codes=codes,
        stance=stance,
        stance_holder=holder if stance else None,
        listen_first=(),
        source_url="",
        source_start_ms=None,
        transcript_sha256="f" * 64,
    )


def texts(results: find.Results) -> list[str]:
    return [hit.quote.text for hit in results.hits]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of two meetings."""
    where = tmp_path / "index"
    index.replace(
        where,
        "2024-05-14-safety",
        [
            quote(text="There was no engagement with residents.", codes=("consultation",), stance="concerned"),
            quote(text="We briefed councillors twice.", start_ms=2000, person="amir-dasgupta", codes=("notification",)),
            quote(text="Siân’s letter about face-to-face briefings, all 2,000 of them.", start_ms=4000, person=None),
        ],
    )
    index.replace(
        where,
        "2023-11-02-full",
        [quote("2023-11-02-full", "Engagement with no residents!", person="sian-powys", held_on=date(2023, 11, 2))],
    )
    return where


# -- against a plain scan

VOCABULARY = [
    "police",
    "policing",
    "vans",
    "van",
    "briefed",
    "briefing",
    "Siân’s",
    "sian",
    "face-to-face",
    "face",
    "2,000",
]
CODES = ["consultation", "legality_policy"]
QUOTES = st.builds(
    quote,
    text=st.lists(st.sampled_from([*VOCABULARY, "—", "van,", "“police"]), min_size=1, max_size=8).map(" ".join),
    person=st.sampled_from(list(SPEAKERS)),
    held_on=st.sampled_from([None, date(2023, 11, 2), date(2024, 5, 14), date(2024, 5, 31)]),
    codes=st.lists(st.sampled_from(CODES), unique=True).map(tuple),
    stance=st.sampled_from([None, "concerned", "supportive"]),
    holder=st.sampled_from(["speaker", "reported"]),
    topic=st.booleans(),
    status=st.sampled_from(["inferred", "confirmed"]),
    body=st.sampled_from(["Wrenbridge Council", "Wren Parish"]),
)
SIDES = st.sampled_from(["police", "van", "briefing", "2,000", "pol*", "van*", '"briefed police"', '"vans"', "unheard"])
UNITS = st.one_of(
    st.sampled_from(VOCABULARY),
    st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3).map(lambda some: f'"{" ".join(some)}"'),
    st.sampled_from(["pol*", "va*", "van*", "brief*", "siân*", "20*", "zz*"]),
    st.tuples(SIDES, st.integers(1, 8), SIDES).map(lambda pair: f"{pair[0]} near/{pair[1]} {pair[2]}"),
    st.sampled_from(
        ["speaker:okafor", "speaker:SIAN", 'speaker:"amir dasgupta"', "speaker:unknown", "tag:legality-policy",
         "tag:consultation", "stance:concerned", "status:confirmed", "topic:no", "body:parish", 'party:"wren alliance"',
         "role:chair", "meeting:m1", "before:2024", "after:2024-05-14", "on:2024-05", "unheard"]
    ),
)  # fmt: skip
TYPED = st.recursive(
    UNITS,
    lambda inner: st.one_of(
        inner.map("-{}".format),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({' OR '.join(some)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"-({' '.join(some)})"),
    ),
    max_leaves=6,
)


def matches(node: q.Node, row: Quote, stem: Callable[[str], str]) -> bool:
    """The meaning of a query, by looking at one quote."""
    said = words(row.text)

    def places(side: q.Word | q.Phrase | q.Prefix) -> set[int]:
        if isinstance(side, q.Word):
            return {i for i, word in enumerate(said) if stem(word) == stem(side.word)}
        if isinstance(side, q.Prefix):
            return {i for i, word in enumerate(said) if word.startswith(side.letters)}
        return {i for i, word in enumerate(said) if word in side.words} if matches(side, row, stem) else set()

    match node:
        case q.Prefix():
            return bool(places(node))
        case q.Near(parts=(left, right)):
            return any(1 <= abs(a - b) <= node.n_words for a in places(left) for b in places(right))
        case q.Word():
            return stem(node.word) in map(stem, said)
        case q.Phrase():
            n = len(node.words)
            return any(tuple(said[i : i + n]) == node.words for i in range(len(said) - n + 1))
        case q.Held():
            first, last = node.days()
            day = row.held_on.toordinal() if row.held_on else None
            return day is not None and (first is None or first <= day) and (last is None or day <= last)
        case q.Filter(field="tag"):
            return node.values[0] in row.codes
        case q.Filter(field="topic"):
            return row.topic == (node.values[0] == "yes")
        case q.Filter(field="stance" | "status"):
            own = row.stance if row.stance_holder == "speaker" else None
            return node.values[0] == {"stance": own, "status": row.speaker_status}[node.field]
        case q.Filter():
            known = {
                "speaker": f"{row.speaker} {row.person or ''}",
                "role": row.role,
                "party": row.party,
                "body": row.body,
                "meeting": f"{row.meeting} {row.title}",
            }
            return set(node.values) <= set(words(known[node.field]))
        case q.Not():
            return not matches(node.part, row, stem)
        case q.All():
            return all(matches(part, row, stem) for part in node.parts)
        case q.Any():
            return any(matches(part, row, stem) for part in node.parts)
    raise AssertionError(node)


def counts(facet: find.Facet) -> dict[str, int]:
    return {value.value: value.n for value in facet.values}


def english(word: str) -> str:
    """The Snowball stemmer, asked for by itself and not through the index."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer("english"))
    return str(builder.build().analyze(word)[0])


@settings(max_examples=40)
@given(st.lists(st.lists(QUOTES, max_size=8), min_size=1, max_size=2), st.lists(TYPED, min_size=1, max_size=8))
def test_the_index_finds_what_a_scan_finds(corpus: list[list[Quote]], queries: list[str]) -> None:
    from msgspec.structs import replace

    rows = [
        replace(row, meeting=f"m{m}", address=f"m{m}/{i}-{i + 1}", start_ms=i, end_ms=i + 1)
        for m, meeting in enumerate(corpus)
        for i, row in enumerate(meeting)
    ]
    stems = {word: english(word) for row in rows for word in words(row.text)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made:  # a reader may be looking at it
        folder = Path(made)
        for m in range(len(corpus)):
            index.replace(folder, f"m{m}", [row for row in rows if row.meeting == f"m{m}"])
        for typed in queries:
            root = q.parse(typed).root
            expected = {row.address for row in rows if matches(root, row, lambda w: stems.get(w) or english(w))}
            for sort in ("best", "newest"):
                found = find.search(folder, typed, sort=sort, limit=100)
                assert {hit.quote.address for hit in found.hits} == expected, (typed, found.understood)
                assert found.total == len(expected)
                assert all(hit.quote in rows for hit in found.hits)
            counted = find.search(folder, typed, facets=True)
            assert counted.total == len(expected)
            facets = {facet.name: facet for facet in counted.facets}
            here = [row for row in rows if row.address in expected]
            assert counts(facets["code"]) == Counter("_".join(words(code)) for row in here for code in row.codes)
            assert counts(facets["speaker"]) == Counter(r.speaker for r in here if r.speaker_status != "unknown")
            assert counts(facets["year"]) == Counter(str(row.held_on.year) for row in here if row.held_on)
            assert counts(facets["body"]) == Counter(row.body for row in here)
            assert counts(facets["status"]) == Counter(row.speaker_status for row in here)
            assert counts(facets["stance"]) == Counter(
                row.stance for row in here if row.stance and row.stance_holder == "speaker"
            )
            for facet in facets.values():
                for value in facet.values:
                    assert find.search(folder, f"({typed}) {value.query}").total == value.n, (typed, value)


# -- what is found, and how it is shown


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("engagement", 2),
        ("ENGAGING", 2),
        ('"no engagement"', 1),
        ("“No Engagement with”", 1),
        ('"engagements"', 0),
        ("briefing", 2),
        ('"briefings"', 1),
        ("briefing -letter", 1),
        ("-briefing", 2),
        ("letter OR engagement", 3),
        ("sians", 1),
        ("2000", 1),
        ("face-to-face", 1),
        ("speaker:siân", 1),  # what she said, not where she is mentioned
        ("speaker:POWYS", 1),
        ("speaker:jo-okafor", 1),
        ("speaker:unknown", 1),
        ("tag:consultation", 1),
        ("body:wrenbridge before:2024", 1),
        ("on:2024-05-14", 3),
        ("after:2024-05-14", 0),
        ("meeting:2023-11-02-full", 1),
        ("", 4),
        ("???", 0),
        ("drones", 0),
        ("engag*", 2),
        ("residents near/2 engagement", 1),
        ("residents near/1 engagement", 0),
    ],
)
def test_searches(folder: Path, typed: str, found: int) -> None:
    assert find.search(folder, typed).total == found


@pytest.mark.parametrize(
    ("typed", "marked"),
    [
        ("engaging", ["engagement"]),
        ('"no engagement" engagement residents', ["no engagement", "residents"]),
        ("engagement -tweet speaker:jo", ["engagement"]),
        ("tag:consultation", []),
    ],
)
def test_what_was_looked_for_is_marked(folder: Path, typed: str, marked: list[str]) -> None:
    (hit,) = find.search(folder, f"{typed} meeting:safety speaker:jo").hits
    assert [hit.quote.text[start:end] for start, end in hit.spans] == marked


def test_numbers_are_found_in_words_and_in_figures(tmp_path: Path) -> None:
    rows = [quote(text=t, start_ms=i) for i, t in enumerate(["Within 14 days.", "Fourteen days or more.", "On day 4."])]
    index.replace(tmp_path, rows[0].meeting, rows)
    for typed in ("14", "fourteen", "fourteen near/1 days"):
        hits = find.search(tmp_path, typed).hits
        assert {h.quote.text[a:b] for h in hits for a, b in h.spans} >= {"14", "Fourteen"}
        assert len(hits) == 2
    assert find.search(tmp_path, '"fourteen"').total == 1  # what is quoted is meant as it stands


def test_the_form_that_was_typed_comes_first(tmp_path: Path) -> None:
    rows = [quote(text=f"They {form} us.", start_ms=i) for i, form in enumerate(["brief", "briefed", "briefing"])]
    index.replace(tmp_path, rows[0].meeting, rows)
    for form in ("brief", "briefed", "briefing"):
        hits = find.search(tmp_path, form).hits
        assert hits[0].quote.text == f"They {form} us."
        assert len(hits) == 3


def test_newest_first_and_within_a_meeting_in_order(folder: Path) -> None:
    index.replace(folder, "undated", [quote("undated", "An undated remark.", held_on=None)])
    found = find.search(folder, "", sort="newest")
    assert [(hit.quote.held_on, hit.quote.start_ms) for hit in found.hits] == [
        (date(2024, 5, 14), 0),
        (date(2024, 5, 14), 2000),
        (date(2024, 5, 14), 4000),
        (date(2023, 11, 2), 0),
        (None, 0),
    ]
    pages = [find.search(folder, "", sort="newest", limit=2, offset=n).hits for n in (0, 2, 4, 6)]
    assert [hit for page in pages for hit in page] == list(found.hits)
    nothing = find.Results(total=5, hits=(), understood="everything", as_of=found.as_of)
    assert find.search(folder, "", offset=10**18) == nothing
    assert find.search(folder, "", limit=0) == nothing
    index.replace(folder, "undated", [])
    assert find.search(folder, "").as_of != found.as_of


def test_each_column_has_a_value_in_every_document(tmp_path: Path) -> None:
    """Else it takes three times as long to read."""
    index.replace(tmp_path, "m1", [quote("m1", "Residents were told.", n) for n in range(3)])
    index.replace(tmp_path, "m2", [])
    searcher = index.last_committed(tmp_path).searcher()
    assert searcher.num_docs == 5
    columns = (index.SAID, index.SPOKEN, "newest")
    counted = {column: {"value_count": {"field": column}} for column in columns}
    found = searcher.aggregate(tantivy.Query.all_query(), counted)
    assert {column: found[column]["value"] for column in columns} == dict.fromkeys(columns, 5)


def test_pages_fit_together(tmp_path: Path) -> None:
    for m in range(6):
        rows = [quote(f"m{m}", "Residents were told of the cameras.", n) for n in range(30)]
        index.replace(tmp_path, f"m{m}", rows)
    for typed in ("residents", "residents OR cameras", "residents cameras", '"told of"'):  # all alike: only ties
        for sort in ("best", "newest"):
            whole = [hit.quote.address for hit in find.search(tmp_path, typed, sort=sort, limit=200).hits]
            pages = [find.search(tmp_path, typed, sort=sort, limit=17, offset=n).hits for n in range(0, 180, 17)]
            assert [hit.quote.address for page in pages for hit in page] == whole
            assert len(set(whole)) == 180


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("enggagement", ("engagement",)),
        ('"no engagment"', ('"no engagement"',)),
        ("speaker:okafer engagement", ("speaker:okafor engagement",)),
        ("engagement helicopters", ("engagement",)),
        ("speaker:powys helicopters", ()),  # who is asked for is not left out
        ("helicopters", ()),
        ("2,001", ()),  # another number is another thing
        ("regulators", ()),  # as long as "residents", and begins like it, and no more
        ("engagement", ()),
        ("no helicopters", ()),  # nobody would look for "no"
        ("no engagement helicopters", ("no engagement",)),
        ("ther", ()),
        ("speaker:okafer no", ("speaker:okafor no",)),
        ("speaker:okafor no helicopters", ()),
        ("helicopters or engagement", ("helicopters OR engagement",)),
        ("speaker:okafor helicopters or no engagement", ("(helicopters OR (no engagement)) speaker:okafor",)),
        ("helicopters or regulators", ()),
        ("no or engagement helicopters", ("no engagement",)),
        ('"thare was no"', ('"there was no"',)),  # but may for what was said, however small its words
    ],
)
def test_suggestions(folder: Path, typed: str, suggested: tuple[str, ...]) -> None:
    assert find.search(folder, typed).suggestions == suggested


def test_a_code_that_no_quote_has_is_answered_with_those_that_there_are(folder: Path) -> None:
    assert find.search(folder, "residents (tag:briefing OR tag:consultation)").notes == ()  # something was found
    found = find.search(folder, "helicopters tag:briefing")
    assert found.notes == ("no quote has the code “briefing”: there are consultation, notification",)


@pytest.mark.parametrize(
    ("typed", "said", "suggested"),
    [
        ("act of parliament", "There is no active parliament behind it.", ('"active parliament"', "parliament")),
        ("act of parliament", "Parliament can act and so ought we.", ("act parliament",)),
        ("no engagement here", "Was there any engagement?", ("engagement",)),  # which would be the contrary
        (
            "tag:legality act of parliament",
            "There is no active parliament behind it.",
            ('"active parliament" tag:legality', "tag:legality parliament"),
        ),
        ("speaker:powys act of parliament", "There is no active parliament behind it.", ()),
        ("leaflets to every household", "We briefed councillors twice.", ()),
    ],
)
def test_what_was_misheard_is_suggested_as_it_was_heard(
    tmp_path: Path, typed: str, said: str, suggested: tuple[str, ...]
) -> None:
    index.replace(tmp_path, "m", [quote("m", said, codes=("legality",))])
    found = find.search(tmp_path, typed)
    assert (found.total, found.suggestions) == (0, suggested)
    if len(suggested) > 1:
        assert find.search(tmp_path, suggested[0]).total == 1


@settings(max_examples=200)
@given(st.text() | TYPED)
def test_no_query_raises(folder: Path, typed: str) -> None:
    found = find.search(folder, typed)
    assert 0 <= len(found.hits) <= found.total
    for hit in found.hits:
        end = 0
        for a, b in hit.spans:
            assert end <= a < b <= len(hit.quote.text)
            end = b


def test_hostile_text_is_indexed(tmp_path: Path) -> None:
    rows = [quote(text="x" * 200_000), quote(text="a\x00b <script>\u202e", start_ms=1), quote(text="🎤", start_ms=2)]
    index.replace(tmp_path, rows[0].meeting, rows)
    assert find.search(tmp_path, "").total == 3
    (hit,) = find.search(tmp_path, "script").hits
    assert hit.quote == rows[1]


# -- meetings in and out


def test_a_meeting_is_replaced_and_removed(folder: Path) -> None:
    rows = [quote(text="Quite other words.")]
    index.replace(folder, rows[0].meeting, rows)
    assert texts(find.search(folder, "", sort="newest")) == ["Quite other words.", "Engagement with no residents!"]
    assert index.held(folder)["2024-05-14-safety"] == index.edition(rows)
    index.replace(folder, rows[0].meeting, [])
    assert index.held(folder)["2024-05-14-safety"] == index.edition([])
    index.remove(folder, "2023-11-02-full")
    index.remove(folder, "never-there")
    assert find.search(folder, "").total == 0
    assert list(index.held(folder)) == ["2024-05-14-safety"]


def test_quotes_of_another_meeting_are_refused_and_change_nothing(folder: Path) -> None:
    before = index.held(folder)
    with pytest.raises(LookupError):
        index.replace(folder, "2023-11-02-full", [quote()])
    assert index.held(folder) == before
    assert find.search(folder, "").total == 4


def test_without_an_index(tmp_path: Path) -> None:
    assert index.held(tmp_path / "none") == {}
    index.remove(tmp_path / "none", "m")
    with pytest.raises(Problem, match="nothing has been indexed"):
        find.search(tmp_path / "none", "engagement")


def test_where_nothing_may_be_written_one_can_still_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (current,) = folder.iterdir()
    before = sorted(p.name for p in current.iterdir())
    for lock in current.glob("*.lock"):
        lock.unlink()
    index.committed.cache_clear()
    # As root every file may be written, so that only the answer to the question is made up.
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode == os.W_OK and Path(path) == current))
    assert find.search(folder, "engagement", facets=True).total == 2
    assert len(index.held(folder)) == 2
    assert set(before) - {p.name for p in current.iterdir()} <= {".tantivy-meta.lock", ".tantivy-writer.lock"}
    assert not list(current.glob("*.lock"))


def test_a_second_writer_waits_and_then_says_so(folder: Path) -> None:
    (current,) = folder.iterdir()
    writer = tantivy.Index.open(str(current)).writer(15_000_000, 1)
    with pytest.raises(Problem, match="another process is writing"):
        index.replace(folder, "m", [quote("m")], wait_s=0.1)
    threading.Timer(0.3, writer.wait_merging_threads).start()
    del writer
    index.replace(folder, "m", [quote("m")], wait_s=30)
    assert "m" in index.held(folder)


def corpus() -> Iterator[tuple[str, Sequence[Quote]]]:
    yield "m1", [quote("m1", "One.")]
    yield "m2", [quote("m2", "Two."), quote("m2", "Three.", 5)]


def break_version(folder: Path) -> None:
    (current,) = folder.iterdir()
    current.rename(folder / "v0-00000000")


def break_meta(folder: Path) -> None:
    next(folder.rglob("meta.json")).write_text("{")


def break_by_loss(folder: Path) -> None:
    next(folder.rglob("*.term")).unlink()


@pytest.mark.parametrize("harm", [break_version, break_meta, break_by_loss])
def test_another_version_or_a_broken_index_is_made_again(folder: Path, harm: Callable[[Path], None]) -> None:
    harm(folder)
    with pytest.raises(index.Stale):
        find.search(folder, "engagement")
    with pytest.raises(index.Stale):
        index.held(folder)
    with pytest.raises(index.Stale):
        index.replace(folder, "m1", [quote("m1")])
    index.rebuild(folder, corpus())
    assert sorted(texts(find.search(folder, ""))) == ["One.", "Three.", "Two."]
    assert len(list(folder.iterdir())) == 1


def test_a_rebuild_that_fails_leaves_the_old_index(folder: Path) -> None:
    def fails() -> Iterator[tuple[str, Sequence[Quote]]]:
        yield "m1", [quote("m1", "One.")]
        raise OverflowError

    with pytest.raises(OverflowError):
        index.rebuild(folder, fails())
    assert find.search(folder, "").total == 4
    break_version(folder)
    with pytest.raises(OverflowError):
        index.rebuild(folder, fails())
    with pytest.raises(index.Stale):  # and not an index that holds nothing
        find.search(folder, "")
    index.rebuild(folder, corpus())
    assert find.search(folder, "").total == 3


def test_readers_never_see_half_a_meeting(folder: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        for n in itertools.count():
            if stop.is_set():
                return
            index.replace(folder, "big", [quote("big", f"edition{n} word", i) for i in range(100 + n % 50)])

    seen: set[int] = set()
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        try:
            while len(seen) < 8 and not writer.done():
                found = find.search(folder, "meeting:big", limit=200)
                editions = {int(re.sub(r"\D", "", hit.quote.text)) for hit in found.hits}
                assert len(editions) <= 1
                assert [100 + n % 50 for n in editions] in ([], [found.total])
                seen |= editions
        finally:
            stop.set()
        writer.result()


def test_a_killed_writer_leaves_the_old_meeting_or_the_new(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import itertools, sys
        from pathlib import Path
        from search import find, index
        from test_index import quote
        folder = Path(sys.argv[1])
        for n in itertools.count():
            index.replace(folder, "big", [quote("big", f"edition{n} word", i) for i in range(500)])
            print(n, flush=True)
    """)
    root = Path(__file__).parent.parent
    index.replace(tmp_path, "small", [quote("small", "Untouched.")])
    for delay_s in (0.02, 0.05, 0.11):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])},
        )
        assert child.stdout
        child.stdout.readline()
        child.stdout.readline()
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        last = max([1, *map(int, child.stdout.read().split())])
        child.wait()
        found = find.search(tmp_path, "meeting:big", limit=1000)
        editions = {int(re.sub(r"\D", "", hit.quote.text)) for hit in found.hits}
        assert found.total == 500
        assert len(editions) == 1
        assert editions <= {last, last + 1}
        assert find.search(tmp_path, "untouched").total == 1
    index.replace(tmp_path, "big", [quote("big", "Alive.")])
    assert find.search(tmp_path, "").total == 2


def test_a_commit_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    index.replace(tmp_path, "big", [quote("big", "Before it.")])
    assert find.search(tmp_path, "before").total == 1
    (meta,) = tmp_path.glob("v*/meta.json")
    kept, at = meta.with_name("kept"), meta.stat()
    kept.hardlink_to(meta)  # a file system may give a new file the number of one that is gone
    index.replace(tmp_path, "big", [quote("big", "After it.")])
    kept.write_bytes(meta.read_bytes())
    os.utime(kept, ns=(at.st_atime_ns, at.st_mtime_ns))
    kept.rename(meta)
    now = meta.stat()
    assert (now.st_ino, now.st_mtime_ns, now.st_size) == (at.st_ino, at.st_mtime_ns, at.st_size)
    assert find.search(tmp_path, "before").total == 0
    assert find.search(tmp_path, "after").total == 1


def test_an_index_may_be_copied(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert find.search(tmp_path / "copy", "engagement").total == 2
