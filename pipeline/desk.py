"""Writing on the page over a data folder: everything goes through `pipeline.apply`, in the name of an account."""

import hashlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from pipeline import (
    accounts,
    amend,
    apply,
    asked,
    corrections,
    manifest,
    meeting_toml,
    needs,
    outputs,
    places,
    receipts,
    telling,
)
from pipeline.context import Context
from pipeline.events import Event
from pipeline.fresh import Kept
from pipeline.meetings import Layout
from pipeline.shelf import N_MEETINGS, DataFolder
from search.desk import KINDS, Conflict, Done, Entry, Task, Todo, Wanted
from search.quotes import Address
from search.reading import Held
from transcribe import locks, privacy, said_by
from transcribe.correct import HIDING, VOICES, Correction, in_force
from transcribe.problem import Problem
from transcribe.records import SpeakerName

log = logging.getLogger("onrecord")
LOOK_S = 1.5  # for meetings that were not looked through since they changed; the others wait for the next time


def _unheard(event: Event) -> None:
    """What a stage says while it is made: nobody waits for it here but for a second."""


class DataDesk:
    """A `search.desk.Desk` over a data folder."""

    def __init__(self, layout: Layout, folder: DataFolder) -> None:
        self.layout, self._folder = layout, folder
        self._small, self._tasks = Kept(N_MEETINGS), Kept(N_MEETINGS)
        self._afterwards = ThreadPoolExecutor(1, thread_name_prefix="silencing")
        self._looking = threading.Lock()

    def settle(self) -> None:
        """Wait until what was hidden so far is out of everything."""
        self._afterwards.submit(int).result()

    # -- accounts

    def _accounts(self) -> tuple[accounts.Account, ...]:
        path = self.layout.root / accounts.FILE
        return self._small.get("accounts", [path], lambda: accounts.read(self.layout))

    def has_accounts(self) -> bool:
        try:
            return bool(self._accounts())
        except Problem:  # nobody signs in by a file that cannot be read
            return False

    def sign_in(self, name: str, password: str) -> tuple[str, str] | None:
        account = accounts.sign_in(self.layout, name, password)
        if account is None:
            return None
        self._afterwards.submit(_get_ready)
        return account.name, _mark(account)

    def mark(self, name: str) -> str | None:
        try:
            return next((_mark(a) for a in self._accounts() if a.name == name), None)
        except Problem:
            return None

    # -- what is there

    def people(self, meeting: str) -> Sequence[tuple[str, str]]:
        people = meeting_toml.read_meeting(self._folder.folder(meeting), meeting).people
        hidden = privacy.not_named(people)
        shown = ((p, " ".join(p.name.split()) or p.id) for p in people)
        return [(p.id, name + (" (not shown by name)" if p in hidden else "")) for p, name in shown]

    def evidence(self, name: SpeakerName) -> tuple[str, ...]:
        return telling.evidence(name)

    def history(self, held: Held, start_ms: int, end_ms: int) -> Sequence[Entry]:
        past = places.history(self.layout, start_ms, end_ms, held.transcript, held.meeting.id)
        return [
            Entry(id=p.id, told=telling.whole_change(p), stands=not p.undone_by, hides=p.kind in HIDING) for p in past
        ]

    def todo(self) -> Todo:
        """What needs somebody in all meetings. Those that changed are looked through as long as that takes no time that
        anybody would notice; the newest first."""
        ended, n_left, found = time.monotonic() + LOOK_S, 0, list[Task]()
        newest = sorted(self._folder.meetings(), key=lambda m: (str(m.held_on or ""), m.id), reverse=True)
        with self._looking:
            for listed in newest:
                try:
                    folder = self._folder.folder(listed.id)
                    files = needs.files(self.layout, listed.id, folder)
                    if not self._tasks.has(listed.id, files) and time.monotonic() > ended:
                        n_left += 1
                        continue
                    found += self._tasks.get(listed.id, files, partial(self._look, listed.id, folder))
                    found += needs.due(listed, folder)
                except (Problem, OSError):  # its own page says what is wrong with it
                    continue
        return Todo(
            tasks=tuple(sorted(found, key=lambda t: (t.is_open, KINDS.index(t.kind), t.rank, t.key))),
            n_left=n_left,
            behind=self._behind(),
        )

    def _behind(self) -> tuple[tuple[str, int], ...]:
        """Published folders that are behind, looked for again when one of them or a transcript is another."""
        layout = self.layout
        ledger = layout.root / outputs.FILE
        published = self._small.get("published", [ledger], lambda: outputs.published(layout))
        ids = dict.fromkeys(id for held in published.values() for id in held)
        made = [receipts.receipt_path(layout.made(id), "transcript") for id in ids]
        files = [ledger, *(out / manifest.NAME for out in published), *made]
        return self._small.get(
            "behind", files, lambda: tuple((b.folder, len(b.meetings)) for b in manifest.behind(layout))
        )

    def _look(self, id: str, folder: Path) -> tuple[Task, ...]:
        return needs.tasks(self._folder.meeting(id), corrections.read(folder))

    # -- changing

    def change(self, wanted: Wanted, by: str) -> Done:
        context = asked.context_of(self.layout, wanted.meeting)
        done = self._make(context, wanted, by)
        if wanted.do == "withhold" and wanted.id:  # on, instead of what was due: that holds no more
            self._make(context, msgspec.structs.replace(wanted, do="undo", until=None), by)
        return done

    def _make(self, context: Context, wanted: Wanted, by: str) -> Done:
        try:
            made = _correction(context, wanted, by)
            hides = made.kind in HIDING or any(
                c.id == made.undoes and c.kind in HIDING for c in in_force(context.corrections())
            )
            try:
                applied = apply.apply(context, made, _unheard, copy=False, rows=False)
            finally:
                if hides and any(c.id == made.id for c in context.corrections()):
                    self._afterwards.submit(_finish, context, made)
        except amend.Changed as e:
            raise Conflict(e.what, now=e.now) from e
        return Done(
            id=made.id,
            wall_s=applied.wall_s,
            waits=bool(applied.waits),
            elsewhere=applied.elsewhere,
            published=applied.published,
        )


