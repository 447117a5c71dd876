"""Meeting folders made from what was proposed, each whole or not at all.

Recordings are never moved or changed. A folder is filled under a hidden name and gets its own by one rename, so that
half a meeting is never there.
"""

import errno
import os
import secrets
import shutil
from pathlib import Path

from pipeline.meetings import Layout, readable
from pipeline.propose import NewMeeting, Part
from pipeline.receipts import put
from pipeline.toml_files import quoted
from transcribe.media import Progress
from transcribe.problem import Problem

HIDDEN = ".adding-"  # how the names of folders begin that are not finished
_PIECE = 8_000_000  # bytes that are copied at once


def make(layout: Layout, new: NewMeeting, progress: Progress | None = None) -> Path:
    """A meeting's folder, made whole or not at all. `progress` is told (bytes copied, bytes to copy).

    Raises Problem where it can't be made.
    """
    side = layout.raw / f"{HIDDEN}{secrets.token_hex(4)}"
    try:
        side.mkdir(parents=True)
        for part in new.parts:
            _place(part, side / part.name, progress)
        if new.captions:
            shutil.copyfile(new.captions, side / new.captions_name)
        put(side / "meeting.toml", to_toml(new).encode())
        return _named(side, layout.raw / new.folder)
    except OSError as e:
        full = e.errno in (errno.ENOSPC, errno.EDQUOT)
        raise Problem(
            f"{new.folder} could not be made: {'the disk is full' if full else e.strerror}",
            where=readable(str(e.filename or layout.raw)),
            fix="make space there and add it again" if full else "check rights there and add it again",
        ) from e
    finally:
        shutil.rmtree(side, ignore_errors=True)


def _place(part: Part, target: Path, progress: Progress | None) -> None:
    source, how = part.source.resolve(), part.how
    if how == "linked":
        try:
            target.hardlink_to(source)
            return
        except OSError as e:
            if e.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
                raise
            how = part.otherwise
    if how == "pointed to":
        target.symlink_to(source)
        return
    with source.open("rb") as f, target.open("xb") as g:
        n_done = 0
        while piece := f.read(_PIECE):
            g.write(piece)
            n_done += len(piece)
            if progress:
                progress(n_done, part.size)
        g.flush()
        os.fsync(g.fileno())
    if n_done != part.size:
        raise Problem("this recording changed while it was copied", where=source, fix="wait until it is whole")
    shutil.copystat(source, target)


def _named(side: Path, target: Path) -> Path:
    """Give a finished folder its name, or the next one if somebody else took it meanwhile."""
    n, free = 1, target
    while True:
        try:
            if not os.path.lexists(free):
                return side.rename(free)
        except OSError as e:
            if e.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        n += 1
        free = target.with_name(f"{target.name[:75]}-{n}")


def to_toml(new: NewMeeting) -> str:
    """The `meeting.toml` of a new meeting, with what is not known yet to be filled in."""
    paths = [p.source for p in new.parts] or [new.captions or Path()]
    sources = ", ".join(quoted(path.name) for path in paths)
    lines = [f"# Made by `onrecord add` from {sources}.", "# Change whatever is wrong: docs/formats.md has every key."]
    for key, example in (
        ("title", '"Public Safety Panel"'),
        ("body", '"Wrenbridge Council"'),
        ("held_on", "2024-05-14"),
        ("source_url", '"https://..."  # where the public can watch it; links to quotes are made from it'),
    ):
        if found := new.guesses.get(key):
            value = found.value if key == "held_on" else quoted(found.value)
            lines.append(f"{key} = {value}  # from: {quoted(found.source)[1:-1]}")
        else:
            lines.append(f"# {key} = {example}")
    if len(new.parts) == 1:
        lines.append(f"media = {quoted(new.parts[0].name)}")
    if new.captions:
        instead = "  # delete this line to have the recording heard instead" if new.parts else ""
        lines.append(f"captions = {quoted(new.captions_name)}{instead}")
    lines += ['# exclude = [["1:02:10", "1:05:00", "exempt business"]]  # never transcribed, shown or played']
    if len(new.parts) > 1:
        for part in new.parts:
            lines += ["", "[[media]]", f"file = {quoted(part.name)}"]
            lines += [f"source_url = {quoted(part.source_url)}"] if part.source_url else []
    lines += [
        "",
        "# Only people who are named here can be recognised as speakers. Take the # away, once for each:",
        "# [[people]]",
        '# id = "jo-okafor"',
        '# name = "Councillor Jo Okafor"',
        '# role = "Chair"',
        '# aliases = ["Jo"]',
    ]
    return "\n".join(lines) + "\n"
