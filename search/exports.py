"""A meeting in formats that others read: captions, chapters and transcripts. Each says what it is and of what it was
made.

Words are those of the transcript as it stands: what is excluded or masked is not in it, and a member of the public is
called so there.
"""

import textwrap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate, groupby
from typing import Any

import msgspec

from analyse.records import PlacedItem
from search.cite import STATUS, timecode
from search.quotes import speaker_name
from search.styles import day
from transcribe.documents import GENERATOR
from transcribe.moments import middle
from transcribe.problem import Problem
from transcribe.records import Meeting, Record, SpeakerName, Stretch, Transcript, Word, text_of
from transcribe.transcript import NOTICE, cue_text, cues, in_its_language, to_webvtt

LINE_LETTERS, N_LINES = 42, 2  # of a caption that is to be read while listening
LETTERS_PER_S = 17  # how fast people read
SHORTEST_MS, GAP_MS = 1000, 80
PARAGRAPH_WORDS = 120
N_CHAPTERS, CHAPTER_MS = 3, 10_000  # players show no fewer, and none that is shorter
STRETCHES = {
    "untranscribed": "speech we could not make out",
    "partial": "not all of it transcribed",
    "excluded": "not part of the public record",
    "masked": "personal details hidden",
    "withheld": "withheld for now",
}


def silent(stretch: Stretch) -> str:
    """Why there are no words from one time to another, for people."""
    span = f"{timecode(stretch.start_ms)} to {timecode(stretch.end_ms)}"
    return f"{span}: {STRETCHES[stretch.kind]}" + (f" ({stretch.reason})" if stretch.reason else "")


class Source(Record):
    """What an export is made from: a meeting, its transcript, the SHA-256 of the file that this was read from and when
    that was made, and the agenda with the times at which its items were opened."""

    meeting: Meeting
    transcript: Transcript
    transcript_sha256: str
    made_at: datetime | None = None
    items: tuple[PlacedItem, ...] = ()

    @property
    def notes(self) -> tuple[str, str]:
        """What every export says of itself."""
        return NOTICE, f"Made by {GENERATOR} from {self.meeting.id}, transcript {self.transcript_sha256}."


# -- captions -------------------------------------------------------------------------------------


def to_vtt(source: Source) -> str:
    """WebVTT with `<v Name>`, every word once."""
    return to_webvtt(source.transcript, source.notes)


def to_srt(source: Source) -> str:
    """SubRip, which has no place for voices, nor for comments: the last cue says what it is."""
    shown = [(*_span(cue), cue_text(text_of(cue))) for cue in cues(source.transcript)]
    end_ms = max((end for _, end, _ in shown), default=0)
    shown.append((end_ms + GAP_MS, end_ms + GAP_MS + 4 * SHORTEST_MS, "\n".join(source.notes)))
    return "\n".join(
        f"{n}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n" for n, (start, end, text) in enumerate(shown, 1)
    )


