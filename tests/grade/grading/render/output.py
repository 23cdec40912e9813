"""Where a rendered text goes: standard output, a file, a file a submission."""

import os
import sys
from pathlib import Path

from . import clean
from .model import RenderError


def write(text, out):
    """Writes to the file, or to standard output if out is None. A file is there whole or not at all."""
    if out is None:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
        return
    out = Path(out)
    temporary = out.with_name(f".{out.name}.new")
    try:
        temporary.write_bytes(text.encode("utf-8"))
        os.replace(temporary, out)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RenderError(f"{out}: can't be written: {error.strerror}") from error


def directory(out):
    """Makes the directory; its parent must exist."""
    out = Path(out)
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise RenderError(f"{out}: can't be made: {error.strerror}") from error
    return out


def file_of(result, suffix):
    """The file's name of a submission: its directory's name, made safe, and the suffix. In the batch's own directory
    it can't meet a submission's directory."""
    return clean.file_name(result["_at"]) + suffix
