"""Gradescope's results.json (gradescope-autograders.readthedocs.io, "Autograder Specifications").

The score stands at the top, since blocked checks give and cost nothing: the tests' sum alone would be another one.
A hidden check keeps its visibility, so Gradescope shows it to instructors only; what students see names none.
"""

import json

from . import clean, model, words

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
EVIDENCE_LIMIT = 4000


def render(result, directory):
    """results.json of one submission; the result must be the instructor's view."""
    seen_by_students = {check["id"]: check for check in model.view(result, "student")["checks"]}
    checks = [seen_by_students.get(check["id"], check) for check in result["checks"]]
    tests = []
    for group in result["groups"]:
        counted = [c for c in checks if c["group"] == group["id"] and not model.is_extra(c)]
        tests += [_test(c, f"{group['id']}.{n}", result, directory) for n, c in enumerate(counted, 1)]
        tests += _rest(result, group, f"{group['id']}.{len(counted) + 1}")
    extras = [check for check in checks if model.is_extra(check)]
    tests += [_test(c, f"+{n}", result, directory) for n, c in enumerate(extras, 1)]
    document = {
        "score": result["score"]["points"],
        "execution_time": result["seconds"],
        "output": _summary(result),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"schema": result["schema"], "digest": result["submission"]["digest"],
                       "grader": result["grader"], "began": result["began"]},
        "tests": tests,
    }
    return json.dumps(document, indent=2) + "\n"


def _summary(result):
    score = result["score"]
    lines = [f"{score['points']} of {score['max']} points."]
    for task in result["tasks"]:
        line = f"Task {task['task']}: {task['points']} of {task['max']}"
        if task.get("state") in ("missing", "error"):
            word = "missing" if task["state"] == "missing" else "grader error"
            reason = clean.line(task.get("reason"))
            line += f" ({word}: {reason})" if reason else f" ({word})"
        lines.append(line)
    note = words.grader_note(result)
    return "\n".join(lines + ([note] if note else []))


def _test(check, number, result, directory):
    verdict = check["verdict"]
    counted = model.judged(check)
    extra = model.is_extra(check)
    name = words.title(check)
    if verdict != "pass" or check.get("flaky"):
        name += f" [{words.label(check)}]"
    test = {
        "name": f"{name} (beyond the assignment, worth nothing)" if extra else name,
        "name_format": "text",
        "number": number,
        "score": check["points"] if counted else 0,
        "max_score": check["max"] if counted else 0,
        "output": _output(check, result, directory),
        "output_format": "text",
        "tags": [f"task{check['task']}", clean.line(check["track"], 20), clean.line(check["id"], 60)],
        "visibility": _visibility(check),
        "extra_data": {"id": check["id"], "verdict": verdict, "flaky": bool(check.get("flaky"))},
    }
    # Gradescope knows passed and failed. The grader's own failure is neither: the name and the output say it.
    if verdict != "error":
        test["status"] = "passed" if verdict == "pass" else "failed"
    return test


def _visibility(check):
    word = check.get("visibility", "visible")
    return word if word in VISIBILITIES else "hidden"


def _output(check, result, directory):
    parts = [words.explained(check)] if words.explained(check) else []
    if check["verdict"] == "fail":
        for path in model.listed(check.get("evidence")):
            shown = None if str(path).endswith(".svg") else \
                model.evidence_text(directory, result, path, EVIDENCE_LIMIT)
            if shown:
                parts.append(f"--- evidence/{clean.line(path)} ---\n{shown}")
                break
    return "\n\n".join(parts) or "passed"


def _rest(result, group, number):
    """A line for the points that stand for checks that couldn't be judged, so that what is shown adds up."""
    points, most = model.remainder(result, group)
    if not most:
        return []
    test = {"name": f"{words.sentence(words.remainder_title(result, group))} in {group['id']}",
            "name_format": "text", "number": number, "score": points, "max_score": most, "visibility": "visible",
            "output": "Their points go by the share that the others earned.", "output_format": "text"}
    if all(check["verdict"] != "error" for check in model.checks_of(result, group)):
        test["status"] = "passed" if points == most else "failed"
    return [test]
