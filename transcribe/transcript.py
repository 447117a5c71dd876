"""Words, turns and people put together: the transcript of a meeting, and its WebVTT."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile

import msgspec

from transcribe import correct, coverage, listened, name, privacy, repair, said_by, spelling
from transcribe.attribute import attribute
from transcribe.captions import turns_of
from transcribe.correct import Correction
from transcribe.moments import languages, middle
from transcribe.problem import Problem
from transcribe.ranges import without
from transcribe.records import (
    Meeting,
    Recording,
    SpeakerName,
    Stretch,
    Transcript,
    Turn,
    Turns,
    Word,
    Words,
    check_words,
    is_english,
    language_code,
    text_of,
)
from transcribe.timedtext import DASHES

LEAST_MARGIN = 3.0  # log-odds: a voice is given to a word at twenty to one or better
CUE_LETTERS, CUE_MS, CUE_PAUSE_MS = 84, 7000, 1500  # two lines of 42, as captions are usually made


def assemble(
    words: Words,
    turns: Turns,
    meeting: Meeting,
    recording: Recording,
    *,
    hidden: Sequence[Stretch] = (),
    unheard: Sequence[tuple[int, int]] = (),
    corrections: Sequence[Correction] = (),
) -> Transcript:
    """Who said what, when, with names repaired, British spelling for British meetings, and, over both, what people
    corrected. Hidden stretches hold no words and no turns; those that nobody has listened to yet are said to be so.
    Nobody without an office is named, unless they want to be.

    Voices that captions name are kept as labels where captions gave the turns too; beside a diariser's turns they
    count as evidence for names instead. Raises Problem where words, turns and recording do not belong together.
    """
    for kind, sha256 in (("words", words.recording_sha256), ("turns", turns.recording_sha256)):
        if sha256 != recording.sha256:
            raise Problem(
                f"the {kind} were made from another version of this recording",
                where=meeting.folder,
                fix=f"make them again: onrecord run {meeting.id}",
            )
    silence = correct.silence(hidden)
    spoken = correct.put_right(
        words_outside(words.words, silence), corrections, silence, by_the_program(words, meeting)
    )
    spoken = words_outside(spoken, silence)  # of what people wrote, too
    voiced = turns.turns
    if turns.engine.startswith("captions") and any(w.timing == "aligned" for w in words.words):
        voiced = turns_of(words.words)  # the words are no longer where the cues are
    heard = turns_outside(voiced, silence)
    if not heard or turns.engine.startswith("captions"):
        attributed = attribute(spoken, heard)
        if words.engine.startswith("captions"):  # whom they do not name is not whoever spoke just before
            attributed = tuple(
                msgspec.structs.replace(w, speaker=own.speaker, speaker_margin=own.speaker_margin)
                for w, own in zip(attributed, spoken, strict=True)
            )
        voices = {w.speaker: w.speaker for w in attributed if w.speaker is not None}
    else:
        bare = [msgspec.structs.replace(w, speaker=None) if w.speaker is not None else w for w in spoken]
        attributed = attribute(bare, heard)
        voices = name.captioned(attributed, [w.speaker for w in spoken])
    try:
        check_words(attributed, recording.duration_ms)
    except ValueError as e:
        raise Problem(str(e), where=meeting.folder, fix=f"make the words again: onrecord run {meeting.id}") from e
    given, parted, names_given = said_by.spoken_by(attributed, heard, corrections, meeting.people)
    said = _with_their_place(tuple(map(_if_sure, given)), corrections)
    stands = said_by.standing(said, corrections, meeting.people)
    confirmed, rejected = said_by.decided(stands, meeting.people)
    names = name.name(
        said_by.untouched(attributed, given),
        heard,
        meeting.people,
        voices=voices,
        confirmed=confirmed,
        rejected=rejected,
        hints=said_by.hints(attributed, given),
    )
    stretches = _stretches([*words.stretches, *hidden], without(unheard, silence), recording.duration_ms)
    said, parted, names = privacy.unnamed(said, parted, (*said_by.signed(names, stands), *names_given), meeting.people)
    return Transcript(
        recording_sha256=recording.sha256,
        language=_main(words, meeting),
        engine=f"{words.engine} + {turns.engine}",
        words=said,
        turns=parted,
        stretches=stretches,
        passages=words.passages,
        names=names,
        coverage=coverage.measure(
            said, stretches, speech=words.speech, duration_ms=recording.duration_ms, passages=words.passages
        ),
        listened=listened.still(said, corrections),
    )


def by_the_program(words: Words, meeting: Meeting) -> Callable[[Sequence[Word]], tuple[Word, ...]]:
    """What the program puts right by itself in the words of a meeting, as a function of them."""
    published = words.engine.startswith("captions")  # and spelled as somebody wanted them
    british = not published and spelling.is_british(meeting, words.language)
    told = partial(languages, main=_main(words, meeting), passages=words.passages)
    return partial(_put_right, meeting=meeting, told=told, british=british)


def _main(words: Words, meeting: Meeting) -> str:
    """The main language of a meeting. Captions often name none."""
    return words.language or meeting.language


def _put_right(
    words: Sequence[Word], meeting: Meeting, told: Callable[[Sequence[Word]], list[str]], british: bool
) -> tuple[Word, ...]:
    """Words with names repaired, and English in `british` spelling; what was changed before stays."""
    repaired = repair.repaired(words, meeting.people, meeting.vocabulary, languages=told(words))
    if not british:
        return repaired
    names = [name for p in meeting.people for name in (p.name, *p.aliases)]
    spelt = spelling.respelled(repaired, [*meeting.vocabulary, *names])
    return tuple(new if is_english(x) else old for old, new, x in zip(repaired, spelt, told(repaired), strict=True))


def _if_sure(word: Word) -> Word:
    """A word whose voice is nearly a toss-up is nobody's: unknown before a guess."""
    if word.speaker_margin is None or word.speaker_margin >= LEAST_MARGIN:
        return word
    return msgspec.structs.replace(word, speaker=None)


