"""`onrecord score`: the verbs that measure results against a reference."""

from pathlib import Path
from typing import Annotated, Literal

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
    """Word errors after Whisper's own normalisation, passages lost, words invented, names heard, times of words."""
    from pipeline import measure, show_score

    found = measure.words(reference, hypothesis, recording, names)
    show_score.as_json(found) if json else show_score.words(found)


@app.command("turns", epilog="Example: onrecord score turns ami.rttm data/processed/trn00/turns.json --recording trn00")
def score_turns(
    reference: Ref,
    hypothesis: Hyp,
    uem: Annotated[
        Path | None, typer.Option("--uem", metavar="FILE", help="Count only within these stretches.")
    ] = None,
    recording: Recording = "",
    json: Json = False,
) -> None:
    """Diarisation errors (DER, JER; no collar, overlap counted) and the number of voices."""
    from pipeline import measure, show_score

    found = measure.turns(reference, hypothesis, uem=uem, recording=recording)
    show_score.as_json(found) if json else show_score.turns(found)


@app.command("speakers", epilog="Example: onrecord score speakers reference.json data/processed/m/transcript.json")
def score_speakers(reference: Ref, hypothesis: Hyp, recording: Recording = "", json: Json = False) -> None:
    """Words with the right voice (cpWER, tcpWER) and, where REF has people's ids, with the right name."""
    from pipeline import measure, show_score

    found = measure.speakers(reference, hypothesis, recording)
    show_score.as_json(found) if json else show_score.speakers(found)


@app.command("tags", epilog="Example: onrecord score tags labelled.jsonl --part held-back")
def score_tags(
    reference: Ref,
    hypothesis: Annotated[Path | None, typer.Argument(metavar="[HYP]", help="statements.json of a meeting.")] = None,
    codebook: Annotated[
        str, typer.Option("--codebook", metavar="NAME|FILE", help="The codebook to tag with.")
    ] = "lfr-engagement",
    part: Annotated[
        Literal["all", "read", "held-back"], typer.Option("--part", help="The half of the documents to use.")
    ] = "all",
    json: Json = False,
) -> None:
    """Topic, codes and stance. REF alone: labelled statements (JSONL). With HYP: reference.json of a meeting."""
    from analyse import codebook as codebooks
    from analyse import score
    from pipeline import measure, show

    book = codebooks.load(codebook)
    if hypothesis is None:
        report = score.score_tags(reference, book, part=part)
        if json:
            show.to_json(report)
            return
        for name, s in (("all rows", report.whole), ("paraphrases only", report.paraphrase)):
            show.out.print(f"{name}: {s.n_rows} statements, {s.n_on_topic} on topic")
            show.out.print(f"  topic F1 {s.topic_alone.f1:.3f} from the text alone (keywords {s.keywords.f1:.3f})")
            show.out.print(f"  topic F1 {s.topic.f1:.3f} with its context (keywords {s.keywords_context.f1:.3f})")
            show.out.print(f"  codes F1 {s.codes.micro_f1:.3f} micro, {s.codes.macro_f1:.3f} macro")
            show.out.print(f"  stance accuracy {s.stance.accuracy:.3f}, macro F1 {s.stance.macro_f1:.3f}")
        return
    found = measure.meeting_tags(reference, hypothesis, book)
    if json:
        show.to_json(found)
        return
    for what, t in (("sentences", found.sentences), ("statements", found.statements)):
        show.out.print(f"{what} on topic: {t.right} found, {t.missed} missed, {t.false} false (F1 {t.f1:.3f})")
    show.out.print(f"codes F1 {found.codes.micro_f1:.3f} micro, {found.codes.macro_f1:.3f} macro")
    show.out.print(f"stance accuracy {found.stance.accuracy:.3f}, whose it is {found.holder_right} of {found.holder_n}")
