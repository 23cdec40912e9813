"""What every renderer asks of canonical results: reading them, whom they are shown to, sums and orders."""

import copy
import json
import os
import stat
from pathlib import Path

from . import clean

SCHEMA = "container-course/result/1"
AUDIENCES = ("student", "instructor")
VERDICTS = ("pass", "fail", "blocked", "missing", "error")
EVIDENCE_LIMIT = 20_000
PICTURE_LIMIT = 1_000_000


class RenderError(Exception):
    """A failure of rendering itself, told in one line."""


def load(directory):
    """The results below DIR/NAME/, by NAME. Each remembers its directory's name in "_at"."""
    results = []
    for path in sorted(Path(directory).glob("*/result.json")):
        results.append(_load_one(path))
    if not results:
        raise RenderError(f"{directory}: no NAME/result.json in it (is it what grade -o wrote?)")
    return results


def _load_one(path):
    try:
        # Evidence may have brought bytes that are no UTF-8; one of them must not cost the whole class its pages.
        result = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise RenderError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise RenderError(f"{path}: not JSON: {error}") from error
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise RenderError(f"{path}: not a result of schema {SCHEMA}")
    result["_at"] = path.parent.name
    return result


def view(result, audience):
    """The result as this audience may see it. Instructors: all. Students: hidden checks are left out, and each group
    counts them in "hidden" {count, points, max}; nothing else names them."""
    if audience == "instructor":
        return result
    result = copy.deepcopy(result)
    hidden = [check for check in result["checks"] if is_hidden(check)]
    gone = {check["id"] for check in hidden}
    result["checks"] = [check for check in result["checks"] if check["id"] not in gone]
    for group in result["groups"]:
        own = [check for check in hidden if check["group"] == group["id"] and not is_extra(check)]
        group["hidden"] = {"count": len(own), "points": sum(c["points"] for c in own if judged(c)),
                           "max": sum(c["max"] for c in own if judged(c))}
    for check in result["checks"]:
        check["presupposes"] = [i for i in listed(check.get("presupposes")) if i not in gone]
        check["blocked_by"] = ["a hidden check" if i in gone else i for i in listed(check.get("blocked_by"))]
    return result


def listed(value):
    """A list from what may be none, a word or a list."""
    if not value:
        return []
    return [value] if isinstance(value, str) else list(value)


def is_hidden(check):
    """Whatever isn't plainly visible is hidden: a word we don't know must not tell a student anything."""
    return check.get("visibility", "visible") != "visible"


def judged(check):
    """It gives or costs points: neither blocked nor the grader's own failure."""
    return check["verdict"] not in ("blocked", "error")


def is_extra(check):
    """A robust check that is shown but not counted."""
    return check.get("track") == "robust" and not check["max"]


def checks_of(result, group):
    """The counted checks of a group, in the rubric's order."""
    return [c for c in result["checks"] if c["group"] == group["id"] and not is_extra(c)]


def extras_of(result):
    """The checks beyond the assignment, worth nothing."""
    return [check for check in result["checks"] if is_extra(check)]


def groups_of(result, task):
    """The groups that belong to a task: those whose id begins with its number."""
    number = str(task["task"])
    return [group for group in result["groups"] if str(group["id"]).startswith(number)]


def remainder(result, group):
    """Points of the group that no shown check carries: (points, max). They are those of hidden checks and the share
    that stands for blocked ones. Never negative, never more points than max."""
    shown = [check for check in checks_of(result, group) if judged(check)]
    points = group["points"] - sum(check["points"] for check in shown)
    most = group["max"] - sum(check["max"] for check in shown)
    most = max(most, 0)
    return min(max(points, 0), most), most


def counts(checks):
    """How many checks have each verdict, and "flaky"."""
    numbers = {verdict: 0 for verdict in VERDICTS + ("flaky",)}
    for check in checks:
        numbers[check["verdict"]] = numbers.get(check["verdict"], 0) + 1
        numbers["flaky"] += bool(check.get("flaky"))
    return numbers


def grader_failed(result):
    """The grader's own failures in this result: checks, and tasks that it couldn't run."""
    return [c for c in result["checks"] if c["verdict"] == "error"] + \
        [t for t in result["tasks"] if t.get("state") == "error"]


def unblocks(result):
    """For each failed check's id, how many others wait for it."""
    waiting = {}
    for check in result["checks"]:
        for cause in listed(check.get("blocked_by")):
            waiting[cause] = waiting.get(cause, 0) + 1
    return waiting


def plural(number, noun):
    """3 checks, 1 check."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def evidence(directory, result, path, limit=EVIDENCE_LIMIT):
    """(bytes, size) of an evidence file, at most limit bytes; None if it isn't a plain file below evidence/.
    No part of the path may be a symbolic link: what a submission left there must not lead a reader elsewhere."""
    parts = Path(path).parts
    if not parts or Path(path).is_absolute() or ".." in parts:
        return None
    place = None
    try:
        place = os.open(Path(directory) / result["_at"], os.O_PATH | os.O_DIRECTORY)
        for part in ("evidence",) + parts:
            inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
            os.close(place)
            place = inner
        status = os.fstat(place)
        if not stat.S_ISREG(status.st_mode):
            return None
        with open(place, "rb", closefd=False) as file:
            return file.read(limit), status.st_size
    except (OSError, ValueError):
        return None
    finally:
        if place is not None:
            os.close(place)


def evidence_text(directory, result, path, limit=EVIDENCE_LIMIT):
    """An evidence file as text that is safe to show, cut with a note at limit bytes; None if there is none."""
    found = evidence(directory, result, path, limit)
    if found is None:
        return None
    data, size = found
    shown = clean.text(data.decode("utf-8", "replace"), limit)
    if size > len(data):
        shown += f"\n… ({size - len(data)} more bytes in evidence/{clean.line(path)})"
    return shown
