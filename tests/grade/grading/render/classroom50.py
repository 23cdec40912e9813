"""Classroom 50's result.json (schema classroom50/result/v1, github.com/foundation50/classroom50).

The runner publishes it in the student's own repository, so the student's view is the default. Points are integers and
the tests' sum is the score: what blocked and hidden checks stand for is a test of its own in each group. Who submitted
what comes from the runner's environment; without it (a trial at home) there are stand-ins that the schema accepts.
"""

import json
import os
import re

from . import clean, model, words


def render(result, _directory):
    """result.json of one submission."""
    tests = []
    for group in result["groups"]:
        tests += [_test(check) for check in model.checks_of(result, group)]
        tests += _rest(result, group)
    document = _identity(result)
    document["score"] = sum(test["score"] for test in tests)
    document["max-score"] = sum(test["max-score"] for test in tests)
    document["tests"] = tests
    return json.dumps(document, indent=2) + "\n"


def _identity(result):
    began = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", str(result["began"]))
    began = began.group() + "Z" if began else "1970-01-01T00:00:00Z"
    name = clean.name(result["submission"]["name"])
    commit = _told("COMMIT_URL", clean.line(result["submission"]["digest"]) or "unknown")
    submission = _told("SUBMISSION_TAG", "submit/" + clean.file_name(name))
    return {
        "schema": "classroom50/result/v1",
        "classroom": _told("CLASSROOM", "classroom"),
        "assignment": _told("ASSIGNMENT", "containers"),
        "assignment_type": _told("ASSIGNMENT_TYPE", "individual"),
        "owner": _told("OWNER", _told("USERNAME", name)),
        "submission": submission if submission.startswith("submit/") else f"submit/{submission}",
        "commit": commit,
        "release": _told("RELEASE_URL", commit),
        "review": _told("REVIEW_URL", commit),
        "datetime": began,
        "graded_at": began,
    }


def _told(variable, otherwise):
    return os.environ.get(variable, "").strip() or otherwise


def _test(check):
    counted = model.judged(check)
    name = words.title(check)
    if check["verdict"] != "pass" or check.get("flaky"):
        name += f" [{words.label(check)}]"
    test = {
        "test-name": name,
        "passed": check["verdict"] == "pass",
        "score": int(check["points"]) if counted else 0,
        "max-score": int(check["max"]) if counted else 0,
        "id": check["id"],
        "verdict": check["verdict"],
    }
    if words.explained(check):
        test["output"] = words.explained(check)
    return test


def _rest(result, group):
    points, most = model.remainder(result, group)
    title = words.remainder_title(result, group)
    if not most:
        return []
    return [{"test-name": f"{words.sentence(title)} in {group['id']}", "passed": points == most,
             "score": points, "max-score": most}]
