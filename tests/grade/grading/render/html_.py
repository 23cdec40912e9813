"""The html format: OUT/index.html for the instructor, OUT/students/NAME.html, a self-contained page a student.

The pages stand apart, so that their directory can be handed out without the index.
"""

from pathlib import Path

from . import index, output, page
from .model import RenderError, view

PAGES = "students"


def render(results, directory, out, audience):
    """Writes all pages below the directory out; the pages are for the audience, the index is the instructor's."""
    if out is None:
        raise RenderError("html is a directory of pages (give -o OUT, a directory)")
    pages = output.directory(output.directory(out) / PAGES)
    for result in results:
        output.write(page.render(view(result, audience), directory), pages / output.file_of(result, ".html"))
    links = [f"{PAGES}/{output.file_of(result, '.html')}" for result in results]
    everything = [view(result, "instructor") for result in results]
    output.write(index.render(everything, links), Path(out) / "index.html")
