"""A table for spreadsheets, RFC 4180: CRLF, a header, one row a submission."""

import csv
import io

from . import clean, model
from .text import group_ids


def render(results, _directory):
    """Columns: the submission, the score, each group's and task's points, counts, failed ids, how it was graded."""
    ids = group_ids(results)
    tasks = list(dict.fromkeys(task["task"] for result in results for task in result["tasks"]))
    header = ["submission", "points", "max"] + [f"group {i}" for i in ids] + [f"task {t}" for t in tasks]
    header += ["passed", "failed", "blocked", "missing", "grader errors", "flaky", "extras passed", "extras"]
    header += ["failed checks", "flaky checks", "grader error in", "began", "seconds", "seed", "sandbox", "kernel",
               "grader", "digest"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for result in results:
        writer.writerow([_cell(value) for value in _row(result, ids, tasks)])
    return out.getvalue()


def _row(result, ids, tasks):
    groups = {group["id"]: group["points"] for group in result["groups"]}
    by_task = {task["task"]: task["points"] for task in result["tasks"]}
    counted = [check for check in result["checks"] if not model.is_extra(check)]
    extras = model.extras_of(result)
    numbers = model.counts(counted)
    grader = result["grader"]
    return [clean.name(result["submission"]["name"]), result["score"]["points"], result["score"]["max"],
            *[groups.get(i, "") for i in ids], *[by_task.get(t, "") for t in tasks],
            numbers["pass"], numbers["fail"], numbers["blocked"], numbers["missing"], numbers["error"],
            model.counts(result["checks"])["flaky"], model.counts(extras)["pass"], len(extras),
            _ids(counted, lambda check: check["verdict"] == "fail"),
            _ids(result["checks"], lambda check: check.get("flaky")),
            " ".join(str(failed.get("id", f"task {failed.get('task')}")) for failed in model.grader_failed(result)),
            result["began"], result["seconds"], grader["seed"], grader["sandbox"], grader["kernel"], grader["version"],
            result["submission"]["digest"]]


def _ids(checks, wanted):
    return " ".join(str(check["id"]) for check in checks if wanted(check))


def _cell(value):
    """Numbers as they are; text on one line, and never a formula: spreadsheets run cells that begin with = + - @."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    value = clean.line(value, clean.TEXT_LIMIT)
    return "'" + value if value[:1] in ("=", "+", "-", "@") else value
