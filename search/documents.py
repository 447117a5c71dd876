"""A transcript as a DOCX document, to begin minutes from."""

import io
import re

from search.cite import timecode
from search.exports import Paragraph, Source, heading, not_opened, sections, spoken_by
from transcribe.problem import LACKING, Problem

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what no XML may hold


def to_docx(source: Source) -> bytes:
    """A transcript with a heading for each item of the agenda that was heard to be opened, and a paragraph for each
    voice: its time, the speaker in bold with how we know, and the words. Every page says what it is.

    Raises Problem where python-docx is not installed."""
    try:
        import docx
        from docx.document import Document
        from docx.shared import Pt, RGBColor
    except ImportError as e:
        raise Problem("python-docx is not installed", fix='pip install "onrecord[docx]"', exit_code=LACKING) from e
    title, *about = heading(source)
    document: Document = docx.Document()
    core = document.core_properties
    core.title, core.author, core.comments = _plain(title), "", _plain(" ".join(source.notes))
    core.language = source.transcript.language or ""
    document.styles["Normal"].font.size = Pt(11)
    document.add_heading(_plain(title), level=0)
    for line in about:
        document.add_paragraph(_plain(line)).runs[0].italic = line in source.notes

    def add(paragraph: Paragraph) -> None:
        written = document.add_paragraph()
        if paragraph.start_ms is not None:
            at = written.add_run(f"[{timecode(paragraph.start_ms)}] ")
            at.font.size, at.font.color.rgb = Pt(9), RGBColor(0x59, 0x59, 0x59)
        if paragraph.name:
            shown = paragraph.name.display
            written.add_run(_plain(shown)).bold = True
            written.add_run(_plain(f"{spoken_by(paragraph.name).removeprefix(shown)}: "))
        written.add_run(_plain(paragraph.text)).italic = True if paragraph.name is None else None

    for section in sections(source):
        if section.title:
            document.add_heading(_plain(section.title), level=1)
        for paragraph in section.paragraphs:
            add(paragraph)
    if unopened := not_opened(source.items):
        document.add_paragraph(_plain(unopened)).runs[0].italic = True
    document.sections[0].footer.paragraphs[0].text = _plain(source.notes[0])
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def _plain(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
