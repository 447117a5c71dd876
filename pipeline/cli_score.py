"""`onrecord score`: the verbs that measure results against a reference."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure results against a reference.")


Ref = Annotated[Path, typer.Argument(metavar="REF", help="What people say it should be: a file, or a folder of them.")]
Hyp = Annotated[Path, typer.Argument(metavar="HYP", help="What was made: a file, or a folder of them.")]
Recording = Annotated[str, typer.Option("--recording", metavar="NAME", help="Only this one of several recordings.")]


@app.command("words", epilog="Example: onrecord score words jfk.txt data/processed/jfk/transcript.json")
def score_words(
    reference: Ref,
    hypothesis: Hyp,
    names: Annotated[
        Path | None,
        typer.Option("--names", metavar="FILE", help="Names that matter: a meeting.toml, or text with one in a line."),
    ] = None,
    recording: Recording = "",
    json: Json = False,
) -> None:
    """Count wrong, lost and invented words. Against a transcript that somebody made with care.

    Use it to see how good an engine is on recordings like yours. WER (word error rate) is their share of the words
    really said, after Whisper's own normalisation of spelling and figures. Passages lost, names heard and the times of
    words are counted, too, where REF has them.
    """
    from pipeline import measure, show_score

    found = measure.words(reference, hypothesis, recording, names)
    show_score.as_json(found) if json else show_score.words(found)


@app.command("turns", epilog="Example: onrecord score turns ami.rttm data/processed/trn00/turns.json --recording trn00")
def score_turns(
    reference: Ref,
    hypothesis: Hyp,
    uem: Annotated[
        Path | None, typer.Option("--uem", metavar="FILE", help="Count only within the stretches of this UEM file.")
    ] = None,
    recording: Recording = "",
    json: Json = False,
) -> None:
    """Measure how well voices were told apart. Whether as many were found, too.

    Use it to compare engines or settings. DER (diarisation error rate) is the share of speaking time that has the wrong
    voice, none, or a voice where nobody speaks; JER is that for each voice, averaged. No collar; overlap is counted.
    """
    from pipeline import measure, show_score

    found = measure.turns(reference, hypothesis, uem=uem, recording=recording)
    show_score.as_json(found) if json else show_score.turns(found)


@app.command(
    "speakers", epilog="Example: onrecord score speakers reference.json data/processed/m/transcript.json --plot m.png"
)
def score_speakers(
    reference: Ref,
    hypothesis: Hyp,
    people: Annotated[
        Path | None,
        typer.Option(
            "--people", metavar="FILE", help="The meeting.toml that says who people are, where REF has names."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw coverage and precision of names: .png, .svg, .pdf."),
    ] = None,
    recording: Recording = "",
    json: Json = False,
) -> None:
    """Count words with the right voice and the right name. The latter where REF says who people are.

    Use it before you trust names on meetings like yours. cpWER is the word error rate with voices matched as well as
    they can be, so that a right word with the wrong voice is an error; tcpWER also asks for the right time.

    Of names: coverage (words in voices that got one), precision (named words with the right one), by status, over
    thresholds of probability, and in time.
    """
    from pipeline import measure, show_score

    if plot:
        show_score.check_plot(plot)
    found = measure.speakers(reference, hypothesis, recording, people)
    if plot:
        show_score.plot_names(found, plot)
    show_score.as_json(found) if json else show_score.speakers(found)


@app.command("tags", epilog="Example: onrecord score tags truth.jsonl --data made --errors 5")
def score_tags(
    reference: Ref,
    hypothesis: Annotated[
        Path | None,
        typer.Argument(metavar="HYP", help="A meeting's statements.json, where REF is its reference.json."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Judge the quotes of this data folder, where rows lie.")
    ] = None,
    codebook: Annotated[
        str,
        typer.Option("--codebook", metavar="NAME|FILE", help="The codebook; that of --data, or the one that ships."),
    ] = "",
    tagger: Annotated[
        str,
        typer.Option("--tagger", metavar="NAME", help="Without --data: tag with rules, embedding, rules+embedding ..."),
    ] = "rules",
    coded: Annotated[
        Path | None,
        typer.Option("--coded", metavar="FILE", help="Statements for embedding to learn from; not REF itself."),
    ] = None,
    n_errors: Annotated[
        int, typer.Option("--errors", min=0, metavar="N", help="List so many differences of each kind.")
    ] = 0,
    json: Json = False,
) -> None:
    """Measure topic, codes and stance against labelled statements. JSONL, alone or where they stand in meetings.

    Use it before you trust a codebook or a tagger. Rows have text, topic, codes and stance; with --data also meeting,
    start_ms and end_ms: docs/researchers.md. Plain keywords are shown beside every score.
    """
    from analyse import codebook as codebooks
    from analyse import taggers
    from pipeline import asked, measure_tags, show_tags

    layout = asked.layout_of(data) if data else None
    book = codebooks.load(codebook) if codebook else asked.codebook_of(layout)
    if hypothesis is not None:
        found = measure_tags.of_meeting(reference, hypothesis, book)
    elif layout is not None:
        found = measure_tags.in_meetings(reference, layout, book)
    else:
        found = measure_tags.alone(reference, book, taggers.choose(tagger, book, coded))
    show_tags.as_json(found, n_errors) if json else show_tags.scores(found, n_errors)
