"""What in a meeting most needs a person: names that were given or held back by little, words on the topic that may be
others, corrections that hold no more, what is withheld and due, and personal details that nobody looked at."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from analyse.listen import BARELY
from pipeline import corrections, meeting_toml, telling
from pipeline.meetings import Layout
from search.desk import Task
from search.quotes import speaker_name
from search.reading import LISTEN, Held, Listed
from transcribe import listened, personal, privacy, said_by
from transcribe.correct import UNSETTLED, Correction
from transcribe.decide import LEAST_PROBABILITY
from transcribe.ranges import length
from transcribe.records import SpeakerName, Word, text_of

SAMPLE_MS = 20_000  # of a voice, to be played
N_AROUND = 15  # words before and after a personal detail, without which nobody could say what it is
DOUBTS = {  # why words on the topic may be others, or another's
    "words unsure",
    "a telling word is unsure",
    "voice unsure",
    "people talk at once",
    "a name was put right by software",
}


def files(layout: Layout, id: str, folder: Path) -> list[Path]:
    """All that `tasks` are made from."""
    made = layout.made(id)
    names = ("transcript.json", "statements.json", "quotes.parquet")
    return [*(made / n for n in names), *meeting_toml.files(folder), folder / corrections.FILE]


def tasks(held: Held, made: Sequence[Correction]) -> tuple[Task, ...]:
    """What needs a person in a meeting, but for what is `due` on a day."""
    stands = said_by.standing(held.transcript.words, made, held.meeting.people)
    settled = {s.label for s in stands if s.label and s.correction.kind == "confirm"}
    return (
        *(t for name in held.transcript.names if name.label not in settled for t in _name(held, name)),
        *_unsure(held),
        *(_doubtful(held, s) for s in stands if s.label is None),
        *_unsettled(held),
        *_personal(held),
    )


def due(listed: Listed, folder: Path) -> Iterator[Task]:
    """What is withheld and is to be decided again by now, the longest overdue first."""
    for c in corrections.due(folder):
        if c.until:
            yield Task(
                kind="withheld",
                meeting=listed.id,
                title=listed.title,
                held_on=listed.held_on,
                start_ms=c.start_ms,
                end_ms=c.end_ms,
                why=f"{c.by} withheld this on {c.at[:10]}, to be decided again on {c.until}.",
                rank=float(c.until.toordinal()),
                id=c.id,
                reason=c.reason,
            )


def _task(held: Held, **what: object) -> Task:
    meeting = held.meeting
    return Task(meeting=meeting.id, title=held.title, held_on=meeting.held_on, **what)  # type: ignore[arg-type]


# -- names ------------------------------------------------------------------------------------------


def _name(held: Held, name: SpeakerName) -> Iterator[Task]:
    """A voice whose name no person confirmed; the nearer to being named otherwise, the sooner."""
    if name.status == "confirmed" or name.label.startswith(said_by.BY_PEOPLE):
        return
    stretches = said_by.time_of(held.transcript.words, name.label)
    if not stretches:
        return
    likely, share = _likely(name)
    likely = privacy.meant(held.meeting.people, likely) or ""
    start_ms, end_ms = max(stretches, key=lambda s: s[1] - s[0])
    lasts_ms = length(stretches)
    called = next((p.name for p in held.meeting.people if p.id == likely), "")
    if name.status == "inferred" and share is not None and share < BARELY:
        why = "Software gave this name with little to spare."
    elif name.status == "inferred":
        why = "Software gave this name. Nobody has checked it."
    elif called:
        why = "This may be somebody whom software could not be sure of."
    else:
        why = "Nobody knows whose voice this is."
    yield _task(
        held,
        kind="name",
        start_ms=start_ms,
        end_ms=min(end_ms, start_ms + SAMPLE_MS),
        why=why,
        # A voice that nothing is known of comes last; of the others, who is nearest to the line, then who speaks most.
        rank=(abs((share or 0.0) - LEAST_PROBABILITY) if likely else 1.0) + 1e-3 / (1 + lasts_ms / 60_000),
        text=_sample(held.transcript.words, start_ms, end_ms),
        speaker=name.display,
        label=name.label,
        person=likely if called else "",
        called=called,
        evidence=telling.evidence(name) if name.person else (),
        lasts_ms=lasts_ms,
        named=name.person is not None,
    )


def _likely(name: SpeakerName) -> tuple[str, float | None]:
    """Whom a voice most likely is, and how likely."""
    if name.person:
        return name.person, name.probability
    return name.runner_up or ("", None)


def _sample(words: Sequence[Word], start_ms: int, end_ms: int) -> str:
    """What is said in the sample of a stretch, with … where the stretch goes on behind it."""
    said = [w for w in words if w.start_ms is not None and start_ms <= w.start_ms < end_ms]
    played = [w for w in said if (w.start_ms or 0) < start_ms + SAMPLE_MS]
    return text_of(played) + (" …" if len(played) < len(said) else "")


# -- words ------------------------------------------------------------------------------------------


def _unsure(held: Held) -> Iterator[Task]:
    """Statements with codes, whose words or voice may be others, and which nobody has listened to."""
    spans = {(s.speaker, s.text): s for s in held.statements.statements} if held.statements else {}
    for q in held.quotes:
        doubts = [r for r in q.listen_first if r in DOUBTS]
        if not q.codes or q.listened_by or not doubts:
            continue
        statement = spans.get((q.speaker_label, q.text))
        words = held.transcript.words[statement.first_word : statement.end_word] if statement else ()
        sure = [w.confidence for w in words if w.confidence is not None]
        why = [LISTEN.get(r, r) for r in doubts]
        yield _task(
            held,
            kind="words",
            start_ms=q.start_ms,
            end_ms=q.end_ms,
            why=f"Listen: {', '.join(why)}.",
            rank=sum(sure) / len(sure) if sure else 1.0,
            text=q.text,
            speaker=q.speaker,
        )


# -- corrections --------------------------------------------------------------------------------------


def _doubtful(held: Held, s: said_by.Standing) -> Task:
    """What somebody said of a voice, and nobody can tell now of which."""
    c = s.correction
    start_ms, end_ms = max(c.stretches, key=lambda part: part[1] - part[0])
    who = next((p.name for p in held.meeting.people if p.id == c.new), "nobody who is known")
    claim = "not " if c.kind == "reject" else ""
    return _task(
        held,
        kind="correction",
        start_ms=start_ms,
        end_ms=min(end_ms, start_ms + SAMPLE_MS),
        why=f"{c.by} said on {c.at[:10]} that this voice is {claim}{who}. A new transcription parts voices otherwise.",
        rank=0.0,
        text=_sample(held.transcript.words, start_ms, end_ms),
        id=c.id,
    )


def _unsettled(held: Held) -> Iterator[Task]:
    """Words that somebody corrected, and of which a new transcription makes something else again."""
    for change, run in groupby(held.transcript.words, key=lambda w: w.change or ""):
        words = list(run)
        starts = [w.start_ms for w in words if w.start_ms is not None]
        if not change.startswith(UNSETTLED) or not starts:
            continue
        start_ms, end_ms = starts[0], max([starts[0] + 1, *(w.end_ms or 0 for w in words)])
        yield _task(
            held,
            kind="correction",
            start_ms=start_ms,
            end_ms=end_ms,
            why="Somebody corrected these words, and a new transcription heard something else there.",
            rank=1.0,
            text=text_of(words),
            speaker=speaker_name(words[0].speaker, held.transcript.names).display,
            id=change.removeprefix(UNSETTLED).removeprefix("correction "),
        )


# -- personal details -----------------------------------------------------------------------------------


def _personal(held: Held) -> Iterator[Task]:
    """What the public says that should perhaps be hidden, where nobody listened and let it stand."""
    transcript = held.transcript
    for d in personal.details(transcript.words, transcript.names, held.meeting.people):
        if listened.who(transcript.words[d.first_word : d.end_word], transcript.listened):
            continue
        yield _task(
            held,
            kind="personal",
            start_ms=d.start_ms,
            end_ms=d.end_ms,
            why=f"This may be {d.kind} of somebody who only came to speak.",
            rank=0.0,
            text=d.words,
            before=text_of(transcript.words[max(0, d.first_word - N_AROUND) : d.first_word]),
            after=text_of(transcript.words[d.end_word : d.end_word + N_AROUND]),
            speaker=speaker_name(d.label, transcript.names).display,
            reason=d.kind,
        )
