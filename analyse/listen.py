"""Why somebody should listen to a statement before quoting it."""

from collections.abc import Sequence

from analyse.records import Tag
from analyse.statements import Span
from transcribe import listened, repair
from transcribe.correct import UNSETTLED
from transcribe.records import SpeakerName, Transcript, Word

UNSURE_WORD = 0.5  # a recogniser's probability under this: the word may well be another
UNSURE_SHARE = 0.15  # of the words of a statement
THIN_MARGIN = 2.0  # log score by which the speaker was ahead of the next; under it another voice is nearly as likely
THIN_SHARE = 0.25
OVERLAP_SHARE = 0.2
BARELY = 0.95  # a name less likely than this was given with little to spare: under 0.9 there is none
NEXT_TO_MS = 1_000  # a gap this near may have taken a word of the sentence
UNREAD = "in another language than the codebook: not coded"  # so nobody knows whether it is on the topic
MISSING = ("partial", "untranscribed")  # words may have been said here that the transcript lacks


def reasons(span: Span, transcript: Transcript, tags: Sequence[Tag] = ()) -> tuple[str, ...]:
    """Short plain reasons of a statement; empty where nothing known speaks against quoting as it stands."""
    name = next((n for n in transcript.names if n.label == span.speaker), None)
    carrying = [w for t in tags for w in transcript.words[t.first_word : t.end_word]]
    return of_words(transcript.words[span.first_word : span.end_word], transcript, name, carrying)


def of_words(
    words: Sequence[Word], transcript: Transcript, name: SpeakerName | None, carrying: Sequence[Word] = ()
) -> tuple[str, ...]:
    """The same of any run of words that have times, said by `name`; `carrying` are words that codes rest on."""
    share = 1 / len(words)
    out = [] if listened.who(words, transcript.listened) else _wording(words, carrying)
    if sum(w.speaker_margin is not None and w.speaker_margin < THIN_MARGIN for w in words) * share >= THIN_SHARE:
        out.append("voice unsure")
    if sum(w.overlap for w in words) * share >= OVERLAP_SHARE:
        out.append("people talk at once")
    if any(w.timing == "cue" for w in words):
        captions = transcript.engine.startswith("captions")
        out.append("times from captions only" if captions else "the times of corrected words are estimated")
    return (*out, *_gaps(words, transcript), *_speaker(name))


def _wording(words: Sequence[Word], carrying: Sequence[Word]) -> list[str]:
    """Doubts of the words themselves, which somebody who listened to them has settled."""

    def unsure(word: Word) -> bool:
        return word.confidence is not None and word.confidence < UNSURE_WORD

    out = []
    if sum(map(unsure, words)) / len(words) >= UNSURE_SHARE:
        out.append("words unsure")
    elif any(map(unsure, carrying)):
        out.append("a telling word is unsure")
    made = {(w.change or "").partition(" ")[0] for w in words}
    if UNSETTLED.strip() in made:
        out.append("a correction and a new transcript differ")
    elif "correction" in made:
        out.append("words were changed by a person")
    if repair.CHANGE in made:
        out.append("a name was put right by software")
    return out


def _gaps(words: Sequence[Word], transcript: Transcript) -> list[str]:
    """What is not there, in the words' own time or right beside it."""
    start_ms, end_ms = words[0].start_ms or 0, max(w.end_ms or 0 for w in words)
    out = []
    missing = [s for s in transcript.stretches if s.kind in MISSING]
    if any(s.start_ms < end_ms and start_ms < s.end_ms for s in missing):
        out.append("some words may be missing")
    beside = [s for s in transcript.stretches if s.start_ms < end_ms + NEXT_TO_MS and start_ms - NEXT_TO_MS < s.end_ms]
    if not out and any(s.kind in MISSING for s in beside):
        out.append("what was said right next to it is not transcribed")
    if any(s.kind not in MISSING for s in beside):
        out.append("what was said right next to it is left out")
    return out


def _speaker(name: SpeakerName | None) -> list[str]:
    if name is None or name.status == "unknown":
        return ["speaker unknown"]
    if name.status == "inferred":
        barely = name.probability is not None and name.probability < BARELY
        return ["name inferred, and only barely"] if barely else ["name inferred, not confirmed"]
    return []
