"""`onrecord verify` and `onrecord clip`: whether a quotation was said, and the sound that shows it."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import DATA, Address, Data, Json
from transcribe.problem import Problem

app = typer.Typer(rich_markup_mode=None)


@app.command(epilog='Example: onrecord verify "There was no engagement with residents" --speaker "Cllr Quayle"')
def verify(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="The quotation.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="An article: .txt, .html or .docx. Every quotation is checked."),
    ] = None,
    speaker: Annotated[str, typer.Option("--speaker", metavar="NAME", help="Who is said to have said it.")] = "",
    meeting: Annotated[str, typer.Option("--meeting", metavar="MEETING", help="In which meeting.")] = "",
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Check a quotation, or all those in an article. Shows the nearest words said in any meeting, and what differs.

    Use it before you print, or when you doubt what was printed. It says whether wording, speaker or meeting is wrong,
    with the address to play; a machine's transcript is all it knows, unless somebody listened.
    """
    from pipeline import asked, show, show_verify
    from pipeline.verified import Checker

    if bool(words) == bool(file):
        raise Problem("give the words of a quotation, or an article with --file", fix='onrecord verify "no engagement"')
    layout = asked.layout_of(data)
    named = asked.context_of(layout, meeting).meeting.id if meeting else ""
    checker = Checker(layout)
    if file:
        findings = checker.article(file, speaker=speaker, meeting=named)
    else:
        findings = (checker.text(" ".join(words or ()), speaker=speaker, meeting=named),)
    if json:
        show.to_json(findings if file else findings[0])
    else:
        show_verify.print_findings(findings, file=file.name if file else "")


@app.command(epilog="Example: onrecord clip 2024-05-14-public-safety/269830-281708 -o quayle.m4a --pad 5")
def clip(
    address: Address,
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FILE", help="The clip: .m4a, .mp3, .ogg, .opus, .wav, .mp4, .webm, .mkv."),
    ],
    pad_s: Annotated[float, typer.Option("--pad", metavar="SECONDS", help="So much more before and after.")] = 0.0,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: Json = False,
    data: Data = DATA,
) -> None:
    """Cut what an address plays into a file of its own. Unedited, out of the original recording.

    Use it to hand on what was said. Beside it go its words (.vtt) and where it is from (.json). It is copied without
    another encoding where the recording allows a start within 100 ms; otherwise it says that it was encoded again.
    """
    import math

    from pipeline import asked, clips, show, show_keep, show_verify
    from search.quotes import parse_address

    place = parse_address(address)
    if not math.isfinite(pad_s):
        raise Problem("padding is a number of seconds", fix="--pad 5")
    layout = asked.layout_of(data)
    made = clips.give(asked.context_of(layout, place.meeting), place, out, pad_s=pad_s, force=force)
    if json:
        show.to_json(made)
    else:
        show_verify.print_clip(made, out)
    show_keep.print_unknown(layout, [out])
