"""Citing a quote: the words, who said them and how we know, where to listen, and what stands around."""

from collections.abc import Sequence
from itertools import groupby
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from search.quotes import Address, Quote, check_of, resolve, speaker_name
from transcribe import listened
from transcribe.problem import Problem
from transcribe.records import Record, Transcript, Word, text_of
from transcribe.transcript import NOTICE as NOTICE

STATUS = {
    "confirmed": "confirmed",
    "inferred": "named by software, not checked",
    "unknown": "unknown speaker",
}
STYLES = ("plain",)


def timecode(ms: int) -> str:
    """As a player shows it: whole seconds, rounded down.

    >>> timecode(3_725_900)
    '1:02:05'
    """
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def link(quote: Quote) -> str:
    """Where the public can hear this quote, starting no later than it does; empty where nobody can.

    YouTube takes whole seconds (`t=123s`; `start=123` when embedded), Vimeo a fragment (`#t=123s`), everything else a
    W3C media fragment (`#t=123.4`). An address that has a fragment of its own, as some players' pages do, is
    left alone: adding to it would break it.
    """
    if quote.source_start_ms is None:
        return ""
    try:
        parts = urlsplit(quote.source_url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    seconds = quote.source_start_ms // 1000
    if _is(host, "youtube.com", "youtube-nocookie.com", "youtu.be"):
        name, value = ("start", f"{seconds}") if parts.path.startswith("/embed/") else ("t", f"{seconds}s")
        query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in ("t", "start")]
        return urlunsplit(parts._replace(query=urlencode([*query, (name, value)]), fragment=""))
    if parts.fragment and not parts.fragment.startswith("t="):
        return quote.source_url
    if _is(host, "vimeo.com"):
        return urlunsplit(parts._replace(fragment=f"t={seconds}s"))
    tenth = quote.source_start_ms // 100 % 10
    return urlunsplit(parts._replace(fragment=f"t={seconds}" + (f".{tenth}" if tenth else "")))


def _is(host: str, *names: str) -> bool:
    return any(host == name or host.endswith("." + name) for name in names)


def who(quote: Quote) -> str:
    """The speaker with how we know: nobody reads a name here without it.

    An unknown speaker is that already; a name that captions give, and nobody answers to, is said to be just that.
    """
    if quote.speaker_status == "unknown":
        plain = quote.speaker.casefold().startswith(("unknown", "several", "member of the public"))
        return quote.speaker if plain else f"{quote.speaker} (not matched to a person)"
    role = f", {quote.role}" if quote.role and quote.role.casefold() not in quote.speaker.casefold() else ""
    return f"{quote.speaker}{role} ({STATUS.get(quote.speaker_status, quote.speaker_status)})"


def cite(quote: Quote, style: str = "plain") -> str:
    """The quote as text that stands by itself. Raises Problem for a style that is not known."""
    if style not in STYLES:
        raise Problem(f"there is no citation style {style!r}", fix=f"use one of: {', '.join(STYLES)}")
    held_on = f"{quote.held_on.day} {quote.held_on:%B %Y}" if quote.held_on else ""
    place = [quote.title or quote.meeting, quote.body, held_on, f"at {timecode(quote.start_ms)}"]
    lines = [
        f"{who(quote)}: “{quote.text}”",
        ", ".join(part for part in place if part),
        link(quote),
        quote.cited,
        NOTICE,
    ]
    return "\n".join(line for line in lines if line)


# -- a quote and what stands around it ------------------------------------------------------------


class Said(Record):
    """What one voice said in a row."""

    address: str
    start_ms: int
    end_ms: int
    speaker: str
    speaker_status: str
    text: str


class Passage(Record):
    """A place in time as it now reads, with the turns around it.

    `changed` says whether wording or speaker differ from what was cited; None where the address carries no check.
    """

    quote: Quote
    before: tuple[Said, ...]
    after: tuple[Said, ...]
    changed: bool | None = None


def around(address: Address, rows: Sequence[Quote], transcript: Transcript, n_turns: int = 2) -> Passage:
    """What is said at an address, whole statement or not, with `n_turns` turns on either side.

    `rows` are the meeting's quotes in order. Raises Problem where nothing is said at that place.
    """
    words = resolve(address, transcript)
    touched = [row for row in rows if row.start_ms < address.end_ms and address.start_ms < row.end_ms]
    if not words or not touched:
        raise Problem(
            f"nothing is said at {address}",
            fix="search for the words, and copy their address",
        )
    same = [row for row in touched if (row.start_ms, row.end_ms) == (address.start_ms, address.end_ms)]
    quote = same[0] if same else _at(address, touched, words, transcript)
    return Passage(
        quote=quote,
        before=_turns([row for row in rows if row.end_ms <= address.start_ms])[-n_turns:] if n_turns else (),
        after=_turns([row for row in rows if row.start_ms >= address.end_ms])[:n_turns],
        changed=quote.check != address.check if address.check else None,
    )


def _at(address: Address, touched: Sequence[Quote], words: Sequence[Word], transcript: Transcript) -> Quote:
    """The row for any stretch of words: that of the statement it mostly lies in, with its own words and speaker.

    What a statement was coded with holds for the whole of it, so a part of several takes what any of them has.
    """
    text, labels = text_of(words), {w.speaker for w in words}
    most = max(touched, key=lambda row: min(row.end_ms, address.end_ms) - max(row.start_ms, address.start_ms))
    if len(labels) == 1:
        name = speaker_name(next(iter(labels)), transcript.names)
    else:  # nobody is given the words of two
        name = speaker_name(None, ())
        if len(labels - {None}) > 1:
            name = replace(name, display="several speakers")
    shift_ms = address.start_ms - most.start_ms
    return replace(
        most,
        address=str(replace(address, check="")),
        check=check_of(transcript.recording_sha256, text, name.person),
        start_ms=address.start_ms,
        end_ms=address.end_ms,
        text=text,
        speaker_label=name.label or None,
        speaker=name.display,
        speaker_status=name.status,
        person=name.person,
        role=name.role,
        party=name.party,
        topic=any(row.topic for row in touched),
        codes=tuple(dict.fromkeys(code for row in touched for code in row.codes)),
        listen_first=tuple(dict.fromkeys(reason for row in touched for reason in row.listen_first)),
        listened_by=listened.who(words, transcript.listened),
        source_start_ms=None if most.source_start_ms is None else max(0, most.source_start_ms + shift_ms),
    )


def _turns(rows: Sequence[Quote]) -> tuple[Said, ...]:
    said = []
    for _, group in groupby(rows, key=lambda row: row.speaker_label):
        run = list(group)
        first, last = run[0], run[-1]
        said.append(
            Said(
                address=str(Address(meeting=first.meeting, start_ms=first.start_ms, end_ms=last.end_ms)),
                start_ms=first.start_ms,
                end_ms=last.end_ms,
                speaker=first.speaker,
                speaker_status=first.speaker_status,
                text=" ".join(row.text for row in run),
            )
        )
    return tuple(said)
