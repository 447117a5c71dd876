"""The turns stage: from voices that captions name, or from a diariser."""

from collections.abc import Iterable
from typing import Any

import msgspec

from pipeline import hear, receipts
from pipeline.context import Context, write
from pipeline.receipts import Receipt
from transcribe import engines
from transcribe.audio import Audio, excerpt
from transcribe.documents import dump
from transcribe.media import Progress
from transcribe.ranges import Ranges, joined, within, without
from transcribe.records import Turn, Turns, Words
from transcribe.transcript import turns_outside

VERSION = 1


def _unvoiced(context: Context) -> Ranges:
    """Where no voices are looked for: what is hidden, and what has no words yet."""
    return joined([*hear.silence(context), *within(hear.unheard(context).ranges, hear.whole(context))])


def turns_params(context: Context) -> dict[str, Any]:
    # Captions may name too few voices, and then the diariser listens after all.
    captions = "captions, else " if hear.uses_captions(context, "turns", context.diariser) else ""
    params = {
        "recording": context.recording().sha256,
        "silence": _unvoiced(context),
        "engine": captions + context.diariser.fingerprint,
    }
    if _is_apart(context):
        params["channels"] = "apart"
    if kept := _to_cut(context, params):
        return kept.params | {"silence": params["silence"]}
    return params


def turns_listen(context: Context) -> bool:
    """Whether it takes an engine to bring the turns up to date."""
    receipt = receipts.read(context.made, "turns")
    read = receipt is not None and hear.by_captions(receipt)
    return not read and _to_cut(context, turns_params(context)) is None


def _to_cut(context: Context, params: dict[str, Any]) -> Receipt | None:
    """The receipt of turns of which some must go, and to which none need be added: nobody has to listen for that.

    Turns of another engine than today's stand even where that one would listen to channels in another way.
    """
    ignore = hear.ignored(context.diariser, upgrade=context.upgrade)
    before = receipts.read(context.made, "turns")
    if "engine" in ignore and before and before.params.get("engine") != params["engine"]:
        ignore = (*ignore, "channels")
    receipt = hear.stands(context, "turns", VERSION, params, "silence", *ignore)
    return receipt if receipt and not without(receipt.params["silence"], params["silence"]) else None


def make_turns(context: Context, progress: Progress) -> list[str]:
    params = turns_params(context)
    unvoiced = params["silence"]
    if _to_cut(context, params):
        before = context.turns()
        turns = msgspec.structs.replace(before, turns=turns_outside(before.turns, unvoiced))
    else:
        turns = _found_turns(context, unvoiced, progress)
    return [write(context, "turns.json", dump(turns, "turns/1"))]


def _found_turns(context: Context, unvoiced: Ranges, progress: Progress) -> Turns:
    recording = context.recording()
    if hear.uses_captions(context, "turns", context.diariser):
        words, turns = hear.from_captions(context)
        if _mostly_named(words) or not recording.media or context.diariser.name == "captions":
            return turns
    if not recording.media:
        return Turns(recording_sha256=recording.sha256, engine="none", turns=())
    diariser = engines.diariser(context.diariser, n_threads=context.n_threads)
    heard = without(hear.whole(context), unvoiced)

    def listen(audio: Audio, progress: Progress) -> tuple[Turn, ...]:
        if heard == hear.whole(context):
            return diariser.turns(audio, speakers=None, progress=progress)
        part = excerpt(audio, heard, audio.path.with_suffix(f".{hear.digest({'heard': heard})}"))
        return _put_back(diariser.turns(part, speakers=None, progress=progress), heard)

    if not _is_apart(context):
        found = listen(hear.decoded(context, context.erased(), progress), progress)
    else:
        from transcribe.channels import together

        both = [hear.decoded(context, context.erased(), progress, channel) for channel in (1, 2)]
        first = listen(both[0], lambda done_ms, total_ms: progress(done_ms // 2, total_ms))
        second = listen(both[1], lambda done_ms, total_ms: progress((done_ms + total_ms) // 2, total_ms))
        found = together([first, second], [audio.samples for audio in both])
    return Turns(recording_sha256=recording.sha256, engine=context.diariser.fingerprint, turns=found)


def _mostly_named(words: Words) -> bool:
    """Whether captions say of at least half of their words whose they are. Where they say less, what they do say goes
    to the voices of a diariser."""
    n_named = sum(word.speaker is not None for word in words.words)
    return n_named > 0 and 2 * n_named >= len(words.words)


def _is_apart(context: Context) -> bool:
    """Whether voices are looked for in each of two channels by itself."""
    media = context.recording().media
    return bool(media) and all(m.apart for m in media)


def _put_back(turns: Iterable[Turn], heard: Ranges) -> tuple[Turn, ...]:
    """Turns of an excerpt on the meeting's timeline; one that goes over a seam is parted there."""
    out = []
    at_ms = 0
    for start_ms, end_ms in heard:
        shift_ms = start_ms - at_ms
        for turn in turns:
            a, b = max(turn.start_ms + shift_ms, start_ms), min(turn.end_ms + shift_ms, end_ms)
            if a < b:
                out.append(msgspec.structs.replace(turn, start_ms=a, end_ms=b))
        at_ms += end_ms - start_ms
    return tuple(out)
