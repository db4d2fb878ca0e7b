"""A title as told -> words and separators. Knows nothing of what a word means; that is the vocabulary's part."""

import re
import unicodedata

SOFT = "&"
"""Parts joined as equals: and, ja, och, &, +, a slash."""
HARD = ","
"""Parts set beside each other: a comma, a dash between blanks, a bar, a line break."""
OPEN, CLOSE = "(", ")"
SEPARATORS = frozenset({SOFT, HARD, OPEN, CLOSE})

_MOJIBAKE = re.compile("[ÃÂ][\x80-\xbf\u0152-\u02dc\u2013-\u2122]")
_CONTACT = re.compile(
    r"(?:https?://|www\.)\S+|\S+@\S+\.\w+"  # addresses
    r"|\b\d{1,2}\.\s?\d{1,2}\.(?:\s?\d{2,4})?|\b\d{4}-\d{2}-\d{2}\b"  # days
    r"|(?<![^\W_])\+?\(?\d[\d\s()/-]{4,}\d(?![^\W_])"  # telephones
)
_WORD_OR_MARK = re.compile(r"[^\W_]+|[&+/,()]")
_PLAIN = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+)*")
_MARKS = {
    **dict.fromkeys("‐‑‒−­", "-"),
    **dict.fromkeys("–—―|;•·…<>=→\n\r\v\f\x85\u2028\u2029", ","),
    **dict.fromkeys("[{", "("),
    **dict.fromkeys("]}", ")"),
    **dict.fromkeys("⁄∕\\", "/"),
    **dict.fromkeys("＆", "&"),
    **dict.fromkeys("'’`´\"”“„", ""),
}
_MARK_TABLE = str.maketrans(_MARKS)
_FOLD_TABLE = str.maketrans({"ß": "ss", "æ": "a", "ø": "o", "đ": "d", "ł": "l"})


def normal_form(title: str) -> str:
    """The title in small letters, NFC, without addresses, telephones, days and ornament; words and separators parted by
    one blank. The normal form of a normal form is itself.
    """
    if title.isascii() and _PLAIN.fullmatch(title):  # most titles: nothing to clean
        return title.lower().replace("-", " ")
    text = unicodedata.normalize("NFKC", _repaired(title)).replace("\u00ad", "")
    text = unicodedata.normalize("NFC", text.lower())
    text = _CONTACT.sub(" , ", text)
    text = text.translate(_MARK_TABLE)
    text = re.sub(r"(?:(?<=\s)|^)-+(?=\s|$)|(?<=\s)-(?=[^\W_]+$)", " , ", text)  # a dash between blanks; " -päällikkö"
    text = re.sub(r"(?<=[^\W_]{6})\.(?=\s)|[:@]", " , ", text)  # the end of a sentence, but not of "dipl. ins."
    marks: list[str] = []
    for word in _WORD_OR_MARK.findall(text):
        word = SOFT if word in "+/" else word
        if word.isdigit():
            continue
        if word in (SOFT, HARD) and (not marks or marks[-1] in (SOFT, HARD, OPEN)):
            continue
        if word == CLOSE and marks and marks[-1] in (SOFT, HARD):
            marks.pop()
        marks.append(word)
    while marks and marks[-1] in (SOFT, HARD, OPEN):
        marks.pop()
    return " ".join(marks)


def fold(text: str) -> str:
    """Small letters without their marks: a title typed on a foreign keyboard has none."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower().translate(_FOLD_TABLE)) if not unicodedata.combining(c))


def _repaired(title: str) -> str:
    """UTF-8 that was once read as Latin-1: `pÃ¤Ã¤llikkÃ¶`."""
    if not _MOJIBAKE.search(title):
        return title
    for codec in ("cp1252", "latin-1"):
        try:
            return title.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
    return title
