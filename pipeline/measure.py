"""`onrecord score`: results of the pipeline, or files of other programs, against references that people made.

REF and HYP are files or folders, of one recording or many: recordings are paired by name, errors of all of them are
added up, and rates are taken of the sums.
"""

from collections.abc import Iterator, Mapping, Sequence
from inspect import getmembers
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from pipeline import meeting_toml
from transcribe import references, score, score_voices
from transcribe.privacy import stand_ins, stands_in
from transcribe.problem import Problem
from transcribe.records import Person, Record, SpeakerName, Turn, Word
from transcribe.references import Account
from transcribe.score_names import NameScore, score_names, whose
from transcribe.spoken import BEFORE_TITLE, TITLES, plain
from transcribe.transcript import turns_outside, words_outside

C = TypeVar("C", bound=score.Counts)
T = TypeVar("T")

DEEPEST, MOST_FILES = 3, 10_000  # folders in folders, as data/raw/<meeting>/reference/; files in all of them
# Of a meeting's folder, the one file that speaks for it: the last that was made, or what people say it should be.
SPEAKS = {
    "words": ("transcript.json", "words.json", "reference.json", "reference/reference.json"),
    "turns": ("turns.json", "transcript.json", "reference.json", "reference/reference.json"),
}


class Scored(Record, Generic[C]):
    """Scores of each recording by name, and of all together. `notes` say what was not measured."""

    recordings: dict[str, C]
    total: C
    notes: tuple[str, ...] = ()


def words(reference: Path, hypothesis: Path, recording: str = "", names: Path | None = None) -> Scored[score.WordScore]:
    """`names` is a meeting.toml, whose people and vocabulary count, or a text file with a name in each line."""
    wanted = _names(names) if names else ()
    return _scored(
        score.WordScore(),
        {
            name: score.score_words(_words(ref, reference), _words(hyp, hypothesis), wanted)
            for name, ref, hyp in _pairs(reference, hypothesis, recording, "words")
        },
    )


def turns(
    reference: Path, hypothesis: Path, *, uem: Path | None = None, recording: str = ""
) -> Scored[score.TurnScore]:
    """Diarisation errors, no collar, overlap counted, within the UEM where one is given."""
    within = references.read_uem(uem) if uem else {}
    return _scored(
        score.TurnScore(),
        {
            name: score.score_turns(
                _turns(ref, reference), _turns(hyp, hypothesis), _one_of(within, name, uem) if uem else None
            )
            for name, ref, hyp in _pairs(reference, hypothesis, recording, "turns")
        },
    )


def speakers(
    reference: Path, hypothesis: Path, recording: str = "", people: Path | None = None
) -> Scored[score_voices.SpeakerScore]:
    """Words with the right voice and, where the reference says who people are, with the right name. `people` is a
    meeting.toml; without it, the people whom the hypothesis names are known, by id or name."""
    listed = meeting_toml.read_meeting(people.parent, people.parent.name).people if people else ()
    found = _scored(
        score_voices.SpeakerScore(),
        {
            name: score_voices.score_speakers(
                _voiced(ref, reference), _voiced(hyp, hypothesis), _names_given(ref, hyp, listed)
            )
            for name, ref, hyp in _pairs(reference, hypothesis, recording, "words")
        },
    )
    notes = []
    if not score_voices.can_time():
        notes.append("tcpWER was not measured: it needs `pip install meeteval`")
    if not found.total.names.n_words:
        notes.append("names were not measured: nothing in the reference says who people are (--people may help)")
    return msgspec.structs.replace(found, notes=tuple(notes))


def _names_given(ref: Account, hyp: Account, listed: Sequence[Person]) -> NameScore | None:
    """How the names of a hypothesis fare; None where the reference's voices are nobody whom the list knows."""
    real = {shown: id for id, shown in stand_ins(listed).items()}
    names = [_unmasked(n, real) for n in hyp.names]
    if ref.by_person:
        who: dict[str, str] = {}
    elif ref.names:
        who = {n.label: n.person for n in ref.names if n.person}
    else:
        known = listed or [Person(id=n.person, name=n.display) for n in names if n.person]
        who = whose([w.speaker for w in ref.words or () if w.speaker], list({p.id: p for p in known}.values()))
    if not (ref.by_person or who):
        return None
    words = [msgspec.structs.replace(w, speaker=who.get(w.speaker or "", w.speaker)) for w in ref.words or ()]
    turns = [msgspec.structs.replace(t, speaker=who.get(t.speaker, t.speaker)) for t in ref.turns or ()]
    return score_names(words, hyp.words or (), names, turns=(turns, hyp.turns or ()))


def _unmasked(name: SpeakerName, real: Mapping[str, str]) -> SpeakerName:
    """A name with the person whom it stands for; where nobody is listed to say who that is, it names nobody."""
    if name.person and name.person in real:
        return msgspec.structs.replace(name, person=real[name.person])
    return SpeakerName(label=name.label, display=name.display) if stands_in(name.person) else name


