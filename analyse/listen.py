"""Why somebody should listen to a statement before quoting it."""

from collections.abc import Sequence

from analyse.records import Tag
from analyse.statements import Span
from transcribe.correct import UNSETTLED
from transcribe.records import Transcript
from transcribe.spelling import CHANGE as SPELLING

UNSURE_WORD = 0.5  # a recogniser's probability under this: the word may well be another
UNSURE_SHARE = 0.15  # of the words of a statement
THIN_MARGIN = 2.0  # log score by which the speaker was ahead of the next; under it another voice is nearly as likely
THIN_SHARE = 0.25
OVERLAP_SHARE = 0.2
MISSING = ("partial", "untranscribed")  # words may have been said here that the transcript lacks


def reasons(span: Span, transcript: Transcript, tags: Sequence[Tag] = ()) -> tuple[str, ...]:
    """Short plain reasons; empty where nothing known speaks against quoting as it stands."""
    words = transcript.words[span.first_word : span.end_word]
    carrying = [w for t in tags for w in transcript.words[t.first_word : t.end_word]]
    share = 1 / len(words)
    out = []
    if sum(w.confidence is not None and w.confidence < UNSURE_WORD for w in words) * share >= UNSURE_SHARE:
        out.append("words unsure")
    elif any(w.confidence is not None and w.confidence < UNSURE_WORD for w in carrying):
        out.append("a telling word is unsure")
    if sum(w.speaker_margin is not None and w.speaker_margin < THIN_MARGIN for w in words) * share >= THIN_SHARE:
        out.append("voice unsure")
    if sum(w.overlap for w in words) * share >= OVERLAP_SHARE:
        out.append("people talk at once")
    if any(w.timing == "cue" for w in words):
        captions = transcript.engine.startswith("captions")
        out.append("times from captions only" if captions else "the times of corrected words are estimated")
    if any((w.change or "").startswith(UNSETTLED) for w in words):
        out.append("a correction and a new transcript differ")
    elif any(w.change not in (None, SPELLING) for w in words):
        out.append("words were changed")
    if any(s.start_ms < span.end_ms and span.start_ms < s.end_ms for s in transcript.stretches if s.kind in MISSING):
        out.append("some words may be missing")
    name = next((n for n in transcript.names if n.label == span.speaker), None)
    if name is None or name.status == "unknown":
        out.append("speaker unknown")
    elif name.status == "inferred":
        out.append("name inferred, not confirmed")
    return tuple(out)