def to_captions(source: Source) -> str:
    """WebVTT to be read while listening: two lines of 42 letters at most, long enough to be read where there is time,
    and only names that a person confirmed."""
    names = {n.label: n for n in source.transcript.names}
    head = [*source.notes, _checked(source.transcript)]
    parts = ["WEBVTT", *(f"NOTE {line}" for line in head)]
    shown = list(_readable(source.transcript))
    before: str | None = None
    for i, (cue, lines) in enumerate(shown):
        start_ms, end_ms = _span(cue)
        wanted_ms = start_ms + max(SHORTEST_MS, 1000 * sum(map(len, lines)) // LETTERS_PER_S)
        limit_ms = _span(shown[i + 1][0])[0] - GAP_MS if i + 1 < len(shown) else wanted_ms
        name = names.get(cue[0].speaker or "")
        label = name.label if name else None
        # A dash is how captions say that somebody else goes on.
        voice = f"<v {_escape(name.display)}>" if name and name.status == "confirmed" else ""
        dash = "- " if before is not None and label != before and not voice else ""
        text = "\n".join(_escape(line if dash and n == 0 else cue_text(line)) for n, line in enumerate(lines))
        text = in_its_language(text, cue[0], source.transcript)
        parts.append(f"{_clock(start_ms)} --> {_clock(max(end_ms, min(wanted_ms, limit_ms)))}\n{voice}{dash}{text}")
        before = label or ""
    return "\n\n".join(parts) + "\n"


def _checked(transcript: Transcript) -> str:
    """How much of it a person vouches for: by having listened to it, or by having put it right."""
    heard = [(part.start_ms, part.end_ms) for part in transcript.listened]
    n = sum(
        "correction " in (w.change or "") or (w.start_ms is not None and any(a <= middle(w) < b for a, b in heard))
        for w in transcript.words
    )
    return f"Words checked by a person: {100 * n / max(1, len(transcript.words)):.1f} %."


def _readable(transcript: Transcript) -> Iterator[tuple[Sequence[Word], list[str]]]:
    """Cues of at most two lines, each with its lines; a word that is longer than a line stands alone."""
    for cue in cues(transcript):
        yield from _halved(cue)


def _halved(cue: Sequence[Word]) -> Iterator[tuple[Sequence[Word], list[str]]]:
    """A cue, or what it falls into: parted near its middle, where it can be behind a comma or a full stop."""
    lines = _lines(cue)
    if len(lines) <= N_LINES or len(cue) == 1:
        yield cue, lines
        return
    ends = list(accumulate(len(w.text) + 1 for w in cue))
    cuts = range(1, len(cue))
    n = min(
        cuts, key=lambda i: abs(ends[i - 1] - ends[-1] / 2) - (LINE_LETTERS / 2) * (cue[i - 1].text[-1] in ".,?!;:")
    )
    yield from _halved(cue[:n])
    yield from _halved(cue[n:])


def _lines(words: Sequence[Word]) -> list[str]:
    return textwrap.wrap(text_of(words), LINE_LETTERS - 2, break_long_words=False, break_on_hyphens=False) or [""]


def _span(cue: Sequence[Word]) -> tuple[int, int]:
    timed = [w for w in cue if w.start_ms is not None and w.end_ms is not None]
    start_ms = timed[0].start_ms or 0 if timed else 0
    return start_ms, max([start_ms + 1, *(w.end_ms or 0 for w in timed)])


def _clock(ms: int, point: str = ".") -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# -- transcripts ----------------------------------------------------------------------------------


class Paragraph(Record):
    """What one voice said in a row, or a stretch without words; of the latter `name` is None."""

    start_ms: int | None
    name: SpeakerName | None
    text: str


class Section(Record):
    """What was said under one item of the agenda. `title` is empty where nobody knows under which."""

    title: str
    paragraphs: tuple[Paragraph, ...]


def sections(source: Source) -> list[Section]:
    """A transcript to be read, parted where items of the agenda were opened."""
    placed = [item for item in source.items if item.start_ms is not None and item.end_ms is not None]
    placed.sort(key=lambda item: item.start_ms or 0)
    ends = sorted({at for item in placed for at in (item.start_ms, item.end_ms) if at is not None})
    titles: list[tuple[str, Paragraph]] = []
    for paragraph in paragraphs(source.transcript, ends):
        at_ms = paragraph.start_ms
        if at_ms is None:  # stays with what it follows
            title = titles[-1][0] if titles else ""
        else:
            under = [i for i in placed if (i.start_ms or 0) <= at_ms < (i.end_ms or 0)]
            title = item_title(under[-1]) if under else ""
        titles.append((title, paragraph))
    return [
        Section(title=title, paragraphs=tuple(p for _, p in group))
        for title, group in groupby(titles, key=lambda each: each[0])
    ]


def paragraphs(transcript: Transcript, ends: Sequence[int] = ()) -> list[Paragraph]:
    """A transcript to be read: a paragraph for each voice that speaks, long ones parted where a sentence ends.

    None goes on past one of `ends`, nor over a stretch of which there are no words.
    """
    ends = sorted({*ends, *(s.start_ms for s in transcript.stretches)})
    said: list[Paragraph] = []
    at_ms, keyed_words = 0, []
    for word in transcript.words:
        at_ms = at_ms if word.start_ms is None else word.start_ms
        keyed_words.append(((word.speaker, bisect_right(ends, at_ms)), word))
    for (speaker, _), group in groupby(keyed_words, key=lambda each: each[0]):
        name = speaker_name(speaker, transcript.names)
        runs = _parted([word for _, word in group])
        said += [Paragraph(start_ms=run[0].start_ms, name=name, text=text_of(run)) for run in runs]
    said += [_silent(stretch) for stretch in transcript.stretches]
    # What has no time stays behind what it follows.
    at_ms, keyed = 0, []
    for n, paragraph in enumerate(said):
        at_ms = at_ms if paragraph.start_ms is None else paragraph.start_ms
        keyed.append((at_ms, n, paragraph))
    return [paragraph for _, _, paragraph in sorted(keyed, key=lambda k: k[:2])]


def _parted(run: Sequence[Word]) -> Iterator[Sequence[Word]]:
    first = 0
    for i, word in enumerate(run, 1):
        if i == len(run) or (i - first >= PARAGRAPH_WORDS and word.text.rstrip("\"'”’)")[-1:] in (".", "?", "!")):
            yield run[first:i]
            first = i


def _silent(stretch: Stretch) -> Paragraph:
    to = timecode(stretch.end_ms)
    return Paragraph(start_ms=stretch.start_ms, name=None, text=f"[to {to}: {STRETCHES[stretch.kind]}]")


def heading(source: Source) -> list[str]:
    """The lines that a transcript begins with."""
    meeting = source.meeting
    held_on = day(meeting.held_on) if meeting.held_on else ""
    return [line for line in (meeting.title or meeting.id, meeting.body, held_on, *source.notes) if line]


def spoken_by(name: SpeakerName) -> str:
    """A speaker with how we know, for print."""
    return name.display if name.status == "unknown" else f"{name.display} ({STATUS[name.status]})"


def to_txt(source: Source) -> str:
    """A transcript in plain text, for minutes or notes."""
    lines = [*heading(source), ""]
    for section in sections(source):
        if section.title:
            lines += [section.title, "-" * min(len(section.title), 80), ""]
        for paragraph in section.paragraphs:
            at = "" if paragraph.start_ms is None else f"[{timecode(paragraph.start_ms)}] "
            who = f"{spoken_by(paragraph.name)}: " if paragraph.name else ""
            lines += [f"{at}{who}{paragraph.text}", ""]
    if unopened := not_opened(source.items):
        lines += [unopened, ""]
    return "\n".join(lines)


def item_title(item: PlacedItem) -> str:
    """
    >>> item_title(PlacedItem(item=5, title="Live facial  recognition"))
    '5. Live facial recognition'
    """
    return " ".join(f"{item.item}. {item.title}".split())


def not_opened(items: Sequence[PlacedItem]) -> str:
    """Which items of the agenda nobody was heard to open; empty where there are none."""
    titles = [item_title(item) for item in items if item.start_ms is None]
    return f"On the agenda, and not heard to be opened: {'; '.join(titles)}." if titles else ""


def to_chapters(source: Source) -> str:
    """A chapter for each item of the agenda that was heard to be opened, as the description of a video lists them:
    the first at 0:00, in order, each long enough for players to show.

    Items that follow each other sooner share a chapter. Raises Problem where players would show none.
    """
    last_ms = max((w.end_ms or 0 for w in source.transcript.words), default=0)
    shift_ms = round(1000 * source.meeting.source_offset_s)
    placed = sorted((i.start_ms, n, item_title(i)) for n, i in enumerate(source.items) if i.start_ms is not None)
    chapters: list[tuple[int, list[str]]] = [(0, [])]
    for start_ms, _, title in placed:
        at_ms = max(0, start_ms + shift_ms) // 1000 * 1000
        if at_ms - chapters[-1][0] >= CHAPTER_MS and last_ms + shift_ms - at_ms >= CHAPTER_MS:
            chapters.append((at_ms, []))
        chapters[-1][1].append(title)
    if len(chapters) < N_CHAPTERS:
        raise Problem(
            f"too few chapters for a video: {len(placed)} of {len(source.items)} items of the agenda were heard to be "
            f"opened, and players show chapters where there are {N_CHAPTERS} or more",
            where=source.meeting.id,
            fix="list the agenda in meeting.toml as [[agenda]] with item and title, then `onrecord run`",
        )
    lines = [f"{_player_time(at_ms)} {_of_chapter(titles)}" for at_ms, titles in chapters]
    return "\n".join([*lines, "", *filter(None, [not_opened(source.items)]), *source.notes, ""])


def _of_chapter(titles: Sequence[str]) -> str:
    # A description with angle brackets in it is refused.
    return "; ".join(titles).replace("<", "(").replace(">", ")") or "Start of the recording"


def _player_time(ms: int) -> str:
    text = timecode(ms)
    return text.removeprefix("0:").removeprefix("0") if ms < 600_000 else text.removeprefix("0:")


def to_cdp(source: Source) -> str:
    """The transcript format of the Council Data Project, whose tools and ours read it."""
    transcript = source.transcript
    numbers = {name.label: n for n, name in enumerate(transcript.names)}
    held_on = source.meeting.held_on
    body = {
        "generator": " ".join(source.notes),
        "confidence": _mean(transcript.words),
        "session_datetime": held_on.isoformat() if held_on else None,
        "created_datetime": source.made_at.isoformat() if source.made_at else None,
        "sentences": [_sentence(n, cue, transcript.names, numbers) for n, cue in enumerate(cues(transcript)) if cue],
        "annotations": None,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=1).decode() + "\n"


def _sentence(n: int, cue: Sequence[Word], names: Iterable[SpeakerName], numbers: dict[str, int]) -> dict[str, Any]:
    start_ms, end_ms = _span(cue)
    speaker = cue[0].speaker
    shown = speaker_name(speaker, names).display if speaker else None  # `speaker` to earlier versions of its tools
    return {
        "index": n,
        "confidence": _mean(cue),
        "start_time": start_ms / 1000,
        "end_time": end_ms / 1000,
        "words": [
            {
                "index": i,
                "start_time": _seconds(w.start_ms),
                "end_time": _seconds(w.end_ms),
                "text": w.text,
                "annotations": None,
            }
            for i, w in enumerate(cue)
        ],
        "text": text_of(cue),
        "speaker": shown,
        "speaker_index": numbers.get(speaker or ""),
        "speaker_name": shown,
        "annotations": None,
    }


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def _mean(words: Sequence[Word]) -> float | None:
    """How sure the recogniser was; None where it did not say so of every word."""
    sure = [w.confidence for w in words if w.confidence is not None]
    return round(sum(sure) / len(sure), 3) if sure and len(sure) == len(words) else None
