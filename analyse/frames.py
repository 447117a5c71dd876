"""A data folder as pandas tables, for researchers.

    from analyse import frames
    said = frames.statements("data")
    said[said.topic].groupby("role").duration.sum()

Six tables, each read from what `onrecord run` has finished, in the order of meetings and then of time:

    meetings     one row per meeting
    statements   one row per quote: words, place in time, who said it and how we know, codes, stance
    tags         one row per code of a statement, with the words that carry it and the tagger that gave it
    topics       one row per stretch of a meeting about the codebook's topic
    words        one row per word of the transcript
    speakers     one row per voice of a meeting

Their columns and types are in `COLUMNS`, the same where a folder holds nothing yet. Times are whole milliseconds on
the meeting's timeline, `[start_ms, end_ms)`, since addresses are made of them; `duration` is their difference as
a timedelta, to be added up. What may not be heard or read (exempt business, masked words) is in none of the tables.

This module reads the documented files of a data folder (docs/formats.md) and knows nothing else of how it is laid out.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import pandas as pd

from analyse.records import Statements
from transcribe.documents import load
from transcribe.problem import Problem
from transcribe.records import Record, Recording, Transcript

TEXT: Final = "string"
COUNT: Final = "int64"
MAYBE: Final = "Int64"  # a whole number, or none
SHARE: Final = "Float64"  # 0 to 1, or none
YES: Final = "bool"
DATE: Final = "datetime64[s]"
SPAN: Final = "timedelta64[ms]"
_PLACE = {"start_ms": COUNT, "end_ms": COUNT, "duration": SPAN}
_WHO = {"speaker": TEXT, "speaker_status": TEXT, "person": TEXT, "role": TEXT, "party": TEXT}
COLUMNS: dict[str, dict[str, str]] = {
    "meetings": {
        "meeting": TEXT,
        "title": TEXT,
        "body": TEXT,
        "held_on": DATE,
        "duration": SPAN,
        "language": TEXT,
        "n_words": COUNT,
        "n_statements": COUNT,
        "n_on_topic": COUNT,
        "engine": TEXT,  # what heard it
        "codebook": TEXT,
        "tagger": TEXT,
    },
    "statements": {
        "meeting": TEXT,
        "address": TEXT,
        "title": TEXT,
        "body": TEXT,
        "held_on": DATE,
        **_PLACE,
        "text": TEXT,
        "language": TEXT,  # code of the one that it is said in
        **_WHO,
        "agenda_item": TEXT,
        "topic": YES,
        "codes": "object",  # a list of them
        "stance": TEXT,
        "stance_holder": TEXT,  # "speaker" or "reported"
        "own_stance": TEXT,  # the stance where the speaker holds it, else none: count only this as theirs
        "listen_first": "object",  # reasons to listen before quoting
    },
    "tags": {
        "meeting": TEXT,
        "address": TEXT,
        **_PLACE,
        "code": TEXT,
        "score": SHARE,  # a weight of the tagger's, no probability
        "words": TEXT,  # that carry the code
        "tagger": TEXT,
        "codebook": TEXT,
        **_WHO,
        "own_stance": TEXT,
    },
    "topics": {"meeting": TEXT, **_PLACE, "agenda_item": TEXT, "n_statements": COUNT},
    "words": {
        "meeting": TEXT,
        "word": COUNT,  # its number in the transcript
        "text": TEXT,
        "start_ms": MAYBE,  # none where its time is not known
        "end_ms": MAYBE,
        "confidence": SHARE,  # the recogniser's own, where it gives one
        "speaker_label": TEXT,
        "speaker": TEXT,
        "overlap": YES,  # people talk at once
        "change": TEXT,  # how it was changed since it was heard
    },
    "speakers": {
        "meeting": TEXT,
        "speaker_label": TEXT,
        **_WHO,
        "probability": SHARE,
        "duration": SPAN,  # of their turns
        "n_statements": COUNT,
        "n_on_topic": COUNT,
        "on_topic": SPAN,  # of their statements on the topic
    },
}
Data = str | Path
R = TypeVar("R", bound=Record)


def meetings(data: Data = "data") -> pd.DataFrame:
    """One row per meeting that has a transcript."""
    rows = []
    for folder in _folders(data):
        recording = _read(folder / "recording.json", Recording, "recording/1")
        transcript = _read(folder / "transcript.json", Transcript, "transcript/2")
        made = _read(folder / "statements.json", Statements, "statements/2")
        if recording is None or transcript is None:
            continue
        quotes = _quotes(folder)
        head: dict[Any, Any] = quotes[["title", "body", "held_on"]].iloc[0].to_dict() if len(quotes) else {}
        rows.append(
            head
            | {
                "meeting": folder.name,
                "duration": recording.duration_ms,
                "language": transcript.language,
                "n_words": len(transcript.words),
                "n_statements": len(quotes),
                "n_on_topic": int(quotes["topic"].sum()),
                "engine": transcript.engine,
                "codebook": made.codebook if made else None,
                "tagger": made.tagger if made else None,
            }
        )
    return _table("meetings", rows)


def statements(data: Data = "data") -> pd.DataFrame:
    """One row per statement that has a place in time: the corpus of quotes."""
    tables = [_quotes(folder) for folder in _folders(data)]
    return pd.concat(tables, ignore_index=True) if tables else _table("statements", [])


def tags(data: Data = "data") -> pd.DataFrame:
    """One row per code of a statement. A statement with two codes has two rows, one without has none."""
    rows = []
    for folder in _folders(data):
        made = _read(folder / "statements.json", Statements, "statements/2")
        transcript = _read(folder / "transcript.json", Transcript, "transcript/2")
        if made is None or transcript is None:
            continue
        kept = ["address", "start_ms", "end_ms", "own_stance", *_WHO]
        found: list[dict[Any, Any]] = _quotes(folder)[kept].to_dict("records")
        of_quotes = {q["start_ms"]: q for q in found}
        for statement in made.statements:
            for tag in statement.tags:
                if quote := of_quotes.get(statement.start_ms):
                    said = " ".join(w.text for w in transcript.words[tag.first_word : tag.end_word])
                    own = {"code": tag.code, "score": tag.score, "words": said, "tagger": tag.tagger}
                    rows.append({"meeting": folder.name, "codebook": tag.codebook, **quote, **own})
    return _table("tags", rows)


def topics(data: Data = "data") -> pd.DataFrame:
    """One row per stretch of a meeting about the codebook's topic, for a timeline."""
    rows = [
        {
            "meeting": folder.name,
            "start_ms": stretch.start_ms,
            "end_ms": stretch.end_ms,
            "agenda_item": stretch.title,
            "n_statements": stretch.n_statements,
        }
        for folder in _folders(data)
        if (made := _read(folder / "statements.json", Statements, "statements/2"))
        for stretch in made.topics
    ]
    return _table("topics", rows)