def _get_ready() -> None:
    """Load what the first change would have to wait for a second for: Arrow makes no table without asking pandas."""
    import pyarrow as pa

    pa.table({"words": [""]})


def _finish(context: Context, made: Correction) -> None:
    try:
        apply.finish(context, made, _unheard)
    except (Problem, OSError, locks.Busy) as e:  # until the next run there is no sound of it to be heard
        log.warning("%s: what was hidden is not out of everything yet: %s", context.meeting.id, e)


def _correction(context: Context, wanted: Wanted, by: str) -> Correction:
    place = Address(meeting=context.meeting.id, start_ms=wanted.start_ms, end_ms=wanted.end_ms)
    saw = wanted.saw
    if wanted.do in ("speaker", "confirm") and not wanted.person:
        raise Problem("nobody was chosen", fix="choose who it is, or that nobody knows")
    if wanted.do == "words":
        return amend.reword(context, place, wanted.text, by=by, saw=saw)
    if wanted.do == "speaker":
        return amend.assign(context, place, wanted.person, by=by, saw=saw)
    if wanted.do == "listen":
        return amend.listen(context, place, by=by, saw=saw)
    if wanted.do == "undo":
        known = next((c for c in context.corrections() if c.id == wanted.id), None)
        if known and known.kind in VOICES:
            return amend.take_back(context, known.id, by=by)
        return amend.undo(context, place, by=by, id=wanted.id)
    if wanted.do == "confirm" or wanted.do == "reject":
        _check_voice(context, wanted)
        if wanted.do == "confirm":
            return amend.confirm(context, wanted.label, wanted.person, by=by, saw=saw)
        return amend.reject(context, wanted.label, wanted.person, by=by, saw=saw)
    if not wanted.reason.strip():
        raise Problem("this does not say why it is hidden", fix="everybody will read the reason: keep it general")
    if wanted.do == "withhold" and wanted.until:
        return amend.withhold(context, place, by=by, reason=wanted.reason, until=wanted.until)
    if wanted.do == "withhold":
        raise Problem("this does not say when it is to be looked at again", fix="name a day")
    return amend.hide(context, place, wanted.do, by=by, reason=wanted.reason)


def _check_voice(context: Context, wanted: Wanted) -> None:
    """Raise Conflict where a label is another voice's than when somebody listened to it: a new transcription numbers
    voices anew."""
    spoken = said_by.time_of(context.transcript().words, wanted.label)
    if not any(a < wanted.end_ms and wanted.start_ms < b for a, b in spoken):
        raise Conflict("this voice does not speak there any more", now="another voice speaks there")


def _mark(account: accounts.Account) -> str:
    return hashlib.sha256(f"{account.changed}\0{account.password}".encode()).hexdigest()
