"""Solution regions: what a student is to write, between two one-line comments of a source.

    /* SOLUTION 3b: hint */        or, in a script,    # SOLUTION 3b: hint
    ...                                                ...
    /* END 3b */                                       # END 3b

In a handout each is replaced by a TODO comment with the same hint and, inside a function, by a
placeholder that fails as the region itself would have failed: nothing goes on as if it were written.
"""

import dataclasses
import re

_BEGIN = re.compile(r"(\s*)(/\*|#) SOLUTION ([1-4][a-z]?): (\S.*?)( \*/)?")
_END = re.compile(r"\s*(/\*|#) END ([1-4][a-z]?)( \*/)?")


class RegionError(Exception):
    """A marker without its other half. The message is one line: FILE:LINE: what is wrong."""


@dataclasses.dataclass(frozen=True)
class Region:
    """`begin` and `end` are the markers' lines, counted from 0; `body` what lies between them."""

    id: str
    hint: str
    indent: str
    begin: int
    end: int
    body: tuple


def find(text, name):
    """The regions of a source, in their order. `name` is for the message of a RegionError."""
    regions, opened = [], None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        where = f"{name}:{number + 1}"
        begin, end = _BEGIN.fullmatch(line), _END.fullmatch(line)
        if begin:
            if opened:
                raise RegionError(f"{where}: SOLUTION {begin[3]} inside of SOLUTION {opened[1][3]}")
            opened = number, begin
        elif end:
            if not opened:
                raise RegionError(f"{where}: END {end[2]} without a SOLUTION {end[2]} before it")
            if end[2] != opened[1][3]:
                raise RegionError(f"{where}: END {end[2]} ends SOLUTION {opened[1][3]}")
            first, marker = opened
            regions.append(Region(marker[3], marker[4], marker[1], first, number, tuple(lines[first + 1:number])))
            opened = None
        elif re.search(r"(/\*|#) (SOLUTION|END [1-4])", line):
            raise RegionError(f"{where}: not a marker of the kind `SOLUTION 3b: hint`, `END 3b`")
    if opened:
        raise RegionError(f"{name}:{opened[0] + 1}: SOLUTION {opened[1][3]} has no END {opened[1][3]}")
    return regions


# --- what stands there instead -------------------------------------------------------------------

# How a C region fails: the first of these that occurs in it. Its placeholder fails the same way.
_FAILURES = (
    # a child tells its parent, and ends
    (r"handshake_fail\(([^,]+, [^,]+),", 'handshake_fail({0}, "{why}");'),
    (r"\bhandshake\);", 'handshake_fail(handshake, 125, "{why}");'),
    # the orchestrator keeps the reason
    (r"\bo,", 'return failed(o, "{why}");'),
    # a program without anything to undo
    (r"die_errno\(([^,]+),", 'die({0}, "{why}");'),
    # a function that reports itself
    (r"\breturn (-1|false|COMMAND_FAILED);", 'report("{why}"); return {0};'),
    # one whose result is a failure until it is set
    (r"", 'report("{why}");'),
)


def _c_placeholder(region, text):
    why = f"not written yet: {region.id} (see task{region.id[0]}/README.md)"
    if "define TODO(" in text:
        return [f'TODO("{region.id}");']
    for pattern, statements in _FAILURES:
        found = re.search(pattern, "\n".join(region.body))
        if found:
            break
    lines = [line.strip() for line in re.findall(r"[^;]+;", statements.format(*found.groups(), why=why))]
    # Last, but before what leaves: the reason that whoever sees the failure will print.
    if "#include <errno.h>" in text and "return failed" not in statements and "die(" not in statements:
        place = 0 if "handshake" in statements else 1
        lines.insert(place, "errno = ENOSYS;")
    return lines


def placeholder(region, text, name):
    """The lines that take the region's place in the source `text`."""
    if name.endswith((".c", ".h")):
        lines = [f"/* TODO {region.id}: {region.hint} */"]
        if region.indent:  # else it is a function or more, and all that calls it is a region, too
            lines += _c_placeholder(region, text)
    else:
        lines = [f"# TODO {region.id}: {region.hint}", f"todo {region.id}"]
    return [region.indent + line for line in lines]


def empty(text, name):
    """The source without its solutions."""
    lines = text.splitlines(keepends=True)
    for region in reversed(find(text, name)):
        lines[region.begin:region.end + 1] = [line + "\n" for line in placeholder(region, text, name)]
    return "".join(lines)


def fill(emptied, text, name):
    """The source again, from what `empty` made of it and the regions of `text`."""
    whole = text.splitlines(keepends=True)
    result, rest = "", emptied
    for region in find(text, name):
        gap = "".join(line + "\n" for line in placeholder(region, text, name))
        before, found, rest = rest.partition(gap)
        if not found:
            raise RegionError(f"{name}: has no TODO {region.id}: {region.hint}")
        result += before + "".join(whole[region.begin:region.end + 1])
    return result + rest
