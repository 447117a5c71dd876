"""How meetings stand and why stages run, as a terminal shows it."""

import re
from collections.abc import Callable, Iterable, Sequence

from rich.text import Text

from pipeline.doctor import Finding
from pipeline.manifest import Behind
from pipeline.meetings import few, size
from pipeline.plan import Link
from pipeline.show import n_of, out, printable, span, stages_of
from pipeline.status import Engine, Standing, Status
from pipeline.work import NAMES
from search.cite import timecode

FEW = 10  # meetings are listed one by one without --all
N_FAILED, N_GROUPS, N_NAMED = 6, 6, 3  # of a section that is longer, this much is shown


def print_status(status: Status, *, all: bool, receipts: bool) -> None:
    """A summary, then what failed, what comes next and what is done, in a screen; everything with `all`; with
    `receipts` also what became of each transcribed meeting's time."""
    found = status.meetings
    all = all or len(found) <= FEW
    _line(_summary(status))
    if found:
        _line(_sizes(status))
    else:
        _line("to make one: onrecord add RECORDING")
    _failed([s for s in found if s.state == "failed"], all=all)
    _running([s for s in found if s.state == "running"], all=all)
    _to_do([s for s in found if s.state == "to do"], all=all)
    _done([s for s in found if s.state == "done"], all=all)
    if receipts:
        _coverage([s for s in found if s.coverage])
    _engines(status.engines)
    _remarks(found, all=all)
    _due(found)
    _behind(status.behind)
    _leftovers(status, all=all)


def _line(text: str, style: str = "") -> None:
    out.print(Text(printable(text), style=style))


def _head(text: str, style: str = "bold") -> None:
    out.print()
    _line(text, style)


def _summary(status: Status) -> str:
    parts = [f"{status.n_done:,} done", f"{status.n_to_do:,} to do", f"{status.n_failed:,} failed"]
    if status.n_running:
        parts.insert(1, f"{status.n_running:,} running")
    return f"{n_of(len(status.meetings), 'meeting')}: {', '.join(parts)}"


def _sizes(status: Status) -> str:
    parts = [
        f"recordings {timecode(status.audio_ms)}",
        f"covered {timecode(status.covered_ms)}",
        f"{size(status.n_bytes)} of processed files",
    ]
    if status.n_to_do + status.n_running:
        takes = "no earlier run tells how long the rest takes"
        if status.expected_s is not None:
            takes = f"about {span(max(1.0, status.expected_s))} of work left"
        parts.append(takes)
    return ", ".join(parts)


def _failed(failed: Sequence[Standing], *, all: bool) -> None:
    if not failed:
        return
    _head("failed", "bold red")
    groups = _grouped(failed, lambda s: (s.stage, s.what, s.fix))
    shown = groups if all else groups[:N_FAILED]
    for group in shown:
        first = group[0]
        _line(f"  {_names(group, all=all)}{f'  at {first.stage}' if first.stage else ''}: {first.what}")
        if first.where:
            _line(f"      where: {first.where}{' and so on' if len(group) > 1 and first.where else ''}")
        if first.fix:
            _line(f"      fix:   {first.fix}")
        if len({s.log for s in group}) == 1 and first.log:
            _line(f"      log:   {first.log}")
    _rest(groups[len(shown) :])


def _running(running: Sequence[Standing], *, all: bool) -> None:
    if running:
        _head("running now")
        _line(f"  {_names(running, all=all)}")


def _to_do(todo: Sequence[Standing], *, all: bool) -> None:
    if not todo:
        return
    _head("to do")
    groups = [[s] for s in todo] if all else _grouped(todo, lambda s: (s.stage, s.why))
    shown = groups if all else groups[:N_GROUPS]
    for group in shown:
        first = group[0]
        length = timecode(sum(s.audio_ms for s in group))
        expected = [s.expected_s for s in group if s.expected_s is not None]
        takes = f", about {span(sum(expected))}" if len(expected) == len(group) and sum(expected) >= 1 else ""
        _line(f"  {_names(group, all=all)}  {length}  {stages_of(first.stage, NAMES[-1])}: {first.why}{takes}")
    _rest(groups[len(shown) :])


