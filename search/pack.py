"""What an editor or a lawyer gets with a quotation: plain texts of what it rests on.

Everything is taken from the transcript as it stands, which holds no word of what is excluded, masked or withheld.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from search import exports
from search.cite import NOTICE, STATUS, cite, timecode
from search.clip import Clip
from search.quotes import Address, Quote
from search.styles import Citation, day
from transcribe.moments import middle
from transcribe.privacy import kept_back, shown_evidence
from transcribe.ranges import within
from transcribe.records import Meeting, Record, SpeakerName, Stretch, Transcript, Word
from transcribe.repair import repairs
from transcribe.transcript import to_webvtt


class Excerpt(Record):
    """A quotation and what stands around it, `[start_ms, end_ms)` of its meeting. `clip` is what a file beside it
    plays, or None, and `no_clip` why there is none; `what_changed` is told where it no longer says what was cited."""

    meeting: Meeting
    quote: Quote
    place: Address
    citation: Citation
    transcript: Transcript
    start_ms: int
    end_ms: int
    clip: Clip | None = None
    no_clip: str = ""
    what_changed: str = ""

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the quotation itself."""
        return _inside(self.transcript.words, self.place.start_ms, self.place.end_ms)

    @property
    def name(self) -> SpeakerName | None:
        return next((n for n in self.transcript.names if n.label == self.quote.speaker_label), None)


def _inside(words: Sequence[Word], start_ms: int, end_ms: int) -> tuple[Word, ...]:
    return tuple(w for w in words if start_ms <= middle(w) < end_ms)


def readme(excerpt: Excerpt, hashes: Sequence[tuple[str, str]]) -> str:
    """What this is, the quotation as it is cited, and each file (name, SHA-256)."""
    place = excerpt.place
    lines = ["A quotation from a meeting, and what it rests on", "", cite(excerpt.citation), ""]
    if excerpt.what_changed:
        lines += [f"THIS PLACE NO LONGER SAYS WHAT WAS CITED: {excerpt.what_changed}.", ""]
    if excerpt.quote.listen_first:
        lines += [f"Why to listen before quoting: {', '.join(excerpt.quote.listen_first)}."]
    span = f"{timecode(excerpt.start_ms)} to {timecode(excerpt.end_ms)}"
    about = {
        "clip.m4a": _played(excerpt.clip, place.start_ms) if excerpt.clip else "",
        "clip.vtt": "its words as captions, in its own times",
        "clip.json": "how it was cut, and from which files",
        "transcript.txt": f"what is said from {span} of the meeting, to read",
        "transcript.vtt": "the same as captions, in the times of the meeting",
        "evidence.txt": "how we know who speaks, what of the words was changed, and by whom",
        "provenance.json": "for programs: the recording and its hashes, the source, versions, corrections and changes",
    }
    lines += ["", "Files:", ""]
    lines += [f"{name}: {about.get(name, '')}\n  SHA-256 {sha256}" for name, sha256 in hashes]
    if excerpt.no_clip:
        lines += ["", f"There is no clip: {excerpt.no_clip}."]
    return "\n".join(lines) + "\n"


def _played(clip: Clip, start_ms: int) -> str:
    from_ms, to_ms = clip.delivered
    into_s = max(0, start_ms - from_ms) / 1000
    return f"the sound from {timecode(from_ms)} to {timecode(to_ms)}; the quotation begins {into_s:.1f} s in"


def to_txt(excerpt: Excerpt) -> str:
    """What is said in the excerpt, with the quotation set apart."""
    place, meeting = excerpt.place, excerpt.meeting
    head = [meeting.title or meeting.id, meeting.body, day(meeting.held_on) if meeting.held_on else "", NOTICE]
    parts = [
        ("", excerpt.start_ms, place.start_ms),
        (f"--- the quotation, {place} ---", place.start_ms, place.end_ms),
        ("--- after it ---", place.end_ms, excerpt.end_ms),
    ]
    lines = [*filter(None, head), ""]
    for title, start_ms, end_ms in parts:
        lines += [title, ""] if title else []
        for paragraph in exports.paragraphs(_cut(excerpt.transcript, start_ms, end_ms)):
            at = "" if paragraph.start_ms is None else f"[{timecode(paragraph.start_ms)}] "
            who = f"{exports.spoken_by(paragraph.name)}: " if paragraph.name else ""
            lines += [f"{at}{who}{paragraph.text}", ""]
    return "\n".join(lines)


