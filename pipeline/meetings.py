"""Where everything is in a data folder, and which meeting each of its folders is.

`data/raw/<folder>/` holds a meeting. Its id is made from the folder's name and fixed in `data/meetings.toml`
at the first run, so that addresses of quotes outlive a renamed folder (rename it in that file, too).
"""

import hashlib
import os
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from pipeline import toml_files
from pipeline.receipts import put
from pipeline.toml_files import quoted
from transcribe import locks
from transcribe.problem import Problem
from transcribe.records import Id, Record

MEDIA_SUFFIXES = frozenset({
    ".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".oga", ".opus", ".wma", ".aif", ".aiff", ".au", ".mka",
    ".mp4", ".m4v", ".mkv", ".webm", ".ts", ".mts", ".mov", ".avi", ".wmv", ".mpg", ".mpeg", ".flv", ".3gp",
})  # fmt: skip
CAPTION_SUFFIXES = frozenset({".vtt", ".srt", ".sbv", ".json3", ".srv1", ".srv3"})  # of files that hold nothing else
LARGEST_IDS = 20_000_000  # bytes of data/meetings.toml
IDS_HEAD = """\
# Which folder of raw/ is which meeting. Quotes are cited by these ids: rename a folder here, too.
[meetings]
"""
WAIT_S = 30.0  # for another process that writes data/meetings.toml
RESERVED_IDS = frozenset({"index", "runs"})  # folders of data/processed that are no meetings


class Layout(Record):
    """Where everything is in a data folder."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def processed(self) -> Path:
        return self.root / "processed"

    @property
    def index(self) -> Path:
        return self.processed / "index"

    @property
    def runs(self) -> Path:
        return self.processed / "runs"

    @property
    def ids(self) -> Path:
        return self.root / "meetings.toml"

    @property
    def settings(self) -> Path:
        return self.root / "onrecord.toml"

    @property
    def codebook(self) -> Path:
        return self.root / "codebook.toml"

    @property
    def coded(self) -> Path:
        """Statements that people coded, for taggers to learn from."""
        return self.root / "coded.jsonl"

    @property
    def taggers(self) -> Path:
        """The taggers that somebody named for this data folder, where it isn't left to `auto`."""
        return self.root / "taggers.txt"

    def made(self, meeting: str) -> Path:
        return self.processed / meeting


def slug(folder: str) -> str:
    """A meeting id from any folder name.

    >>> slug("2024-05-14 Public Safety (Scrutiny)")
    '2024-05-14-public-safety-scrutiny'
    >>> slug("Cyfarfod Llŷn")
    'cyfarfod-llyn'
    """
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
    if not made or made in RESERVED_IDS:
        made = "m-" + hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return made


def readable(name: str) -> str:
    """A path or what names one as text that TOML and JSON can hold, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def few(names: Sequence[str], most: int = 6) -> str:
    """Names in a sentence: some of them, where there are many, and how many more there are.

    >>> few(["one", "two", "three", "four"], 2)
    'one, two and 2 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def size(n_bytes: int) -> str:
    """
    >>> size(730), size(52_300), size(1_234_000), size(3_900_000_000)
    ('730 bytes', '52 kB', '1.2 MB', '3.9 GB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    value, unit = next((n_bytes / n, u) for n, u in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if n_bytes >= n)
    return f"{value:.1f} {unit}" if value < 10 and unit != "kB" else f"{value:.0f} {unit}"


def nearest(path: Path) -> Path:
    """A path, or the nearest folder above it that is there."""
    return next(p for p in (path, *path.absolute().parents) if p.exists())


def is_id(value: object) -> bool:
    """Whether this can be a meeting's id."""
    try:
        return msgspec.convert(value, Id) not in RESERVED_IDS
    except msgspec.ValidationError:
        return False


def find_folders(layout: Layout) -> list[Path]:
    """Meeting folders, in order of their names. Raises Problem where there is no `raw` folder."""
    if not layout.raw.is_dir():
        raise Problem(
            "there is no folder of recordings",
            where=layout.raw,
            fix=f"make {layout.raw}/<meeting>/ and put the recording there, or name another folder with --data",
        )
    return sorted(p for p in layout.raw.iterdir() if p.is_dir() and not p.name.startswith("."))


def loose_media(layout: Layout) -> list[Path]:
    """Media that lie in `raw` itself, where they belong to no meeting."""
    return sorted(p for p in layout.raw.iterdir() if p.is_file() and p.suffix.lower() in MEDIA_SUFFIXES)


def read_ids(layout: Layout) -> dict[str, str]:
    """Folder name -> meeting id, as fixed at first runs."""
    toml = toml_files.read(layout.ids, largest_bytes=LARGEST_IDS)
    fixed = toml.values.get("meetings", {})
    bad = [f for f, id in fixed.items() if not is_id(id)] if isinstance(fixed, dict) else [""]
    if bad:
        raise toml.fault(
            f"the list of meeting ids cannot be read: {str(fixed[bad[0]])[:100]!r} can't be a meeting's id"
            if bad[0]
            else "the list of meeting ids cannot be read: [meetings] should be a table",
            "meetings",
            bad[0],
            fix="mend that line; quotes keep their addresses through this file",
        ).problem()
    return dict(fixed)


def assign_ids(layout: Layout, folders: Sequence[Path]) -> dict[str, str]:
    """Ids for all folders: those fixed earlier, and fresh ones made from names. Writes nothing."""
    fixed = read_ids(layout)
    return {f.name: fixed.get(readable(f.name)) or slug(f.name) for f in folders}


def fix_ids(layout: Layout, ids: dict[str, str]) -> None:
    """Write fresh ids into `data/meetings.toml`, behind what people wrote there. Raises Problem where another process
    keeps it for too long."""
    wanted = {readable(folder): id for folder, id in ids.items()}
    if wanted.keys() <= read_ids(layout).keys():
        return
    try:
        with ids_held(layout):
            fixed = read_ids(layout)
            fresh = {folder: id for folder, id in wanted.items() if folder not in fixed}
            text = toml_files.read(layout.ids, largest_bytes=LARGEST_IDS).text
            more = f"{text.rstrip()}\n{_lines(fresh)}"
            put(layout.ids, (more if _holds(more, fixed | fresh) else f"{IDS_HEAD}{_lines(fixed | fresh)}").encode())
    except locks.Busy as e:
        raise Problem(f"another process is writing this file: {e}", where=layout.ids, fix="run again") from e


def _lines(ids: dict[str, str]) -> str:
    return "".join(f"{quoted(folder)} = {quoted(id)}\n" for folder, id in ids.items())


def _holds(text: str, ids: dict[str, str]) -> bool:
    """Whether a text is TOML with these ids: what is written at the end of one may belong to another table."""
    try:
        return tomllib.loads(text).get("meetings") == ids
    except tomllib.TOMLDecodeError:
        return False


def ids_held(layout: Layout) -> AbstractContextManager[locks.Lock]:
    """Keep others from changing `data/meetings.toml`. Raises Busy where somebody keeps it for too long."""
    return locks.hold(layout.root / ".meetings.lock", wait_s=WAIT_S)


def shared_id(folder: Path, ids: dict[str, str]) -> Problem | None:
    """What is wrong where another folder has this folder's id."""
    twins = [name for name, id in ids.items() if id == ids[folder.name] and name != folder.name]
    if not twins:
        return None
    return Problem(
        f"two folders make one meeting id, {ids[folder.name]!r}: {folder.name!r} and {twins[0]!r}",
        where=folder,
        fix="rename one of them, or give it an id of its own in data/meetings.toml",
    )
