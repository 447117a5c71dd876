"""Articles as people hand them over, read as paragraphs: text, HTML and Word's format.

Files come from anywhere: what they may hold is bounded, and nothing in them is followed or run.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from transcribe.problem import LACKING, Problem, reading

SUFFIXES = (".txt", ".md", ".html", ".htm", ".docx")
MOST_BYTES = 20_000_000  # of a file
MOST_LETTERS = 2_000_000  # of an article, which is a long book
MOST_PARTS, MOST_UNPACKED = 5_000, 100_000_000  # of the zip that a .docx is

# How a quoted passage is joined from its pieces, in characters that `read` lets no article hold.
BREAK, GAP = "\ue000", "\ue001"  # the article breaks off and goes on; the article leaves words out


class Paragraph(NamedTuple):
    text: str
    quoted: bool = False  # set off as a quotation, without marks


def read(path: Path) -> tuple[Paragraph, ...]:
    """The paragraphs of an article, by what its name ends in. Raises Problem for what is unreadable or too large."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise Problem(
            f"articles are read from {', '.join(SUFFIXES)}, not from {suffix or 'files without an ending'!r}",
            where=path,
            fix="save it as one of these; a PDF's text can be copied into a .txt",
        )
    with reading(path):
        if not path.is_file():
            raise Problem("this is not a file", where=path, fix="name the article's own file")
        if path.stat().st_size > MOST_BYTES:
            raise Problem(f"this file is larger than any article ({MOST_BYTES // 1_000_000} MB)", where=path)
        data = path.read_bytes()
    found = _of_docx(path) if suffix == ".docx" else _of_html(data) if suffix in (".html", ".htm") else _of_text(data)
    paragraphs, n_letters = [], 0
    for paragraph in found:
        n_letters += len(paragraph.text)
        if n_letters > MOST_LETTERS:
            raise Problem("there is more text in this file than in any article", where=path, fix="cut it into parts")
        if text := " ".join(paragraph.text.replace(BREAK, " ").replace(GAP, " ").split()):
            paragraphs.append(paragraph._replace(text=text))
    return tuple(paragraphs)


def _of_text(data: bytes) -> Iterator[Paragraph]:
    """Paragraphs are parted by empty lines; where there is none, every line is one. `>` sets a quotation off."""
    text = _decoded(data)
    if "\0" in text[:4096]:
        raise Problem("this is not text", fix="save the article as text, HTML or .docx")
    lines = text.splitlines()
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if "" in map(str.strip, lines[1:-1]) else lines
    for block in blocks:
        quoted = [line.lstrip() for line in block.splitlines() if line.strip()]
        set_off = bool(quoted) and all(line.startswith(">") for line in quoted)
        yield Paragraph(" ".join(line.lstrip("> ") for line in quoted) if set_off else block, set_off)


_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_-]{1,40})""", re.I)


def _decoded(data: bytes) -> str:
    """Text in the encoding that it says, UTF-8, or what older Windows writes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    stated = _CHARSET.search(data[:4096])
    for encoding in ("utf-8-sig", stated[1].decode("ascii") if stated else "", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", errors="replace")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BLOCKS = _set(
    "p div section article li ul ol dl dt dd h1 h2 h3 h4 h5 h6 br hr tr td th table figure figcaption blockquote pre "
    "header footer main aside body title"
)
_UNREAD = _set("script style template noscript svg head nav form textarea iframe")


class _Html(HTMLParser):
    """Text in blocks; `<q>` gets its marks, `<blockquote>` sets off."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Paragraph] = []
        self._text: list[str] = []
        self._unread = self._quoted = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _BLOCKS:
            self.flush()
        if tag == "body":
            self._unread = 0
        self._unread += tag in _UNREAD
        self._quoted += tag == "blockquote"
        if tag == "q":
            self._text.append("“")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag in _BLOCKS:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.flush()
        self._unread = max(0, self._unread - (tag in _UNREAD))
        self._quoted = max(0, self._quoted - (tag == "blockquote"))
        if tag == "q":
            self._text.append("”")

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._text.append(data)

    def flush(self) -> None:
        self.found.append(Paragraph("".join(self._text), self._quoted > 0))
        self._text = []


_STRAY = re.compile(r"<(?=[^<>]*(?:<|$))")  # begins no tag; thousands of them would keep the parser busy for hours


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        kept.append(text[at:start])
        end = text.find("-->", start)
        at = len(text) if end < 0 else end + 3
    return "".join([*kept, text[at:]])


def _of_html(data: bytes) -> Iterator[Paragraph]:
    parser = _Html()
    try:
        parser.feed(_STRAY.sub("&lt;", _without_comments(_decoded(data))))
        parser.close()
    except (AssertionError, ValueError) as e:  # what the standard library raises for marks that nobody closes
        raise Problem("this HTML cannot be read", fix="save the article as text") from e
    parser.flush()
    yield from parser.found


_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SAME_AGAIN = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def _of_docx(path: Path) -> Iterator[Paragraph]:
    """Paragraphs of the body with what was inserted and without what was deleted; quotations by their style."""
    try:
        import docx
    except ImportError as e:
        raise Problem(
            "reading .docx needs python-docx", where=path, fix='pip install "onrecord[docx]"', exit_code=LACKING
        ) from e
    _check_zip(path)
    try:
        document = docx.Document(str(path))
        body = document.element.body
        styles = {style.style_id: style.name or "" for style in document.styles}
    except Exception as e:  # a damaged file makes that library raise whatever it stumbles over
        raise _no_docx(path, "its document cannot be read") from e
    for paragraph in body.iter(f"{_WORD}p"):
        if any(a.tag == _SAME_AGAIN for a in paragraph.iterancestors()):
            continue
        style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
        name = styles.get(style.get(f"{_WORD}val"), "") if style is not None else ""
        yield Paragraph("".join(_runs(paragraph)), "quote" in name.lower() or name == "Block Text")


def _runs(paragraph: object) -> Iterator[str]:
    for node in paragraph.iter():  # type: ignore[attr-defined]
        if node.tag == f"{_WORD}t":
            yield node.text or ""
        elif node.tag in (f"{_WORD}tab", f"{_WORD}br", f"{_WORD}cr"):
            yield " "
        elif node.tag == f"{_WORD}noBreakHyphen":
            yield "-"


def _check_zip(path: Path) -> None:
    """Refuse what would fill the memory, and entities, which no word processor writes."""
    try:
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            if len(entries) > MOST_PARTS or sum(e.file_size for e in entries) > MOST_UNPACKED:
                raise _no_docx(path, "it unpacks to more than any article")
            for entry in entries:
                if entry.filename.lower().endswith((".xml", ".rels")):
                    with pack.open(entry) as f:
                        text = f.read(entry.file_size).replace(b"\0", b"")
                    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                        raise _no_docx(path, f"{entry.filename!r} declares entities")
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError, OSError, zlib.error) as e:
        raise _no_docx(path, "it is damaged, or encrypted") from e


def _no_docx(path: Path, why: str) -> Problem:
    return Problem(f"this is no .docx that can be read: {why}", where=path, fix="save the article again, or as text")