def _done(done: Sequence[Standing], *, all: bool) -> None:
    if not done:
        return
    _head("done")
    if not all:
        _line(f"  {n_of(len(done), 'meeting')}, from {done[0].folder} to {done[-1].folder}")
        return
    for standing in done:
        _line(f"  {standing.meeting}  {timecode(standing.audio_ms)}  {size(standing.n_bytes)}")


def _coverage(found: Sequence[Standing]) -> None:
    for standing in found:
        coverage = standing.coverage
        assert coverage is not None
        _head(f"where the {timecode(coverage.duration_ms)} of {standing.meeting} went")
        no_speech = "no speech" if coverage.listened else "no words"
        parts = [(no_speech, coverage.no_speech_ms), ("transcribed", coverage.transcribed_ms)]
        if coverage.unattributed_ms:
            parts.append(("  of it, in nobody's voice", coverage.unattributed_ms))
        parts += [(f"  of it, in another language ({code})", ms) for code, ms in coverage.other_languages.items()]
        parts += [(f"not transcribed: {reason}", ms) for reason, ms in coverage.untranscribed.items()]
        parts.append(("excluded, masked or withheld", coverage.excluded_ms))
        for what, ms in parts:
            _line(f"  {ms / 1000:9,.1f} s  {100 * ms / (coverage.duration_ms or 1):5.1f} %  {what}")


def _engines(engines: Sequence[Engine]) -> None:
    if not engines:
        return
    _head("made by")
    for makes in ("words", "voices"):
        mine = [e for e in engines if e.makes == makes]
        names = short_names([e.fingerprint for e in mine])
        told = ", ".join(f"{name} ({n_of(e.n_meetings, 'meeting')})" for name, e in zip(names, mine, strict=True))
        heard = [e for e in mine if not e.fingerprint.startswith(("captions", "none"))]
        mixed = "; mixed: more than one engine listened, so compare across meetings with care" if len(heard) > 1 else ""
        _line(f"  {makes:<6}  {told or 'nothing yet'}{mixed}")


def short_names(fingerprints: Sequence[str]) -> list[str]:
    """Engines by their models and device, or in full where that would make two of them look alike.

    >>> short_names(["faster-whisper 1.2.1 ctranslate2 4.6.0, whisper-base d01c3014881c, cpu int8", "captions"])
    ['whisper-base on cpu int8', 'captions']
    """
    short = [_short_name(f) for f in fingerprints]
    return [name if short.count(name) == 1 else full for name, full in zip(short, fingerprints, strict=True)]


def _short_name(fingerprint: str) -> str:
    if fingerprint == "none":
        return "nobody, for want of a recording"
    parts = fingerprint.split(", ")
    models = [found[1] for p in parts if (found := re.fullmatch(r"(.+) [0-9a-f]{12}", p))]
    return f"{' and '.join(models)} on {parts[-1]}" if models else fingerprint


def _remarks(found: Sequence[Standing], *, all: bool) -> None:
    kinds: list[tuple[str, Callable[[Standing], int]]] = [
        ("partial: only a stretch was transcribed, the rest is to do", lambda s: s.partial_ms),
        ("with stretches that could not be made out", lambda s: s.uncovered_ms),
        ("with excluded stretches", lambda s: s.excluded_ms),
        ("with masked stretches", lambda s: s.masked_ms),
        ("with withheld stretches", lambda s: s.withheld_ms),
        ("with words without times, of which nothing can be cited", _untimed_ms),
        ("with captions only, nothing to listen to", lambda s: s.audio_ms if s.captions_only else 0),
    ]
    marked = [(what, length, [s for s in found if length(s)]) for what, length in kinds]
    if not any(group for _, _, group in marked):
        return
    _head("good to know")
    for what, length, group in marked:
        if group:
            told = f"{len(group):,} {what} ({timecode(sum(map(length, group)))})"
            _line(f"  {told}: {_names(group, all=all)}")


