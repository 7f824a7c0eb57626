"""The one exception that a user's own mistake raises, and how close misspellings are named."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something a user can mend: the message names the file or key and the remedy; the CLI prints it alone."""


def nearest(word: object, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the known word nearest to `word`, or the list of known words if none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(str(word), known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def unknown(kind: str, word: object, known: Iterable[str]) -> UserError:
    """The error for an unknown name or key, with the nearest known one."""
    return UserError(f"unknown {kind} {word!r}{nearest(word, known)}")
