"""Writes any format from canonical results. It reads DIR/NAME/result.json and the evidence beside it, nothing else;
the same results give the same bytes.

FORMATS: name -> Format. Format.render(results, directory, out, audience) writes to out, a path or None (stdout).
"""

from pathlib import Path
from typing import Callable, NamedTuple

from . import autolab, classroom50, csv_, gradescope, html_, json_, junit, output, tap, text
from .model import AUDIENCES, RenderError, load, view

__all__ = ["AUDIENCES", "FORMATS", "Format", "RenderError", "load"]


class Format(NamedTuple):
    """How results are written, and for whom unless --audience says so."""
    render: Callable
    audience: str
    help: str


def _together(module):
    """All submissions in one text."""
    def render(results, directory, out, audience):
        output.write(module.render([view(result, audience) for result in results], directory), out)
    return render


def _apart(module, suffix):
    """A platform's format: one submission a file."""
    def render(results, directory, out, audience):
        several = len(results) > 1
        if several and out is None:
            raise RenderError(f"{directory}: {len(results)} submissions, and this format has one a file (give -o OUT, "
                              "a directory)")
        if several:
            output.directory(out)
        for result in results:
            into = out
            if out is not None and Path(out).is_dir():
                into = Path(out) / output.file_of(result, suffix)
            output.write(module.render(view(result, audience), directory), into)
    return render


FORMATS = {
    "text": Format(_together(text), "student", "a report for a terminal"),
    "json": Format(_together(json_), "instructor", "the canonical results"),
    "csv": Format(_together(csv_), "instructor", "a table, a row a submission"),
    "junit": Format(_together(junit), "instructor", "JUnit XML, as Jenkins' xunit plugin checks it"),
    "tap": Format(_together(tap), "instructor", "TAP version 14"),
    "gradescope": Format(_apart(gradescope, ".json"), "instructor", "Gradescope's results.json"),
    "classroom50": Format(_apart(classroom50, ".json"), "student", "Classroom 50's result.json"),
    "autolab": Format(_apart(autolab, ".txt"), "student", "an Autolab autograder's output"),
    "html": Format(html_.render, "student", "a page a student and the class's index, in the directory OUT"),
}