def _with_their_place(words: tuple[Word, ...], corrections: Sequence[Correction]) -> tuple[Word, ...]:
    """Words that a person put in, and whose times are only estimated, are in the voice of all others that were said in
    the corrected place, where that is one: their own times tell nothing."""
    places = {f"correction {c.id}": c for c in corrections if c.kind == "words"}
    if not places:
        return words
    said = list(words)
    for i, w in enumerate(words):
        c = places.get(w.change or "")
        if c is None or w.speaker is not None or w.timing != "cue":
            continue
        others = [v for v in _around(words, i, c) if v.change != w.change or v.timing != "cue"]
        voices = {v.speaker for v in others}
        if len(voices) == 1:
            said[i] = msgspec.structs.replace(w, speaker=voices.pop())
    return tuple(said)


def _around(words: Sequence[Word], i: int, c: Correction) -> Iterator[Word]:
    """The words beside one of them that lie in the place of a correction."""
    for run in (range(i - 1, -1, -1), range(i + 1, len(words))):
        yield from takewhile(lambda w: c.start_ms <= middle(w) < c.end_ms, map(words.__getitem__, run))


def words_outside(words: Sequence[Word], silence: Sequence[tuple[int, int]]) -> tuple[Word, ...]:
    """Words that no such stretch touches; of words without times, those whose neighbours all stay."""
    if not silence:
        return tuple(words)
    inside = [
        None
        if w.start_ms is None or w.end_ms is None
        else any(w.start_ms < end and max(w.end_ms, w.start_ms + 1) > start for start, end in silence)
        for w in words
    ]
    kept, before = [], False
    after = [False] * (len(words) + 1)
    for i in range(len(words) - 1, -1, -1):
        after[i] = after[i + 1] if inside[i] is None else bool(inside[i])
    for i, word in enumerate(words):
        before = before if inside[i] is None else bool(inside[i])
        if not (before or after[i] if inside[i] is None else inside[i]):
            kept.append(word)
    return tuple(kept)


def turns_outside(turns: Sequence[Turn], silence: Sequence[tuple[int, int]]) -> tuple[Turn, ...]:
    """Turns cut at such stretches, in order."""
    if not silence:
        return tuple(turns)
    pieces = [
        msgspec.structs.replace(t, start_ms=a, end_ms=b)
        for t in turns
        for a, b in without([(t.start_ms, t.end_ms)], silence)
    ]
    return tuple(sorted(pieces, key=lambda t: (t.start_ms, t.end_ms, t.speaker)))


