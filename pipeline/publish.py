"""`onrecord publish`: the reading pages as a folder of files, and taking out of it what is hidden later.

The folder has a manifest: what was written there, with hashes, and the meetings that each file holds words of. Nothing
that is not in it is ever replaced or deleted. A new edition is first made whole, beside the old one, and then moved
into place file by file, the first page last: who is killed leaves pages that open, and a manifest that knows them all.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipeline import asked, manifest, outputs, receipts, settings, telling
from pipeline.events import now
from pipeline.manifest import File, Manifest, Media, Options
from pipeline.meetings import Layout, readable
from pipeline.shelf import DataFolder
from transcribe import locks
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

if TYPE_CHECKING:
    from search.published import Site

SIDE = ".publishing"  # a new edition, until it is whole
MOST = 50_000  # statements that a browser still searches at once
WAIT_S = 60.0  # for another process that is publishing


class Given(Record):
    """What somebody asks for; None where it is to be as it was before, or as usual."""

    meetings: tuple[str, ...] | None = None
    media: Media | None = None
    stance: bool | None = None
    contact: str | None = None

    def over(self, before: Options) -> Options:
        given = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(before, **given)


class LeftOut(Record):
    """A meeting that is not published, and why."""

    meeting: str
    why: str


class Published(Record, omit_defaults=False):
    """What was published, or would be: `silent` are meetings whose recording was asked for and can't be copied. Of an
    edition that takes the place of another, meetings that `changed` since, are `added`, or are `gone` from it."""

    folder: str
    meetings: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    n_statements: int
    n_recordings: int
    recordings_bytes: int
    silent: tuple[str, ...]
    n_files: int = 0
    n_removed: int = 0
    replaced: bool = False
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


# -- publishing -----------------------------------------------------------------------------------


def publish(layout: Layout, out: Path, given: Given, *, force: bool = False, dry_run: bool = False) -> Published:
    """Write the pages of the meetings asked for into a folder. What was published there before from this data folder is
    brought up to date, as it was asked for then but for what is `given` now; with `force` it is begun anew, wherever it
    is from.

    With `dry_run` nothing is written. Raises Problem where the folder holds something else, was changed by somebody, or
    where no meeting is finished.
    """
    with _alone(layout):
        old = _check_place(layout, out, force=force)
        options, wanted, missing = _wanted(layout, given, old.options if old and not force else Options())
        site, left_out = _site(layout, wanted, options)
        left_out = (*left_out, *missing)
        if not site.rows:
            why = f": {left_out[0].why}" if left_out else ""
            raise Problem(f"no meeting can be published{why}", where=layout.raw, fix="onrecord run")
        found = _summary(out, site, options, left_out, old)
        if dry_run:
            return found
        try:
            n_files, n_removed = _write(layout, out, site, options, old, keep=False)
        except OSError as e:
            raise Problem(
                f"this cannot be published: {e.strerror or e}",
                where=readable(str(e.filename or out)),
                fix="check rights and room there, then publish again: what was there before still opens",
                exit_code=LACKING,
            ) from e
    return msgspec.structs.replace(found, n_files=n_files, n_removed=n_removed)


def _wanted(layout: Layout, given: Given, before: Options) -> tuple[Options, list[str], tuple[LeftOut, ...]]:
    """What is to be published, the ids of the meetings, and those that were asked for before and are not here now."""
    folders, ids = asked.folders_of(layout, list(given.meetings or ()))
    here = [ids[f.name] for f in folders]
    options = given.over(before)
    if given.meetings:
        return msgspec.structs.replace(options, meetings=tuple(here)), here, ()
    if not options.meetings:
        return options, here, ()
    missing = tuple(LeftOut(meeting=id, why="it is not here any more") for id in options.meetings if id not in here)
    return options, [id for id in options.meetings if id in here], missing


@contextlib.contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    try:
        with locks.hold(layout.root / ".publish.lock", wait_s=WAIT_S):
            yield
    except locks.Busy as e:
        raise Problem(f"somebody else is publishing: {e}", where=layout.root, fix="wait, then try again") from e


def _site(layout: Layout, wanted: Iterable[str], options: Options) -> tuple["Site", tuple[LeftOut, ...]]:
    try:
        from search.published import Site
    except ModuleNotFoundError as e:
        raise Problem(
            f"the pages need a package that is not here: {e.name}",
            fix='pip install "onrecord[page]"',
            exit_code=LACKING,
        ) from e
    shelf = DataFolder(layout)
    ids, left_out = [], []
    for id in wanted:
        try:
            if shelf.meeting(id).settled:
                ids.append(id)
            else:
                left_out.append(LeftOut(meeting=id, why="it is not finished: onrecord run"))
        except (Problem, OSError) as e:
            left_out.append(LeftOut(meeting=id, why=e.what if isinstance(e, Problem) else str(e)))
    site = Site(
        shelf,
        ids,
        on=date.today(),
        media=options.media,
        stance=options.stance,
        contact=options.contact,
        players=settings.read(layout).players,
        why=telling.shown_evidence,
    )
    return site, tuple(left_out)


def _summary(
    out: Path, site: "Site", options: Options, left_out: tuple[LeftOut, ...], old: Manifest | None
) -> Published:
    recorded = {r.meeting for r in site.recorded}
    before = old.transcripts if old else {}
    after = {s.meeting: s.transcript_sha256 for s in site.edition.all.values()}
    return Published(
        folder=readable(str(out)),
        meetings=tuple(site.rows),
        left_out=left_out,
        n_statements=sum(map(len, site.rows.values())),
        n_recordings=len(recorded),
        recordings_bytes=sum(r.sound.path.stat().st_size for r in site.recorded),
        silent=tuple(id for id in site.rows if id not in recorded) if options.media == "copy" else (),
        replaced=old is not None,
        changed=tuple(id for id in after if before.get(id, after[id]) != after[id]),
        added=tuple(id for id in after if old and id not in before),
        gone=tuple(id for id in before if id not in after),
    )


def _check_place(layout: Layout, out: Path, *, force: bool) -> Manifest | None:
    """What was published in a folder before, if anything. Raises Problem where nothing may be published there."""
    place, root = out.resolve(), layout.root.resolve()
    inside = any(place.is_relative_to(p) for p in (layout.raw.resolve(), layout.processed.resolve()))
    if inside or root.is_relative_to(place):
        raise Problem("pages cannot lie among the data", where=out, fix="name another folder")
    if not os.path.lexists(out):
        return None
    if not out.is_dir():
        raise Problem("this is not a folder", where=out, fix="name another")
    if {p.name for p in out.iterdir()} <= {SIDE}:
        return None
    old = manifest.read(out)
    if old is None:
        raise Problem("this folder holds something else", where=out, fix="name an empty folder, or a new one")
    if not force and place not in outputs.published(layout):
        raise Problem(
            "this was published from another data folder, or lay elsewhere then",
            where=out,
            fix="replace it with --force",
        )
    changed = [f.path for f in old.files if _is_changed(out, f)]
    if changed:
        raise Problem(
            f"{len(changed)} files were changed by somebody since they were published; the first: {changed[0]}",
            where=out,
            fix="move them elsewhere, or delete them, then publish again",
        )
    return old


def _is_changed(out: Path, f: File) -> bool:
    path = out / f.path
    return os.path.lexists(path) and not (path.is_file() and receipts.hash_file(path) in f.sha256s)


def _write(
    layout: Layout, out: Path, site: "Site", options: Options, old: Manifest | None, *, keep: bool
) -> tuple[int, int]:
    """Make an edition and move it into place. With `keep`, pages that hold only words of meetings whose transcripts are
    still those of the edition before stay. Returns how many files it has, and how many of the old ones went."""
    side = out / SIDE
    shutil.rmtree(side, ignore_errors=True)
    side.mkdir(parents=True)
    known_to_hold = old.transcripts if old else {}
    # Before anything lies there: what is hidden from now on is taken out even if this is killed.
    outputs.remember(layout, out, outputs.PUBLISHED, tuple({**known_to_hold, **site.edition.all}))
    before = {f.path: f for f in old.files} if old else {}
    transcripts = {s.meeting: s.transcript_sha256 for s in site.edition.all.values()}
    same = {id for id, sha256 in transcripts.items() if keep and old and old.transcripts.get(id) == sha256}
    files: dict[str, File] = {}
    for recorded in site.recorded:
        sha256 = receipts.hash_file(recorded.sound.path)
        known = before.get(recorded.path)
        files[recorded.path] = File(path=recorded.path, sha256s=(sha256,), meetings=(recorded.meeting,))
        if known != files[recorded.path] or not (out / recorded.path).is_file():
            _copy(recorded.sound.path, side / recorded.path, sha256)
    for page in site.pages():
        known = before.get(page.path)
        if known and page.meetings and same.issuperset(page.meetings) and (out / page.path).is_file():
            files[page.path] = known
            continue
        made = page.make()
        path = side / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)
        files[page.path] = File(
            path=page.path, sha256s=(hashlib.sha256(made).hexdigest(),), meetings=tuple(page.meetings)
        )
    taken = [path for path in files if path not in before and os.path.lexists(out / path)]
    if taken:
        shutil.rmtree(side, ignore_errors=True)
        raise Problem(f"another file is where a page goes: {taken[0]}", where=out, fix="move it elsewhere")
    if keep:  # a meeting that can't be shown just now comes back when it can
        transcripts = {**known_to_hold, **transcripts}
    new = Manifest(made=now(), options=options, transcripts=transcripts, files=tuple(files.values()))
    manifest.put(out, msgspec.structs.replace(new, files=tuple(_both(before, files))))
    for name in files:
        if (side / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (side / name).replace(out / name)
    gone = [f for path, f in before.items() if path not in files]
    for f in gone:
        _take_away(out, f)
    manifest.put(out, new)
    outputs.remember(layout, out, outputs.PUBLISHED, tuple(transcripts))
    shutil.rmtree(side, ignore_errors=True)
    for id in _changed_since(layout, transcripts):
        _withdraw(out, id)
    return len(files), len(gone)


def _changed_since(layout: Layout, transcripts: dict[str, str]) -> Iterator[str]:
    """Meetings of which something was hidden, or changed, while they were being published."""
    shelf = DataFolder(layout)
    for id, sha256 in transcripts.items():
        try:
            shelf.check_shown(id)
            if receipts.hash_file(layout.made(id) / "transcript.json") != sha256:
                yield id
        except (Problem, OSError):
            yield id


def _both(before: dict[str, File], files: dict[str, File]) -> Iterator[File]:
    for path in dict.fromkeys([*before, *files]):
        known = [f for f in (before.get(path), files.get(path)) if f]
        yield File(
            path=path,
            sha256s=tuple(dict.fromkeys(sha256 for f in known for sha256 in f.sha256s)),
            meetings=tuple(dict.fromkeys(id for f in known for id in f.meetings)),
        )


def _copy(source: Path, target: Path, sha256: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if receipts.hash_file(target) != sha256:
        raise Problem("a recording was changed while it was copied", where=source, fix="publish again")


def _take_away(out: Path, f: File) -> None:
    (out / f.path).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other files may lie there
        (out / f.path).parent.rmdir()


# -- taking out what was hidden -------------------------------------------------------------------


def withdraw(layout: Layout, meeting: str) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Take every file that holds words or sound of a meeting out of the folders that it was published in, at once and
    without making anything. Returns these folders, and those of which it could not be taken out."""
    done, refused = [], []
    for out in outputs.folders(layout, meeting):
        try:
            with _alone(layout):
                _withdraw(out, meeting)
            done.append(out)
        except (Problem, OSError):
            refused.append(out)
    return tuple(done), tuple(refused)


def _withdraw(out: Path, meeting: str) -> None:
    shutil.rmtree(out / SIDE, ignore_errors=True)
    held = manifest.read(out)
    if held is None:
        if any(out.iterdir()):
            raise Problem("the manifest of this folder is gone", where=out)
        return
    for f in held.files:
        if meeting in f.meetings:
            _take_away(out, f)
    left = tuple(f for f in held.files if meeting not in f.meetings)
    manifest.put(out, msgspec.structs.replace(held, files=left))


def renew(layout: Layout, meeting: str) -> tuple[Path, ...]:
    """Publish again what was taken out of folders, as the meeting now stands. Returns folders in which it is whole
    again; in the others it is still left out."""
    renewed = []
    for out in outputs.folders(layout, meeting):
        with contextlib.suppress(Problem, OSError), _alone(layout):
            old = manifest.read(out)
            if old is None:
                continue
            site, left_out = _site(layout, dict.fromkeys([*old.transcripts, meeting]), old.options)
            _write(layout, out, site, old.options, old, keep=True)
            if meeting not in {m.meeting for m in left_out}:
                renewed.append(out)
    return tuple(renewed)