def figures(found: Record) -> dict[str, Any]:
    """A score as JSON has it: its counts, and the rates that come of them. Lists of single errors are left out."""
    own = {f: getattr(found, f) for f in found.__struct_fields__}
    rates = {name: getattr(found, name) for name, _ in getmembers(type(found), lambda of: isinstance(of, property))}
    return {k: figures(v) if isinstance(v, Record) else v for k, v in (own | rates).items() if not isinstance(v, tuple)}


def _scored(nothing: C, recordings: dict[str, C]) -> Scored[C]:
    return Scored(recordings=recordings, total=sum(recordings.values(), nothing))


# -- which recordings -------------------------------------------------------------------------------------


def _pairs(reference: Path, hypothesis: Path, recording: str, about: str) -> Iterator[tuple[str, Account, Account]]:
    """Each recording of the reference with what the hypothesis has of it; alone on both sides, whatever it is called.

    Raises Problem where the hypothesis lacks one: to leave it out would make the rest look better.
    """
    ours, theirs = _accounts(reference, about), _accounts(hypothesis, about)
    if recording:
        ours = {recording: _one_of(ours, recording, reference)}
    if len(ours) == len(theirs) == 1 or (recording and len(theirs) == 1):
        theirs = {next(iter(ours)): next(iter(theirs.values()))}
    if lacking := sorted(ours.keys() - theirs.keys()):
        raise Problem(
            f"{len(lacking)} of {len(ours)} recordings of the reference are not here: {_listed(lacking)}",
            where=hypothesis,
            fix="make them too, or score one with --recording NAME",
        )
    for name in sorted(ours):
        ignored = ours[name].ignored
        yield name, _outside(ours[name], ignored), _outside(theirs[name], ignored)


def _outside(account: Account, ignored: Sequence[tuple[int, int]]) -> Account:
    """An account without time that is not to be judged."""
    return msgspec.structs.replace(
        account,
        words=account.words if account.words is None else words_outside(account.words, ignored),
        turns=account.turns if account.turns is None else turns_outside(account.turns, ignored),
    )


def _accounts(path: Path, about: str) -> dict[str, Account]:
    """What a file, or all files of a folder, say of words or of turns."""
    if not path.is_dir():
        return references.read(path)
    found: dict[str, tuple[Path, Account]] = {}
    for file in _files(path, about):
        for name, account in references.read(file).items():
            if (account.words if about == "words" else account.turns) is None:
                continue
            if name in found:
                raise Problem(
                    f"{found[name][0].name} speaks of {name} too",
                    where=file,
                    fix="give one of these files instead of the folder",
                )
            found[name] = file, account
    if not found:
        raise Problem(f"no file in this folder speaks of {about}", where=path, fix="see docs/formats.md")
    return {name: account for name, (_, account) in found.items()}


def _files(folder: Path, about: str) -> list[Path]:
    """Of folders of meetings, the file that speaks for each; of any other folder, all that can be read."""
    meetings_own: list[Path] = []
    loose: list[Path] = []
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        if (speaks := next((here / name for name in SPEAKS[about] if (here / name).is_file()), None)) is not None:
            meetings_own.append(speaks)
            continue
        children = [c for c in sorted(here.iterdir()) if not c.name.startswith(".")]
        loose += [c for c in children if c.suffix.lower() in references.SUFFIXES and c.is_file()]
        waiting += [(c, depth + 1) for c in children if depth < DEEPEST and c.is_dir() and not c.is_symlink()]
        if len(meetings_own) + len(loose) > MOST_FILES:
            raise Problem(f"more than {MOST_FILES:,} files", where=folder, fix="name a folder with less in it")
    return meetings_own or loose


def _words(account: Account, path: Path) -> Sequence[Word]:
    if account.words is None:
        raise Problem("this file speaks of turns, not of words", where=path, fix="name a file with words")
    return account.words


def _voiced(account: Account, path: Path) -> Sequence[Word]:
    words = _words(account, path)
    if words and not any(w.speaker for w in words):
        raise Problem("nothing here says whose the words are", where=path, fix="name a file with voices")
    return words


def _turns(account: Account, path: Path) -> Sequence[Turn]:
    if account.turns is None:
        raise Problem("this file speaks of words, not of turns", where=path, fix="name a file with turns")
    return account.turns


def _names(path: Path) -> tuple[str, ...]:
    """People's names word by word and without titles, since a meeting says "Councillor Okafor" more often than the
    whole name; vocabulary, and lines of text, as they stand."""
    if path.suffix.lower() != ".toml":
        return tuple(references.read_text(path).splitlines())
    meeting = meeting_toml.read_meeting(path.parent, path.parent.name)
    parts = [part for p in meeting.people for name in (p.name, *p.aliases) for part in name.split()]
    return (*meeting.vocabulary, *(part for part in parts if plain(part) not in TITLES | BEFORE_TITLE))


def _one_of(by_recording: Mapping[str, T], recording: str, path: Path | None) -> T:
    """What a file that may hold several recordings says of one."""
    if recording not in by_recording:
        raise Problem(
            f"{recording} is none of its {len(by_recording)} recordings: {_listed(sorted(by_recording))}",
            where=path or "",
            fix="say which with --recording NAME",
        )
    return by_recording[recording]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
