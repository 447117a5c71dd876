"""Removals, backups and what restoring does, as a terminal shows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from pipeline.keep import Manifest, Step
from pipeline.meetings import few, size
from pipeline.remove import Place, Removal
from pipeline.show import n_of, out, printable

if TYPE_CHECKING:
    from pipeline.publish import Published

N_SHOWN = 12  # files of one kind


def print_removal(found: Removal) -> None:
    """What goes, what stays, and loudly what only people can make again."""
    _line(f"Removing {found.meeting} takes away:", "bold")
    for place in found.goes:
        _line(f"  {_told(place)}")
    if found.n_quotes or found.indexed:
        _line(f"  {n_of(found.n_quotes, 'quote')}{', in the index too' if found.indexed else ', not in the index'}")
    if found.written:
        n = f" with {n_of(found.n_corrections, 'correction')}" if found.n_corrections else ""
        _line(f"  AND WHAT PEOPLE WROTE, which nothing can make again{n}:", "bold red")
        for path in found.written:
            _line(f"      {path}", "bold red")
        _line("      To keep that, first: onrecord backup FILE")
    _line("It leaves:", "bold")
    for place in found.stays:
        _line(f"  {_told(place)}")
        _line("      The next `onrecord run` makes the meeting again from it; --media removes it, too.")
    _line("  its id in meetings.toml, so that addresses that were cited never come to mean another meeting")


def _told(place: Place) -> str:
    if place.is_link:
        return f"{place.path}: only the link, not what it points at"
    links = f", {n_of(place.n_links, 'link')} (not what they point at)" if place.n_links else ""
    return f"{place.path}: {n_of(place.n_files, 'file')}, {size(place.n_bytes)}{links}"


def print_backup(manifest: Manifest, path: Path) -> None:
    n_meetings = len({f.name.split("/")[1] for f in manifest.files if f.name.startswith("raw/")})
    _line(
        f"kept {n_of(len(manifest.files), 'file')} of {n_of(n_meetings, 'meeting')} in {path} "
        f"({size(path.stat().st_size)}), and read them back"
    )
    _line("Recordings and captions are not in it: keep those elsewhere.")


def print_steps(manifest: Manifest, steps: Sequence[Step], data: Path, *, force: bool) -> None:
    _line(f"A backup of {manifest.made}, into {data}: {n_of(len(steps), 'file')}", "bold")
    differs = "replaced, the old ones kept beside" if force else "differ and are left alone (--force replaces them)"
    for kind, what in (
        ("new", "are new"),
        ("merged", "get corrections that are missing here"),
        ("different", differs),
        ("damaged", "cannot be read in the backup, and those here stay"),
        ("same", "are here already"),
    ):
        names = [s.name for s in steps if s.kind == kind]
        if not names:
            continue
        _line(f"  {len(names):,} {what}{'' if kind == 'same' else ':'}")
        if kind != "same":
            for name in names[:N_SHOWN]:
                _line(f"      {name}")
            if len(names) > N_SHOWN:
                _line(f"      and {len(names) - N_SHOWN:,} more")


def print_published(found: "Published", *, dry_run: bool) -> None:
    from pipeline.publish import MOST

    copied = f", {n_of(found.n_recordings, 'recording')} ({size(found.recordings_bytes)})" if found.n_recordings else ""
    what = f"{n_of(found.n_statements, 'statement')} of {n_of(len(found.meetings), 'meeting')}{copied}"
    if dry_run:
        _line(f"would publish {what} in {found.folder}" + (", in the place of what is there" if found.replaced else ""))
    else:
        gone = f"; {n_of(found.n_removed, 'file')} of before went" if found.n_removed else ""
        _line(f"published {what} in {found.folder}: {n_of(found.n_files, 'file')}{gone}. Open index.html.")
    since = [(found.changed, "changed"), (found.added, "new"), (found.gone, "gone")]
    if found.replaced:
        told = [f"{how}: {few(ids)}" for ids, how in since if ids]
        _line(f"since the edition before: {'; '.join(told) or 'no meeting changed'}")
    for id in found.silent:
        _line(f"{id}: no recording is copied: there is none, or its silenced copy is not made yet")
    for left in found.left_out:
        _line(f"{left.meeting}: left out: {left.why}")
    if found.n_statements > MOST:
        _line(f"more than {MOST:,} statements: their search will be slow; publish fewer meetings together")


def print_behind(folders: Sequence[Path]) -> None:
    """Published pages that do not say what was just corrected."""
    for folder in folders:
        _line(f"still published as it was: {folder}. To renew it: onrecord publish {folder}")


def _line(text: str, style: str = "") -> None:
    out.print(Text(printable(text), style=style))
