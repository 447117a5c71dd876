"""What a verb was asked for, as jobs, contexts and plans."""

import getpass
import hashlib
from collections.abc import Callable
from pathlib import Path

from analyse import codebook as codebooks
from analyse import taggers
from analyse.codebook import Codebook
from pipeline import meetings, work
from pipeline.context import Context
from pipeline.meetings import Layout
from pipeline.plan import Plan, plan
from pipeline.plan import speeds as speeds_of
from pipeline.receipts import put
from pipeline.work import Job, Outcome
from transcribe import engines
from transcribe.problem import LACKING, Problem


def layout_of(data: Path) -> Layout:
    """The data folder as it is laid out. Raises Problem where there is none."""
    if not data.is_dir():
        raise Problem(
            "there is no such data folder", where=data, fix="name it with --data, or make it: onrecord add RECORDING"
        )
    return Layout(root=data)


def folders_of(layout: Layout, wanted: list[str] | None) -> tuple[list[Path], dict[str, str]]:
    """The folders of the meetings asked for, and the ids of all. A name is a meeting's id, or else its folder's; a path
    is a folder's. Raises Problem for unknown ones."""
    folders = meetings.find_folders(layout)
    ids = meetings.assign_ids(layout, folders)
    if wanted:
        known = {f.name: f for f in folders} | {ids[f.name]: f for f in folders}
        paths = {f"/{f.name}": f for f in folders}
        found = {w: paths.get(f"/{Path(w).name}") if "/" in w else known.get(w) for w in wanted}
        if missing := [Path(w).name for w, folder in found.items() if folder is None]:
            raise Problem(
                f"there is no meeting {sorted(missing)[0]!r}", where=layout.raw, fix="`onrecord status` lists them"
            )
        folders = [f for f in folders if f in found.values()]
    return folders, ids


def codebook_of(layout: Layout | None) -> Codebook:
    """The codebook of a data folder: its own, or the one that ships."""
    return codebooks.load(layout.codebook if layout and layout.codebook.exists() else "lfr-engagement")


def tagging_of(layout: Layout, codebook: Codebook, named: str = "", coded: Path | None = None) -> taggers.Choice:
    """The taggers named, or those of the data folder; and the statements for them to learn from, if there are any."""
    if not named and layout.taggers.is_file():
        named = layout.taggers.read_text("utf-8", errors="replace").strip()
    coded = coded or (layout.coded if layout.coded.is_file() else None)
    return taggers.choose(named or "auto", codebook, coded)


def _keep(given: Path | None, place: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> None:
    if given is not None and given.resolve() != place.resolve():
        put(place, read(given))


def jobs_of(
    layout: Layout,
    wanted: list[str] | None,
    *,
    asr: str = "auto",
    diariser: str = "auto",
    codebook: Path | None = None,
    tagger: str = "",
    coded: Path | None = None,
    keep: bool = False,
    through: str = "index",
    upgrade: bool = False,
    verify: bool = False,
    only: tuple[int, int] | None = None,
    shard: tuple[int, int] | None = None,
    n_threads: int = 0,
) -> tuple[list[Job], list[Outcome]]:
    """A job per meeting asked for, with engines, codebook and taggers chosen once; and the folders that can't be
    meetings. With `keep` the codebook, the taggers' names and the coded statements become the data folder's. A `shard`
    is one share of the meetings, and how many there are."""
    folders, ids = folders_of(layout, wanted)
    if shard:
        folders = [f for f in folders if share_of(ids[f.name], shard[1]) == shard[0]]
    if codebook is not None:
        book = codebooks.load(codebook)
    else:
        book = codebook_of(layout)
    tagging = tagging_of(layout, book, tagger, coded)
    if keep:
        if tagger and (lacking := next((m for m in tagging.models if m.lacks), None)):
            raise Problem(lacking.lacks, fix=lacking.fix, exit_code=LACKING)  # before the data folder is told of it
        _keep(codebook, layout.codebook, codebooks.bytes_of)  # which may be named, and not a file
        _keep(coded, layout.coded)
        if tagger == "auto":
            layout.taggers.unlink(missing_ok=True)
        elif tagger:
            put(layout.taggers, f"{tagger}\n".encode())
    words, voices = engines.choose_recogniser(asr), engines.choose_diariser(diariser)
    jobs, refused = [], []
    for folder in folders:
        if problem := meetings.shared_id(folder, ids):
            refused.append(work.failed(ids[folder.name], folder.name, problem))
            continue
        jobs.append(
            Job(
                root=layout.root,
                folder=folder.name,
                id=ids[folder.name],
                asr=words,
                diariser=voices,
                codebook=book,
                tagger=tagging,
                through=through,
                upgrade=upgrade,
                verify=verify,
                only=only,
                n_threads=n_threads,
            )
        )
    return jobs, refused


def parse_shard(text: str) -> tuple[int, int]:
    """Which share of how many, from I/N. Raises Problem for anything else.

    >>> parse_shard("3/40")
    (3, 40)
    """
    share, _, n = text.partition("/")
    numbers = [int(part) if part.isascii() and part.isdecimal() and len(part) < 7 else 0 for part in (share, n)]
    if not 1 <= numbers[0] <= numbers[1]:
        raise Problem(f"{text!r} is not a share", fix="write which of how many, from 1: --shard 3/40")
    return numbers[0], numbers[1]


def share_of(meeting: str, n: int) -> int:
    """Which of n shares a meeting belongs to, from 1: by its id alone, so that others may come and go."""
    return int.from_bytes(hashlib.sha256(meeting.encode()).digest()[:8], "big") % n + 1


def context_of(layout: Layout, meeting: str, **choices: str) -> Context:
    """One meeting, by its id or its folder's name, with the engines asked for."""
    jobs, refused = jobs_of(layout, [meeting], **choices)  # type: ignore[arg-type]
    for outcome in refused:
        raise Problem(outcome.what, where=outcome.where, fix=outcome.fix)
    return work.context_of(jobs[0])


def plans_of(layout: Layout, jobs: list[Job]) -> tuple[list[Plan], list[Outcome]]:
    """What would run for each meeting; and the meetings of which that can't be said, with their problems."""
    speeds = speeds_of(layout, [j.id for j in jobs])
    plans, broken = [], []
    for job in jobs:
        try:
            plans.append(plan(job, speeds))
        except Problem as e:
            broken.append(work.failed(job.id, job.folder, e))
        except Exception as e:  # one meeting's trouble is no other's
            broken.append(work.failed(job.id, job.folder, work.as_problem(e, layout.raw / job.folder, "meeting")))
    return plans, broken


def name_of(by: str) -> str:
    """Who somebody is: as they say, or else by their login name. Raises Problem for what can't be printed."""
    name = " ".join(by.split())
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError, ImportError) as e:
            raise Problem("it is not known who you are", fix="say so: --by NAME") from e
    if not name.isprintable() or len(name) > 100:
        raise Problem("this is no name that can be printed", fix="say who you are in plain letters: --by NAME")
    return name
