"""Quotes: the flat rows that are indexed, exported and cited, and their permanent addresses.

A quote's address is a place in time, `<meeting>/<start_ms>-<end_ms>`, so that it outlives a better
transcript. When cited it also carries `~` and eight hex digits over the recording, the words and the person,
so that a reader can be told when wording or speaker changed since. See `docs/search.md`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from analyse.records import Statement, Statements
from transcribe.documents import GENERATOR, captions_call
from transcribe.listened import said, who
from transcribe.problem import Problem
from transcribe.records import Media, Meeting, Record, Recording, SpeakerName, Transcript, Word, check_range

SCHEMA = "quotes/1"


class Quote(Record, kw_only=True, omit_defaults=False):
    """One row of `quotes.parquet` and of every JSON answer. See `docs/formats.md`."""

    address: str  # <meeting>/<start_ms>-<end_ms>
    check: str  # what follows the ~ when this quote is cited: 8 hex digits
    meeting: str
    title: str
    body: str
    held_on: date | None
    start_ms: int
    end_ms: int
    text: str
    speaker_label: str | None
    speaker: str  # display name, "unknown speaker 3" where nobody knows
    speaker_status: str  # confirmed, inferred, unknown
    speaker_in_captions: bool = False  # whether an unknown speaker is shown as the captions call them
    person: str | None
    role: str
    party: str
    agenda_item: str
    topic: bool
    codes: tuple[str, ...]
    stance: str | None
    stance_holder: str | None
    listen_first: tuple[str, ...]
    language: str = ""  # code of the language that it is said in; empty where nobody knows
    listened_by: str = ""  # who listened to these very words; empty where nobody did
    source_url: str
    source_start_ms: int | None  # where it starts in the recording at `source_url`; None where that is not known
    transcript_sha256: str

    @property
    def cited(self) -> str:
        """The address as it is cited, with its check."""
        return f"{self.address}~{self.check}"


# -- addresses ------------------------------------------------------------------------------------


class Address(Record):
    """A place in time in a meeting, and the check of a cited one (empty where there is none)."""

    meeting: str
    start_ms: int
    end_ms: int
    check: str = ""

    def __post_init__(self) -> None:
        check_range(self.start_ms, self.end_ms)

    def __str__(self) -> str:
        return f"{self.meeting}/{self.start_ms}-{self.end_ms}" + (f"~{self.check}" if self.check else "")


_ADDRESS = re.compile(r"([a-z0-9-]{1,80})/([0-9]{1,10})-([0-9]{1,10})(?:~([0-9a-f]{8}))?")
_CLOCK = r"[0-9]{1,4}:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,3})?"
_CLOCK_ADDRESS = re.compile(rf"([a-z0-9-]{{1,80}})/({_CLOCK})-({_CLOCK})")


def parse_address(text: str) -> Address:
    """The address in `text`, which may also give its times as a clock does, since people read them off a player, or be
    the link of a quote's page.

    Raises Problem where it is malformed or its range is empty.

    >>> str(parse_address("2024-05-14-safety/12000-15500~0a1b2c3d"))
    '2024-05-14-safety/12000-15500~0a1b2c3d'
    >>> str(parse_address("2024-05-14-safety/0:00:12-0:00:15.5"))
    '2024-05-14-safety/12000-15500'
    >>> str(parse_address("https://quotes.wrenbridge.example/quote/2024-05-14-safety/12000-15500~0a1b2c3d#work"))
    '2024-05-14-safety/12000-15500~0a1b2c3d'
    """
    written = _bare(text).lower()
    if found := _ADDRESS.fullmatch(written):
        meeting, start_ms, end_ms, check = found[1], int(found[2]), int(found[3]), found[4] or ""
    elif found := _CLOCK_ADDRESS.fullmatch(written):
        meeting, start_ms, end_ms, check = found[1], _clock_ms(found[2]), _clock_ms(found[3]), ""
    else:
        raise Problem(
            f"{text!r:.200} is not the address of a quote",
            fix="copy it whole from a search, <meeting>/<start>-<end> in milliseconds, "
            "or with two times in the recording: <meeting>/0:04:29-0:04:35",
        )
    if start_ms >= end_ms:
        raise Problem(f"the address {found[0]!r} ends before it starts", fix="write the earlier time first")
    return Address(meeting=meeting, start_ms=start_ms, end_ms=end_ms, check=check)


def _bare(text: str) -> str:
    """An address out of a link to its page, and without what may stand around it where it is quoted."""
    bare = text.strip().strip("<>()[]“”\"'.,;")
    linked = re.fullmatch(r"https?://\S+?/quote/([^?#\s]+)\S*", bare)
    return linked[1] if linked else bare


def _clock_ms(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    whole, _, fraction = seconds.partition(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 1000 + int(fraction.ljust(3, "0"))


def resolve(address: Address, transcript: Transcript) -> tuple[Word, ...]:
    """The words of this transcript that belong to the address: those whose midpoint lies inside it."""
    start_ms, end_ms = address.start_ms, address.end_ms
    near = (
        w
        for w in transcript.words  # nearly all of which lie elsewhere: that is told without a call
        if w.start_ms is not None and w.start_ms < end_ms and w.end_ms is not None and w.end_ms >= start_ms
    )
    return tuple(w for w in near if _belongs(w, start_ms, end_ms))


def check_of(recording_sha256: str, text: str, person: str | None) -> str:
    """Eight hex digits over a recording, words and the person who said them.

    The words count without case, punctuation and spacing, so that a mended comma changes nothing.
    """
    return hashlib.sha256("\u241f".join((recording_sha256, said(text), person or "")).encode()).hexdigest()[:8]


def _belongs(word: Word, start_ms: int, end_ms: int) -> bool:
    if word.start_ms is None or word.end_ms is None:
        return False
    return 2 * start_ms <= word.start_ms + word.end_ms < 2 * end_ms


# -- rows -----------------------------------------------------------------------------------------


def quotes(
    statements: Statements, transcript: Transcript, meeting: Meeting, recording: Recording, transcript_sha256: str
) -> tuple[Quote, ...]:
    """One row per statement that has a place in time, in order. `transcript_sha256` is the transcript file's hash."""
    rows = (_row(s, transcript, meeting, recording, transcript_sha256) for s in statements.statements)
    return tuple(row for row in rows if row is not None)


