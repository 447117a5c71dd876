"""Quotes: the flat rows that are indexed, exported and cited, and their permanent addresses."""

from datetime import date

from transcribe.records import Record


class Quote(Record):
    """One row of `quotes.parquet` and of every JSON answer. See `docs/formats.md`."""

    address: str  # <meeting>/<start_ms>-<end_ms>
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
    person: str | None
    role: str
    party: str
    agenda_item: str
    topic: bool
    codes: tuple[str, ...]
    stance: str | None
    stance_holder: str | None
    listen_first: tuple[str, ...]
    source_url: str
    transcript_sha256: str
