"""A pack holds the quote and what it rests on, in plain files whose hashes are right, and nothing that is hidden."""

import hashlib
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from pipeline import amend, apply, batch, changes, pack, work
from pipeline.context import Context
from search.quotes import Address, read_parquet
from tests.house import SAID, Heard, captions, job, onrecord, with_captions
from transcribe.engines import Choice
from transcribe.problem import Problem

CAPTIONS = Choice(name="captions", fingerprint="captions", by_hand=True)
OTHERS = ["My number is Zebrawood.", "It is said that Quillfeather did it.", "And Larkspur is exempt."]
QUOTED = "There was no consultation"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A meeting of four minutes; of what is said beside the quote one thing is masked, one withheld, one excluded."""
    said = [SAID[i % 4] for i in range(24)]
    for at, text in zip((8, 10, 12), OTHERS, strict=True):
        said[at] = (said[at][0], text)
    toml = 'exclude = [["2:00", "2:10", "exempt business"]]\n'
    folder = with_captions(tmp_path, "m", vtt=captions(said))
    (folder / "meeting.toml").write_text(toml + (folder / "meeting.toml").read_text("utf-8"), "utf-8")
    todo = job(tmp_path, "m", "m", CAPTIONS, CAPTIONS)
    batch.run([todo], Heard(), n_workers=0)
    return work.context_of(todo)


def place_at(second: int) -> Address:
    return Address(meeting="m", start_ms=1_000 * second, end_ms=1_000 * second + 9_500)


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as zip:
        assert zip.testzip() is None
        return {name: zip.read(name).decode() for name in zip.namelist()}


def packed(context: Context, place: Address, out: Path) -> dict[str, str]:
    pack.write(context.layout, str(place), out, force=True)
    return contents(out)


def test_a_pack_holds_what_a_quote_rests_on(context: Context, tmp_path: Path) -> None:
    place, out = place_at(90), tmp_path / "q.zip"
    sink = Heard()
    said = "No. There was no consultation."
    apply.apply(context, amend.reword(context, place, said, by="Mira"), sink)
    apply.apply(context, amend.assign(context, place, "jo-okafor", by="Mira"), sink)
    apply.apply(context, amend.listen(context, place, by="Jo Clerk"), sink)
    files = packed(context, place, out)
    assert list(files) == ["README.txt", "transcript.txt", "transcript.vtt", "evidence.txt", "provenance.json"]
    for name in ("transcript.txt", "evidence.txt", "provenance.json"):
        assert hashlib.sha256(files[name].encode()).hexdigest() in files["README.txt"]
    assert "Councillor Jo Okafor, Chair (confirmed): “No. There was no consultation.”" in files["README.txt"]
    assert "Listened to by Jo Clerk" in files["README.txt"]
    assert "captions only" in files["README.txt"]
    assert files["transcript.txt"].count("--- the quotation, m/90000-99500 ---\n\n[0:01:30] Councillor Jo Okafor") == 1
    assert "[0:00:30]" in files["transcript.txt"]  # a minute before, and not more
    assert "[0:00:20]" not in files["transcript.txt"]
    assert "confirmed by Mira" in files["evidence.txt"]
    assert "Mira: words: “No, Chair." in files["evidence.txt"]
    told = json.loads(files["provenance.json"])
    assert told["schema"] == "pack/1"
    assert (told["start_ms"], told["end_ms"]) == (30_000, 159_500)
    assert told["origins"][0]["same"] is True
    assert [h["kind"] for h in told["history"]] == ["words", "speaker", "listen"]
    assert [c["by"] for c in told["changes"]] == [["Mira"], ["Mira"]]
    assert {s["stage"] for s in told["stages"]} == set(work.NAMES)
    assert [a.start_ms for _, a in changes.citations(context.raw)] == [90_000]

    (context.raw / "captions.vtt").write_text(captions(), "utf-8")
    assert json.loads(packed(context, place, out)["provenance.json"])["origins"][0]["same"] is False


def test_nothing_hidden_is_in_a_pack(context: Context, tmp_path: Path) -> None:
    sink, out = Heard(), tmp_path / "q.zip"
    before = packed(context, place_at(90), out)
    assert "Zebrawood" in before["transcript.txt"]
    assert "Larkspur" not in "".join(before.values())
    for second, word in ((80, "Zebrawood"), (100, "Quillfeather")):
        place = place_at(second)
        apply.apply(context, amend.reword(context, place, f"It was {word}, they say.", by="Mira"), sink)
    apply.apply(context, amend.hide(context, place_at(80), "mask", by="Mira", reason="a number"), sink)
    day = date(2999, 1, 31)
    withheld = amend.withhold(context, place_at(100), by="Mira", reason="under complaint", until=day)
    applied = apply.apply(context, withheld, sink)
    assert not out.exists()  # it lay in the data folder, and held it
    assert applied.elsewhere == ()
    files = packed(context, place_at(90), out)
    wide = packed(context, Address(meeting="m", start_ms=70_000, end_ms=130_000), tmp_path / "w.zip")
    for text in ("".join(files.values()), "".join(wide.values())):
        assert not any(word in text for word in ("Zebrawood", "Quillfeather", "Larkspur"))
    for why in ("hidden (a number)", "withheld for now (under complaint", "public record (exempt business)"):
        assert why in files["evidence.txt"]
    with pytest.raises(Problem, match=r"withheld for now \(under complaint"):
        pack.write(context.layout, str(place_at(100)), tmp_path / "n.zip")


def test_a_pack_says_when_its_place_changed(context: Context, tmp_path: Path) -> None:
    row = next(r for r in read_parquet(context.made / "quotes.parquet") if QUOTED in r.text)
    pack.write(context.layout, row.cited, tmp_path / "q.zip")
    assert "NO LONGER" not in contents(tmp_path / "q.zip")["README.txt"]
    place = Address(meeting="m", start_ms=row.start_ms, end_ms=row.end_ms)
    apply.apply(context, amend.reword(context, place, "There was some.", by="Mira"), Heard())
    pack.write(context.layout, row.cited, tmp_path / "q.zip", force=True)
    assert "NO LONGER SAYS WHAT WAS CITED" in contents(tmp_path / "q.zip")["README.txt"]


def test_packing_from_the_command_line(context: Context, tmp_path: Path) -> None:
    data, out = context.layout.root, tmp_path / "here" / "q.zip"
    done = onrecord("pack", "m/0:01:30-0:01:39", "-o", str(out), data=data)
    assert done.returncode == 0, done.stderr
    assert "README.txt, transcript.txt" in done.stdout
    again = onrecord("pack", "m/0:01:30-0:01:39", "-o", str(out), data=data)
    assert "there is such a file already" in again.stderr
    wrong = {
        "m/0:02:00-0:02:09": "not part of the public record (exempt business)",
        "n/0-5": "no meeting",
        "x": "not the address",
    }
    for address, said in wrong.items():
        refused = onrecord("pack", address, "-o", str(tmp_path / "n.zip"), data=data)
        assert refused.returncode == 2
        assert said in refused.stderr
    assert not (tmp_path / "n.zip").exists()