def _row(
    statement: Statement, transcript: Transcript, meeting: Meeting, recording: Recording, transcript_sha256: str
) -> Quote | None:
    words = transcript.words[statement.first_word : statement.end_word]
    timed = [(w.start_ms, w.end_ms) for w in words if w.start_ms is not None and w.end_ms is not None]
    if not timed:
        return None
    # A last word without length would have its midpoint on the open end, outside its own quote.
    last_ms = max((start + end) // 2 + 1 for start, end in timed)
    start_ms, end_ms = statement.start_ms, min(max(statement.end_ms, last_ms), recording.duration_ms)
    if start_ms >= end_ms:
        return None
    name = speaker_name(statement.speaker, transcript.names)
    source_url, source_start_ms = source_of(start_ms, meeting, recording)
    return Quote(
        address=str(Address(meeting=meeting.id, start_ms=start_ms, end_ms=end_ms)),
        check=check_of(recording.sha256, statement.text, name.person),
        meeting=meeting.id,
        title=meeting.title,
        body=meeting.body,
        held_on=meeting.held_on,
        start_ms=start_ms,
        end_ms=end_ms,
        text=statement.text,
        language=statement.language,
        speaker_label=statement.speaker,
        speaker=name.display,
        speaker_status=name.status,
        speaker_in_captions=name.in_captions,
        person=name.person,
        role=name.role,
        party=name.party,
        agenda_item=statement.agenda_item,
        topic=statement.topic.about,
        codes=tuple(dict.fromkeys(tag.code for tag in statement.tags)),
        stance=statement.stance,
        stance_holder=statement.stance_holder,
        listen_first=statement.listen_first,
        listened_by=who(words, transcript.listened),
        source_url=source_url,
        source_start_ms=source_start_ms,
        transcript_sha256=transcript_sha256,
    )


def speaker_name(label: str | None, names: Iterable[SpeakerName]) -> SpeakerName:
    """Who a voice is, and an unknown speaker where nothing is known of it."""
    for name in names:
        if name.label == label:
            return name
    number = re.search(r"[0-9]+$", label or "")
    return SpeakerName(label=label or "", display="unknown speaker" + (f" {number[0]}" if number else ""))


def source_of(start_ms: int, meeting: Meeting, recording: Recording) -> tuple[str, int | None]:
    """Where the public can listen to this moment: the part's own page, or else the whole meeting's.

    No page where it is known to be gone; no time where what it plays has changed, or begins only later.
    """
    part = part_at(start_ms, recording.media)
    if part and part.source_url:
        url, at_ms = part.source_url, start_ms - part.start_ms + part.source_offset_ms
    else:
        url, at_ms = meeting.source_url, start_ms + round(meeting.source_offset_s * 1000)
    written = next((m for m in meeting.media if part and m.file == part.file), None)
    state = written.source_state if written else None
    if not (written and written.source_url):
        state = state or meeting.source_state
    if not url or state == "gone":
        return "", None
    return url, None if state == "changed" or at_ms < 0 else at_ms


def part_at(start_ms: int, media: Sequence[Media]) -> Media | None:
    """The part of a recording that plays at this moment; None where there is no recording."""
    begun = [m for m in media if m.start_ms <= start_ms]
    return max(begun, key=lambda m: m.start_ms, default=None)


# -- the table ------------------------------------------------------------------------------------


def _schema() -> Any:
    """Explicit, so that a meeting without quotes has the same columns and many meetings open as one dataset."""
    import pyarrow as pa

    kinds: dict[Any, tuple[Any, bool]] = {  # type of a column, and whether it may be empty
        str: (pa.string(), False),
        str | None: (pa.string(), True),
        int: (pa.int64(), False),
        int | None: (pa.int64(), True),
        bool: (pa.bool_(), False),
        date | None: (pa.date32(), True),
        tuple[str, ...]: (pa.list_(pa.string()), False),
    }
    fields = [pa.field(name, *kinds[kind]) for name, kind in Quote.__annotations__.items()]
    return pa.schema(fields, metadata={"schema": SCHEMA, "generator": GENERATOR})


def write_parquet(rows: Sequence[Quote], path: Path, about: Mapping[str, str] = {}) -> None:
    """Write a table of quotes. The columns are the fields of `Quote`; lists are list<string>. `about` goes into the
    file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    schema = schema.with_metadata({**schema.metadata, **about})
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")


def read_parquet(path: Path) -> tuple[Quote, ...]:
    """The quotes in such a table, which may be of an earlier version. Raises Problem where it is not one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        rows = msgspec.convert(table.to_pylist(), tuple[Quote, ...])
        if "speaker_in_captions" in table.column_names:
            return rows
        called = ((q, captions_call(q.speaker, q.person, q.role)) for q in rows)
        return tuple(msgspec.structs.replace(q, speaker_in_captions=is_called) for q, is_called in called)
    except (OSError, pa.ArrowException, msgspec.ValidationError) as e:
        raise Problem(
            f"not a readable table of quotes: {e}", where=path, fix="make it again with `onrecord run`"
        ) from e
