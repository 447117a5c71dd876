"""The command line. Verbs import what they need when they run, so that help comes at once.

Only this module prints results and leaves with an exit code: 0 success, 1 bug, 2 usage, 3 some meetings failed,
4 something that this machine lacks, 130 interrupted. Results go to stdout, progress and errors to stderr.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
import typer.core

from pipeline import (
    cli_accounts,
    cli_codes,
    cli_correct,
    cli_export,
    cli_keep,
    cli_meetings,
    cli_models,
    cli_publish,
    cli_roster,
    cli_score,
    cli_serve,
    cli_speakers,
    cli_verify,
)
from pipeline.arguments import DATA, Address, Data, Json, MeetingName, Meetings
from transcribe.problem import BUG, INTERRUPTED, LACKING, SOME_FAILED, Problem

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.work import Job, Outcome


FIRST = ("add", "check", "run", "status", "search", "quote", "speakers", "correct", "serve")
# An argument's name says what it is: beside it Typer would print the type that it has in Python.
typer.core.TyperArgument.display_type_rich = lambda self, ctx: None  # type: ignore[method-assign]


class _Ended(Exception):
    """Ctrl-C, or a reader of the output that went away."""


class _Verbs(typer.core.TyperGroup):
    """The verbs, those first that people begin with. Typer would list them as they are declared; and it would end these
    two its own way, with other exit codes and without a word."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))

    def invoke(self, ctx: Any) -> object:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, BrokenPipeError) as e:
            raise _Ended from e


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Recorded council meetings in; searchable quotes with named speakers, codes and timestamps out.",
    epilog="Start with `onrecord add` and `onrecord run`, then `onrecord search WORDS` or `onrecord serve`. "
    "Every verb has --help with an example.",
)
app.add_typer(cli_meetings.app)
app.add_typer(cli_correct.app)
app.add_typer(cli_export.app)
app.add_typer(cli_speakers.app)
app.add_typer(cli_roster.app)
app.add_typer(cli_keep.app)
app.add_typer(cli_verify.app)
app.add_typer(cli_serve.app)
app.add_typer(cli_publish.app)
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_accounts.app, name="accounts")
app.add_typer(cli_codes.app, name="codes")
app.add_typer(cli_score.app, name="score")

Asr = Annotated[
    str, typer.Option("--asr", metavar="NAME", help="Words from: auto, captions, whisper:MODEL, openai-whisper:MODEL.")
]
Diariser = Annotated[
    str,
    typer.Option("--diariser", metavar="NAME", help="Voices from: auto, captions, pyannote:starter, pyannote:MODEL."),
]
StyleName = Literal["plain", "apa", "chicago", "harvard", "oscola", "csl-json", "ris", "bibtex"]
STYLES = ", ".join(get_args(StyleName))
StageName = Literal["probe", "playable", "words", "turns", "transcript", "statements", "index"]
STAGES = ", ".join(get_args(StageName))