def words(data: Data = "data") -> pd.DataFrame:
    """One row per word of the transcripts, as they are read: corrected, and without what is hidden."""
    rows = []
    for folder in _folders(data):
        transcript = _read(folder / "transcript.json", Transcript, "transcript/2")
        if transcript is None:
            continue
        names = {n.label: n.display for n in transcript.names}
        rows += [
            {
                "meeting": folder.name,
                "word": n,
                "text": w.text,
                "start_ms": w.start_ms,
                "end_ms": w.end_ms,
                "confidence": w.confidence,
                "speaker_label": w.speaker,
                "speaker": names.get(w.speaker) if w.speaker else None,
                "overlap": w.overlap,
                "change": w.change,
            }
            for n, w in enumerate(transcript.words)
        ]
    return _table("words", rows)


def speakers(data: Data = "data") -> pd.DataFrame:
    """One row per voice of a meeting. `speaker_status` says how sure the name is: confirmed, inferred or unknown."""
    rows = []
    for folder in _folders(data):
        transcript = _read(folder / "transcript.json", Transcript, "transcript/2")
        if transcript is None:
            continue
        quotes = _quotes(folder, keep="speaker_label")
        for name in transcript.names:
            own = quotes[quotes["speaker_label"] == name.label]
            about = own[own["topic"]]
            turns = (t.end_ms - t.start_ms for t in transcript.turns if t.exclusive and t.speaker == name.label)
            rows.append(
                {
                    "meeting": folder.name,
                    "speaker_label": name.label,
                    "speaker": name.display,
                    "speaker_status": name.status,
                    "person": name.person,
                    "role": name.role,
                    "party": name.party,
                    "probability": name.probability,
                    "duration": sum(turns),
                    "n_statements": len(own),
                    "n_on_topic": len(about),
                    "on_topic": int((about["end_ms"] - about["start_ms"]).sum()),
                }
            )
    return _table("speakers", rows)


# -- files ---------------------------------------------------------------------------------------------------


def _folders(data: Data) -> Iterator[Path]:
    """The folders of the meetings that have been run, by id. Raises Problem where there is no data folder."""
    made = Path(data) / "processed"
    if not made.is_dir():
        raise Problem(
            "there is no data folder that has been run", where=made, fix="name it, or run `onrecord run` over it first"
        )
    yield from sorted(p.parent for p in made.glob("*/recording.json"))


def _read(path: Path, kind: type[R], schema: str) -> R | None:
    """A finished file, None where there is none yet. Raises Problem where it cannot be read."""
    try:
        return load(path.read_bytes(), kind, schema, where=path)
    except FileNotFoundError:
        return None


def _quotes(folder: Path, *, keep: str = "") -> pd.DataFrame:
    """The table of one meeting's statements; `keep` is a column of the file that it should have besides."""
    path = folder / "quotes.parquet"
    if not path.is_file():
        return _table("statements", []).assign(**{keep: pd.Series(dtype=TEXT)} if keep else {})
    try:
        found = pd.read_parquet(path)
        found["own_stance"] = found["stance"].where(found["stance_holder"] == "speaker")
        for column in ("codes", "listen_first"):
            found[column] = [list(items) for items in found[column]]
        return _typed("statements", found).assign(**{keep: found[keep].astype(TEXT)} if keep else {})
    except (OSError, ValueError, KeyError) as e:  # pyarrow's own errors are ValueErrors
        raise Problem(
            f"not a readable table of quotes: {e}", where=path, fix="make it again with `onrecord run`"
        ) from e


def _table(name: str, rows: Iterable[dict[Any, Any]]) -> pd.DataFrame:
    return _typed(name, pd.DataFrame([*rows]))


def _typed(name: str, found: pd.DataFrame) -> pd.DataFrame:
    """The columns of this table in their order and types; durations come of their times, or are given in ms."""
    columns = COLUMNS[name]
    table = found.reindex(columns=list(columns))
    if {"start_ms", "duration"} <= columns.keys():
        table["duration"] = table["end_ms"] - table["start_ms"]
    for column, kind in columns.items():
        if kind == SPAN:
            table[column] = pd.to_timedelta(table[column].astype("int64"), unit="ms").astype(SPAN)
        elif kind == DATE:
            table[column] = pd.to_datetime(table[column]).astype(DATE)
    return table.astype({c: kind for c, kind in columns.items() if kind not in (SPAN, DATE)})
