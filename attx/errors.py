"""The one exception that a user's own mistake raises, names close to misspelt ones, and what too little memory is."""

import difflib
import re
from collections.abc import Iterable

# characters that command a terminal or turn the direction of text, but for the line feed
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class UserError(Exception):
    """Something a user can mend: the message names the file or key and the remedy; the CLI prints it alone."""


def printable(text: object) -> str:
    """`text` with control characters, which command a terminal, written out as their escapes; lines stay lines."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


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


def out_of_memory(error: BaseException) -> bool:
    """Whether a device or the host ran out of memory; torch is not imported to name its errors."""
    # the words of plain RuntimeErrors: of the host, of CUDA's runtime and driver, of Triton, of cuBLAS and cuDNN, of
    # which the last finds no algorithm whose workspace fits
    told = ("can't allocate memory", "CUDA error: out of memory", "CUDA driver error: out of memory")
    told += ("Triton Error [CUDA]: out of memory", "STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED")
    told += ("unable to find an engine to execute this computation", "can't start new thread")
    told += ("failed to map segment from shared object", "cannot allocate memory")  # of a library that is loaded late
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError | ImportError) and any(words in str(error) for words in told))