def _due(found: Sequence[Standing]) -> None:
    due = [place for s in found for place in s.due]
    if due:
        _head("withheld, and to be decided again by now", "bold yellow")
        for place in due:
            _line(f"  {place}")


def _behind(folders: Sequence[Behind]) -> None:
    if folders:
        _head("published, and changed since", "bold yellow")
    for each in folders:
        _line(f"  {each.folder}: {n_of(len(each.meetings), 'meeting')}. To renew it: onrecord publish {each.folder}")


def _untimed_ms(standing: Standing) -> int:
    """The length of a meeting whose words are plain text, but never nothing."""
    return max(1, standing.audio_ms) if standing.words == "captions txt" else 0


def _leftovers(status: Status, *, all: bool) -> None:
    left = status.leftovers
    if not left:
        return
    _head("left over: made from folders that are no longer in raw/")
    for each in left if all else left[:N_GROUPS]:
        indexed = ", still found by searches" if each.indexed else ""
        _line(f"  {each.meeting}  {size(each.n_bytes)}{indexed}. To take it out: onrecord remove {each.meeting}")
    if len(left) > N_GROUPS and not all:
        _line(f"  and {len(left) - N_GROUPS:,} more: --all")
    _line("  If a folder was only renamed, write its new name into meetings.toml instead, and its quotes stay.")


def _grouped(found: Iterable[Standing], key: Callable[[Standing], object]) -> list[list[Standing]]:
    """Meetings of which the same is to be said, the largest group first."""
    groups: dict[object, list[Standing]] = {}
    for standing in found:
        groups.setdefault(key(standing), []).append(standing)
    return sorted(groups.values(), key=len, reverse=True)


def _names(group: Sequence[Standing], *, all: bool) -> str:
    names = [s.meeting for s in group]
    return ", ".join(names) if all else few(names, N_NAMED)


def _rest(groups: Sequence[Sequence[Standing]]) -> None:
    if groups:
        _line(f"  and {n_of(sum(map(len, groups)), 'meeting')} more: --all")


# -- why ------------------------------------------------------------------------------------------


def print_link(link: Link) -> None:
    """What is to be said of one stage."""
    _line(link.why if link.runs else "it would not run: nothing has changed")
    _upgrade(link)


def print_chain(links: Sequence[Link]) -> None:
    """All stages of a meeting, a line each."""
    first = next((link for link in links if link.runs), None)
    for link in links:
        told = (
            f"made {link.made[:16].replace('T', ' ')} UTC"
            if not link.runs
            else link.why
            if link is first or not first
            else "after that"
        )
        _line(f"{'runs' if link.runs else 'stands':<6}  {link.stage:<10}  {told}")
        _upgrade(link)


def _upgrade(link: Link) -> None:
    if link.upgrade:
        _line(f"        an engine named by hand, or --upgrade, would make it again: {link.upgrade}")


# -- doctor ---------------------------------------------------------------------------------------


def print_findings(findings: Sequence[Finding]) -> None:
    """By part; what is wrong is marked, and what to do stands below it."""
    for i, finding in enumerate(findings):
        if i == 0 or finding.part != findings[i - 1].part:
            _head(finding.part) if i else _line(finding.part, "bold")
        _line(f"  {'ok' if finding.ok else '--'}  {finding.what:<10}  {finding.found}")
        told = [t for t in (finding.better, finding.fix) if t]
        if told:
            _line(f"                  {': '.join(told)}")
    wrong = [f for f in findings if not f.ok]
    _head(f"{n_of(len(wrong), 'thing')} to put right" if wrong else "all is well")