def to_vtt(excerpt: Excerpt) -> str:
    """The excerpt as WebVTT, in the times of the meeting."""
    cut = _cut(excerpt.transcript, excerpt.start_ms, excerpt.end_ms)
    return to_webvtt(cut, (NOTICE, f"From {excerpt.meeting.id}, {excerpt.start_ms} ms to {excerpt.end_ms} ms."))


def _cut(transcript: Transcript, start_ms: int, end_ms: int) -> Transcript:
    """The words of a stretch of time, and what of other stretches lies in it."""
    stretches = [
        replace(s, start_ms=a, end_ms=b)
        for s in transcript.stretches
        for a, b in within([(s.start_ms, s.end_ms)], [(start_ms, end_ms)])
    ]
    return replace(transcript, words=_inside(transcript.words, start_ms, end_ms), stretches=tuple(stretches))


def left_out(excerpt: Excerpt) -> tuple[Stretch, ...]:
    """The time of the excerpt of which there are no words, or not all, and why."""
    return _cut(excerpt.transcript, excerpt.start_ms, excerpt.end_ms).stretches


# -- evidence -------------------------------------------------------------------------------------


def evidence(excerpt: Excerpt, history: Sequence[str]) -> str:
    """How we know who speaks and what is said; `history` is what people changed, a line each."""
    lines = [f"The quotation {excerpt.place}", "", "Who speaks", ""]
    lines += _of_speaker(excerpt)
    lines += ["", "The words", ""]
    lines += _of_words(excerpt)
    lines += ["", "What people changed here", "", *(history or ["Nobody changed anything."])]
    out = left_out(excerpt)
    lines += ["", "What is missing from the time around it", ""]
    lines += [*map(exports.silent, out)] or ["Nothing."]
    return "\n".join(lines) + "\n"


def _of_speaker(excerpt: Excerpt) -> list[str]:
    quote, name = excerpt.quote, excerpt.name
    status = STATUS.get(quote.speaker_status, quote.speaker_status)
    lines = [f"Shown as: {quote.speaker} ({status})", f"Voice: {quote.speaker_label or 'none of one person'}"]
    if name is None:
        return lines
    if kept_back(name.person, name.role):  # what was said of them would name them
        return [*lines, "They have no office, and so are not shown by name, nor is why we know who they are."]
    if name.probability is not None:
        lines.append(f"How likely that is, by the program's own reckoning: {name.probability:.2f}")
    if name.runner_up:
        lines.append(f"Next most likely: {name.runner_up[0]} ({name.runner_up[1]:.2f})")
    for e in sorted(shown_evidence(name), key=lambda e: -abs(e.weight)):
        if e.kind == "human":
            lines.append(f"A person, of {timecode(e.at_ms)}: {e.words}")
        else:
            way = "for" if e.weight > 0 else "against"
            lines.append(f"{timecode(e.at_ms)}, {e.kind}, {way} {e.person} by {abs(e.weight):.2f}: “{e.words}”")
    return lines


def _of_words(excerpt: Excerpt) -> list[str]:
    words, quote = excerpt.words, excerpt.quote
    lines = [f"Made by: {excerpt.transcript.engine}", f"Checked: {excerpt.citation.checked}"]
    sure = [(w.confidence, w.text) for w in words if w.confidence is not None]
    if sure:
        lines.append(f"The recogniser's own confidence: {sum(c for c, _ in sure) / len(sure):.2f} on average")
        least = ", ".join(f"“{text}” {c:.2f}" for c, text in sorted(sure)[:5])
        lines.append(f"Least sure of: {least}")
    lines += [f"“{r.written}” was heard as “{r.heard}” ({r.why})" for r in repairs(words)]
    if quote.listen_first:
        lines.append(f"Listen first: {', '.join(quote.listen_first)}")
    return lines
