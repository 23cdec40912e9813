"""A report to read in a terminal; for several submissions one after the other and a table at the end."""

import textwrap

from . import clean, model, words

WIDTH = 100
EVIDENCE_LINES = 12


def render(results, directory):
    """The report as one string. Of a failed check's evidence the beginning is shown; all of it lies in DIR/NAME/."""
    parts = [_submission(result, directory) for result in results]
    if len(results) > 1:
        parts.append(_table(results))
    return "\n".join(parts)


def _submission(result, directory):
    lines = [_head(result), ""]
    note = words.grader_note(result)
    if note:
        lines += textwrap.wrap(note, WIDTH) + [""]
    for task in result["tasks"]:
        lines += _task(result, task, directory)
    extras = model.extras_of(result)
    if extras:
        lines += ["Beyond the assignment (shown, worth nothing)"]
        for check in extras:
            lines += _check(check, result, directory)
        lines.append("")
    lines.append(f"Checks: {words.tally(result)}")
    return "\n".join(lines) + "\n"


def _head(result):
    name = clean.name(result["submission"]["name"])
    score = f"{result['score']['points']} of {result['score']['max']} points"
    rule = "=" * WIDTH
    grader = result["grader"]
    how = (f"graded {clean.line(result['began'], 30)} in {result['seconds']} s, "
           f"sandbox {clean.line(grader['sandbox'], 20)}, seed {clean.line(grader['seed'], 40)}")
    return f"{rule}\n{name:<{WIDTH - len(score) - 1}} {score}\n{how}\n{rule}"


def _task(result, task, directory):
    lines = [_sum(f"Task {task['task']}", task["points"], task["max"])]
    if task.get("reason") and task.get("state") in ("missing", "error"):
        state = "missing" if task["state"] == "missing" else "grader error"
        lines += _fact(state, task["reason"], "  ")
    for group in model.groups_of(result, task):
        lines += _group(result, group, directory)
    lines.append("")
    return lines


def _group(result, group, directory):
    title = clean.line(group["title"])
    lines = [_sum(f"  {clean.line(group['id'], 10)}  {title}", group["points"], group["max"])]
    for check in model.checks_of(result, group):
        lines += _check(check, result, directory)
    rest = words.remainder_title(result, group)
    if rest:
        points, most = model.remainder(result, group)
        lines.append(f"      {'':<8} {rest}: {points}/{most}")
    return lines


def _sum(title, points, most):
    amount = f"{points} of {most}"
    return f"{title:<{WIDTH - len(amount) - 1}} {amount}"


def _check(check, result, directory):
    mark = {"pass": "ok", "fail": "FAILED", "blocked": "blocked", "missing": "missing", "error": "ERROR"}
    word = mark.get(check["verdict"], clean.line(check["verdict"], 8))
    notes = words.label(check).partition(" (")[2]
    title = f"{words.title(check)} [{clean.line(check['id'], 40)}]" + (f" ({notes}" if notes else "")
    if model.is_hidden(check):
        title += " (hidden)"
    points = words.points(check)
    wrapped = textwrap.wrap(title, WIDTH - 15 - len(points) - 2) or [""]
    lines = [f"      {word:<8} {wrapped[0]:<{WIDTH - 16 - len(points)}} {points}"]
    lines += [f"      {'':<8} {more}" for more in wrapped[1:]]
    for key, value in words.facts(check):
        lines += _fact(key, value, " " * 15)
    if check["verdict"] == "fail":
        lines += _evidence(check, result, directory)
    return lines


def _evidence(check, result, directory):
    """The files' names, and the first lines of the first that is text."""
    lines = []
    for path in model.listed(check.get("evidence")):
        lines.append(f"{'':<15}{'evidence:':<11} evidence/{clean.line(path)}")
    for path in model.listed(check.get("evidence")):
        shown = None if str(path).endswith(".svg") else model.evidence_text(directory, result, path)
        if shown:
            rows = shown.rstrip("\n").expandtabs().split("\n")
            lines += [f"{'':<15}| {row}"[:WIDTH].rstrip() for row in rows[:EVIDENCE_LINES]]
            if len(rows) > EVIDENCE_LINES:
                lines.append(f"{'':<15}… {model.plural(len(rows) - EVIDENCE_LINES, 'more line')}")
            break
    return lines


def _fact(key, value, indent):
    """key: value, wrapped; the value's own lines stay lines."""
    start = f"{indent}{key + ':':<11} "
    space = " " * len(start)
    lines = []
    for line in clean.text(value).split("\n"):
        pieces = textwrap.wrap(line, WIDTH - len(start), break_on_hyphens=False, drop_whitespace=False) or [""]
        lines += [space + (piece.strip() if place else piece.rstrip()) for place, piece in enumerate(pieces)]
    lines[0] = start + lines[0][len(space):]
    return lines


def _table(results):
    """A line a submission: the groups' points and the sum."""
    ids = group_ids(results)
    wide = max([len("submission")] + [len(clean.name(r["submission"]["name"])) for r in results])
    wide = min(wide, 40)
    lines = ["=" * WIDTH, f"{'submission':<{wide}} " + "".join(f"{i:>6}" for i in ids) + "   score"]
    for result in results:
        by_id = {group["id"]: group["points"] for group in result["groups"]}
        name = clean.name(result["submission"]["name"])
        if len(name) > wide:
            name = name[:wide - 1] + "…"
        cells = "".join(f"{by_id.get(i, '–'):>6}" for i in ids)
        note = "   grader error" if model.grader_failed(result) else ""
        lines.append(f"{name:<{wide}} {cells}{result['score']['points']:>8}{note}")
    return "\n".join(lines) + "\n"


def group_ids(results):
    """All groups' ids, in the order in which they are first met."""
    return list(dict.fromkeys(group["id"] for result in results for group in result["groups"]))