@app.command(epilog="Example: onrecord run 2024-05-14-public-safety --asr whisper:base")
def run(
    meetings: Meetings = None,
    through: Annotated[
        StageName, typer.Option("--through", metavar="STAGE", help=f"Stop after this stage: {STAGES}.")
    ] = "index",
    n_jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            min=0,
            metavar="N",
            help="Meetings at once; each takes about 2 GB of memory. 0: in this process, for looking for faults.",
        ),
    ] = 1,
    asr: Asr = "auto",
    diariser: Diariser = "auto",
    codebook: Annotated[
        Path | None,
        typer.Option(
            "--codebook",
            metavar="FILE",
            help="What to code for: a codebook, or the name of one that ships. Kept for this data folder.",
        ),
    ] = None,
    tagger: Annotated[
        str,
        typer.Option(
            "--tagger",
            metavar="NAME",
            help="Codes from: auto, rules, embedding, zero-shot:MODEL, or several with + between. Kept for this data "
            "folder.",
        ),
    ] = "",
    coded: Annotated[
        Path | None,
        typer.Option(
            "--coded",
            metavar="FILE",
            help="Statements that you coded (JSONL), for `embedding` to learn from. Kept, too.",
        ),
    ] = None,
    only: Annotated[
        str, typer.Option("--only", metavar="FROM-TO", help="Listen to this stretch first, such as 0:20:00-0:45:00.")
    ] = "",
    shard: Annotated[
        str,
        typer.Option(
            "--shard", metavar="I/N", help="Share I of N of the meetings, up to the index: for an array of jobs."
        ),
    ] = "",
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Redo finished words and voices where a better engine is here now.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every output by its hash, not by size and time.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, and how long; do nothing.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Bring meetings up to date: from recordings to indexed quotes. What is finished is not done again.

    Use it after putting recordings into data/raw/<meeting>/ or changing a meeting.toml. It can be stopped at any time:
    run it again and it goes on. One bad recording does not stop the others.
    """
    import time

    from pipeline import asked, batch, show
    from pipeline import plan as planning
    from pipeline.events import Event, Log, now
    from pipeline.meeting_toml import parse_range
    from pipeline.meetings import fix_ids, loose_media, readable

    began = time.monotonic()
    if only and not meetings:
        raise Problem("--only needs the meeting that it is about", fix="onrecord run MEETING --only FROM-TO")
    layout = asked.layout_of(data)
    jobs, refused = asked.jobs_of(
        layout,
        meetings,
        asr=asr,
        diariser=diariser,
        codebook=codebook,
        tagger=tagger,
        coded=coded,
        keep=not dry_run,
        through="statements" if shard and through == "index" else through,
        shard=asked.parse_shard(shard) if shard else None,
        upgrade=upgrade,
        verify=verify,
        only=parse_range(only) if only else None,
        n_threads=max(1, (os.cpu_count() or 1) // max(1, n_jobs)),
    )
    plans, broken = asked.plans_of(layout, jobs)
    if dry_run:
        if json:
            show.to_json({"plans": plans, "failed": [*refused, *broken]})
        else:
            show.print_plan(plans, [*refused, *broken])
        raise typer.Exit(SOME_FAILED if refused or broken else 0)
    planning.check_disk(layout, plans, n_jobs)
    fix_ids(layout, {j.folder: j.id for j in jobs})
    log = Log(layout.runs)
    try:
        with show.Live(quiet=json) as live:

            def sink(event: Event) -> None:
                log(event)
                live(event)

            for path in loose_media(layout):
                sink(
                    Event(
                        at=now(),
                        meeting="",
                        what="note",
                        message=f"{readable(str(path))} is left alone: put it in a folder of its own",
                    )
                )
            for choice in _choices_used(jobs, plans):
                sink(Event(at=now(), meeting="", what="note", message=choice))
            fresh = {p.meeting for p in plans if not p.stage}
            outcomes = [*refused, *batch.run(jobs, sink, n_workers=n_jobs, fresh=fresh)]
            sink(Event(at=now(), meeting="", what="end", wall_s=round(time.monotonic() - began, 3)))
    finally:
        log.close()
    if json:
        show.to_json(outcomes)
    show.print_summary(outcomes, time.monotonic() - began, str(log.path))
    raise typer.Exit(_exit_code(outcomes))


def _exit_code(outcomes: "list[Outcome]") -> int:
    codes = {o.exit_code for o in outcomes if o.status == "failed"}
    if not codes:
        return 0
    return next((code for code in (BUG, LACKING) if codes == {code}), SOME_FAILED)


def _choices_used(jobs: "list[Job]", plans: "list[Plan]") -> list[str]:
    """What `auto` took, in a line each: engines where anything is to be listened to, taggers where anything runs."""
    from pipeline.work import NAMES

    listening = {p.meeting for p in plans if p.stage and NAMES.index(p.stage) <= NAMES.index("turns")}
    job = next((j for j in jobs if j.id in listening), None)
    remarks = [job.asr.remark, job.diariser.remark] if job else []
    remarks += [jobs[0].tagger.remark] if any(p.stage for p in plans) else []
    return [r for r in remarks if r]


@app.command(epilog="Example: onrecord status --all")
def status(
    meetings: Meetings = None,
    all: Annotated[bool, typer.Option("--all", help="List every meeting, however many there are.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Show what is done, what comes next, and what failed and why. Use it at any time, also while a run goes on."""
    from pipeline import asked, show, show_status
    from pipeline import status as standing

    found = standing.status(asked.layout_of(data), meetings)
    if json:
        show.to_json(found)
    else:
        show_status.print_status(found, all=all or bool(meetings), receipts=bool(meetings))


