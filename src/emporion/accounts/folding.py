"""Names in the form in which they are compared (contract: GET /customers, `name`)."""

from __future__ import annotations

import unicodedata

from emporion.validation import INVISIBLE

# Letters that keep their stroke when Unicode takes accents apart, though people search without it.
STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
# Accents that stand alone, which people type for an apostrophe; Unicode would take some for a blank with an accent.
_ACCENTS = str.maketrans(dict.fromkeys("`\u00b4\u02ca\u02cb\uff40", "'"))
# Apostrophes and dashes of all kinds, of which keyboards have one each: Pd of Unicode, and what passes for it.
_APOSTROPHES = "\u02b9\u02bb\u02bc\u02bd\u055a\u05f3\u2018\u2019\u201b\u2032\ua78b\ua78c\uff07"
_DASHES = (
    "\u02d7\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d"
    "\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63\uff0d\U00010d6e\U00010ead"
)
_ONE_SPELLING = str.maketrans(dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_DASHES, "-"))


def fold(text: str) -> str:
    """The form in which names are compared (contract: GET /customers, `name`).

    It has no case, no accents, one kind of apostrophe and of dash, and nothing that cannot be seen. Stores keep it: a
    change of it needs a migration.
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_ACCENTS))
    plain = "".join(char for char in apart if not unicodedata.combining(char)).casefold()
    plain = plain.translate(STROKES).replace("`", "'")
    return plain if plain.isascii() else INVISIBLE.sub("", plain).translate(_ONE_SPELLING)
