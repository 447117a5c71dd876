"""`onrecord score`: the verbs that measure results against a reference."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.arguments import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Measure results against a reference.")


Ref = Annotated[Path, typer.Argument(metavar="REF", help="What people say it should be.")]
Hyp = Annotated[Path, typer.Argument(metavar="HYP", help="What was made.")]
Recording = Annotated[str, typer.Option("--recording", metavar="NAME", help="Which one, in a file that holds several.")]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


@app.command("words", epilog="Example: onrecord score words jfk.txt data/processed/jfk/transcript.json")
def score_words(reference: Ref, hypothesis: Hyp, recording: Recording = "", json: Json = False) -> None:
    """Word error rate after Whisper's own normalisation. REF and HYP: text, STM, words or a transcript."""
    from pipeline import measure, show

    errors = measure.words(reference, hypothesis, recording)
    if json:
        show.to_json(errors)
        return
    show.out.print(
        f"WER {_share(errors.rate)}: {errors.substitutions} misheard, {errors.deletions} lost, "
        f"{errors.insertions} invented, of {errors.n_reference} words"
    )


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
    """Diarisation error rate, no collar, overlap counted. REF and HYP: RTTM, STM, reference.json or turns."""
    from pipeline import measure, show

    found = measure.turns(reference, hypothesis, uem=uem, recording=recording)
    if json:
        show.to_json(found)
        return
    e = found.errors
    show.out.print(
        f"DER {_share(e.rate)}: {e.missed_ms / 1000:.1f} s missed, {e.false_alarm_ms / 1000:.1f} s false alarm, "
        f"{e.confused_ms / 1000:.1f} s confused, of {e.reference_ms / 1000:.1f} s; one voice for all: "
        f"{_share(found.one_speaker.rate)}; {found.n_voices_found} voices found of {found.n_voices_reference}"
    )


@app.command("speakers", epilog="Example: onrecord score speakers reference.json data/processed/m/transcript.json")
def score_speakers(reference: Ref, hypothesis: Hyp, recording: Recording = "", json: Json = False) -> None:
    """Words with the right voice and, where REF has people's ids, with the right name. HYP: transcript.json."""
    from pipeline import measure, show

    found = measure.speakers(reference, hypothesis, recording)
    if json:
        show.to_json(found)
        return
    v = found.voices
    show.out.print(f"voices: {v.n_right} of {v.n_reference} words right ({_share(v.rate)}), {v.n_found} words found")
    if found.names:
        n = found.names
        show.out.print(
            f"names: {n.right} words right, {n.wrong} wrong, {n.unknown} unknown, {n.missed} missed; "
            f"of those named {_share(n.precision)} right"
        )


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