@app.command(epilog="Example: onrecord why 2024-05-14-public-safety words")
def why(
    meeting: MeetingName,
    stage: Annotated[
        StageName | None, typer.Argument(metavar="STAGE", help=f"One of {STAGES}; without, all of them.")
    ] = None,
    asr: Asr = "auto",
    diariser: Diariser = "auto",
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Say why a stage would run again. It names the first thing that differs from when it was made.

    Use it when a run does more, or less, than you thought. Without a stage it goes through all of them.
    """
    import msgspec

    from pipeline import asked, show, show_status
    from pipeline.plan import chain

    context = asked.context_of(asked.layout_of(data), meeting, asr=asr, diariser=diariser)
    links = chain(context)
    link = next((each for each in links if each.stage == stage), None)
    if json and link:
        show.to_json({"meeting": context.meeting.id, **msgspec.to_builtins(link)})
    elif json:
        show.to_json({"meeting": context.meeting.id, "stages": links})
    elif link:
        show_status.print_link(link)
    else:
        show_status.print_chain(links)


@app.command(epilog="Example: onrecord doctor")
def doctor(json: Json = False, data: Data = DATA) -> None:
    """Show what this machine can do, what would be better, and how. Use it first, and when something is missing."""
    from pipeline import show, show_status
    from pipeline.doctor import examine

    findings = examine(data)
    if json:
        show.to_json(findings)
    else:
        show_status.print_findings(findings)


# -- find and cite --------------------------------------------------------------------------------


@app.command(epilog="Example: onrecord search '\"facial recognition\" speaker:okafor -parks' --sort newest")
def search(
    query: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY", help='Words, "exact phrase", -not, OR, speaker:, tag:, body:, before:, after: ...'
        ),
    ],
    sort: Annotated[
        Literal["best", "newest"], typer.Option("--sort", metavar="best|newest", help="Which come first.")
    ] = "best",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Quotes to show.")] = 10,
    offset: Annotated[
        int, typer.Option("--offset", min=0, metavar="N", help="Quotes to pass over before: the next page.")
    ] = 0,
    facets: Annotated[
        bool, typer.Option("--facets", help="Count them by speaker, body, year, code, stance and status too.")
    ] = False,
    evidence: Annotated[bool, typer.Option("--evidence", help="Say what each speaker's name rests on.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Find quotes. Prints each with its speaker, meeting, time, codes and permanent address.

    Use it to find who said what. The query language is in docs/search.md; put queries that begin with a dash behind
    `--`.
    """
    from pipeline import asked, show_quotes
    from search import find

    results = find.search(
        asked.layout_of(data).index, " ".join(query), sort=sort, limit=limit, offset=offset, facets=facets
    )
    show_quotes.print_results(results, asked.layout_of(data), evidence=evidence, json=json)


@app.command(epilog="Example: onrecord quote 2024-05-14-public-safety/187340-195120")
def quote(
    context: typer.Context,
    address: Address,
    style: Annotated[
        StyleName,
        typer.Option("--style", metavar="STYLE", help=f"How to cite it: {STYLES}; docs/citing.md shows each."),
    ] = "plain",
    history: Annotated[bool, typer.Option("--history", help="List every correction that touched it, too.")] = False,
    n_around: Annotated[
        int, typer.Option("--around", min=0, max=50, metavar="N", help="Turns to show before and after.")
    ] = 1,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Show one quote, how we know who said it, and how to cite it. With what was said before and after.

    Use it before you print a quote, and to get its citation. csl-json, ris and bibtex come alone on stdout, so that
    they can be piped: onrecord quote ADDRESS --style bibtex >> quotes.bib
    """
    from pipeline import asked, show_quotes

    asked_by = context.get_parameter_source("style")
    cited = asked_by is not None and asked_by.name == "COMMANDLINE"
    show_quotes.print_quote(
        asked.layout_of(data), address, style=style, cited=cited, n_around=n_around, history=history, json=json
    )


def main() -> None:
    """Run the command line; problems become one clear error, never a traceback."""
    try:
        app(standalone_mode=True)
    except Problem as e:
        from pipeline.show import print_problem

        print_problem(e.what, e.where, e.fix)
        sys.exit(e.exit_code)
    except _Ended as e:
        if isinstance(e.__cause__, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        sys.stderr.write("\nstopped; what is finished is kept, run again to go on\n")
        sys.exit(INTERRUPTED)
    except Exception as e:
        if os.environ.get("ONRECORD_TRACEBACK"):
            raise
        from pipeline.show import print_problem

        if isinstance(e, OSError) and e.errno is not None:
            fix = "check rights and free space there, then run again"
            print_problem(f"cannot read or write: {e.strerror}", str(e.filename or ""), fix)
            sys.exit(LACKING)
        fix = "set ONRECORD_TRACEBACK=1, run it again, and report what it prints"
        print_problem(f"a bug in onrecord: {e!r}", fix=fix)
        sys.exit(BUG)