def _stretches(found: Sequence[Stretch], unheard: Sequence[tuple[int, int]], duration_ms: int) -> tuple[Stretch, ...]:
    """Time without text, or without all of it, and why: inside the recording, in order."""
    waiting = [Stretch(kind="partial", start_ms=a, end_ms=b, reason="not listened to yet") for a, b in unheard]
    inside = [
        msgspec.structs.replace(s, end_ms=min(s.end_ms, duration_ms))
        for s in (*found, *waiting)
        if s.start_ms < duration_ms
    ]
    return tuple(sorted(inside, key=lambda s: (s.start_ms, s.end_ms)))


# -- WebVTT -----------------------------------------------------------------------------------------------


NOTICE = "Machine transcript, not the official record. Listen before you quote."


def to_webvtt(transcript: Transcript, notes: Sequence[str] = (NOTICE,)) -> str:
    """Captions with `<v Name>`: every word once, in order, broken at changes of voice, sentence ends and pauses.

    Words without times stand in the cue of their neighbours; where no word has a time there are no cues. A note says of
    which names nobody is sure: a cue has no place for that.
    """
    shown = {n.label: n for n in transcript.names}
    guessed = [n for n in transcript.names if n.status == "inferred" and not privacy.stands_in(n.person)]
    inferred = dict.fromkeys(" ".join(n.display.split()) for n in guessed)
    unchecked = [f"Named by software, not checked: {_escape('; '.join(inferred))}."] if inferred else []
    parts = ["WEBVTT\n", *(f"NOTE {note}\n" for note in (*notes, *unchecked))]
    for cue in cues(transcript):
        timed = [w for w in cue if w.start_ms is not None]
        start_ms, end_ms = timed[0].start_ms or 0, max(w.end_ms or 0 for w in timed)
        voice = _voice(shown, timed[0].speaker)
        text = in_its_language(_escape(cue_text(text_of(cue))), timed[0], transcript)
        parts.append(f"{_clock(start_ms)} --> {_clock(max(end_ms, start_ms + 1))}\n{voice}{text}\n")
    return "\n".join(parts)


def cues(transcript: Transcript) -> Iterator[list[Word]]:
    """Words as captions show them together: broken at changes of voice and language, sentence ends and pauses."""
    cue: list[Word] = []
    before = ""  # the language of the last word that has a time
    said_in = languages(transcript.words, transcript.language, transcript.passages)
    for word, language in zip(transcript.words, said_in, strict=True):
        if cue and _breaks(cue, word, another=language != before):
            yield cue
            cue = []
        cue.append(word)
        before = before if word.start_ms is None else language
    if cue and any(w.start_ms is not None for w in cue):
        yield cue


def _breaks(cue: Sequence[Word], word: Word, *, another: bool) -> bool:
    """Whether a new cue begins with this word, which may be in `another` language. A cue without any time yet takes
    more words, whatever they are."""
    timed = [w for w in cue if w.start_ms is not None]
    if not timed or word.start_ms is None or word.end_ms is None:
        return False
    first_ms, last_ms = timed[0].start_ms or 0, timed[-1].end_ms or 0
    if another or word.speaker != timed[-1].speaker or word.start_ms - last_ms >= CUE_PAUSE_MS:
        return True
    n_letters = sum(len(w.text) + 1 for w in cue)
    sentence_ends = cue[-1].text.rstrip("\"'”’)")[-1:] in (".", "?", "!", "…")
    too_long = n_letters + len(word.text) > CUE_LETTERS or word.end_ms - first_ms > CUE_MS
    return too_long or (sentence_ends and n_letters > CUE_LETTERS // 2)


def in_its_language(text: str, word: Word, transcript: Transcript) -> str:
    """The escaped text of a cue that begins with a word, marked where that is not in the main language."""
    (language,) = languages([word], "", transcript.passages)
    return f"<lang {language_code(language)}>{text}</lang>" if language else text


def cue_text(line: str) -> str:
    """A line of a caption. A dash before it says that somebody else speaks: one that was said gets another before it,
    so that whoever reads the file takes that one away."""
    return f"- {line}" if line[:1] in DASHES and line[1:] else line


def _voice(names: dict[str, SpeakerName], label: str | None) -> str:
    if label is None:
        return ""
    display = names[label].display if label in names else label
    return f"<v {_escape(' '.join(display.split()))}>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
