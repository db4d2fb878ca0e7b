"""The answer to a person as a PDF, for whoever gets it on paper or files it.

Set in Bitstream Vera, which comes with ReportLab and may be embedded; it has the letters of Western and Northern Europe.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, TableStyle

FONTS = {"Vera": "Vera.ttf", "Vera-Bold": "VeraBd.ttf"}
MARGIN = 18 * mm
WIDTH = landscape(A4)[0] - 2 * MARGIN
PLAIN = ParagraphStyle("plain", fontName="Vera", fontSize=9, leading=13, spaceAfter=4)
TITLE = ParagraphStyle("title", PLAIN, fontName="Vera-Bold", fontSize=15, leading=20)
HEAD = ParagraphStyle("head", PLAIN, fontName="Vera-Bold", fontSize=10.5, spaceBefore=10, keepWithNext=True)
# Addresses and ids have no blanks: a cell breaks wherever it must.
CELL = ParagraphStyle("cell", PLAIN, fontSize=7, leading=9, spaceAfter=0, wordWrap="CJK")
NAME = ParagraphStyle("name", CELL, fontName="Vera-Bold")
LINES = TableStyle([
    ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey), ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
])  # fmt: skip

Part = tuple[str, str | Sequence[Mapping[str, str]]]
"""A heading, and its text or its table: rows of header -> cell."""


def pdf(title: str, parts: Sequence[Part], language: str) -> bytes | None:
    """The document; None where the font lacks a letter, for a name must not stand there misspelt. Same parts, same bytes."""
    for name, file in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, str(Path(reportlab.__file__).parent / "fonts" / file)))
    texts = [title, *(text for part in parts for text in _texts(part))]
    known = pdfmetrics.getFont("Vera").face.charToGlyph
    if any(ord(letter) not in known for text in texts for letter in text if not letter.isspace()):
        return None
    story = [Paragraph(escape(title), TITLE)]
    for heading, content in parts:
        story += [Paragraph(escape(heading), HEAD)] if heading else []
        story.append(Paragraph(escape(content), PLAIN) if isinstance(content, str) else _table(content))
    made = io.BytesIO()
    SimpleDocTemplate(
        made, pagesize=landscape(A4), leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN, title=title,
        lang=language, invariant=True,
    ).build(story)  # fmt: skip
    return made.getvalue()


def _texts(part: Part) -> list[str]:
    heading, content = part
    cells = [content] if isinstance(content, str) else [text for row in content for pair in row.items() for text in pair]
    return [heading, *cells]


def _table(rows: Sequence[Mapping[str, str]]) -> LongTable:
    lines = [[Paragraph(escape(name), NAME) for name in rows[0]]]
    lines += [[Paragraph(escape(cell), CELL) for cell in row.values()] for row in rows]
    return LongTable(lines, colWidths=[WIDTH / len(rows[0])] * len(rows[0]), repeatRows=1, style=LINES, splitInRow=1)
