"""What Autolab reads from an autograder: the report, a line of formatted feedback, last the autoresult
(docs.autolabproject.com: "Guide for Lab Authors", "Formatted Feedback").

Everything on stdout is shown to the student, so the student's view is the default. The problems of the lab are
"Task 1" to "Task 4"; a scoreboard, if the lab has one, has a column for each of them and one for the sum.
"""

import json

from . import clean, model, text, words


def render(result, directory):
    """The whole standard output; its last line is the autoresult."""
    scores = {f"Task {task['task']}": task["points"] for task in result["tasks"] if not _unjudged(result, task)}
    board = [task["points"] for task in result["tasks"]] + [result["score"]["points"]]
    # Autolab takes the last line for JSON: nothing in the report may pass for one, so it is indented.
    report = "".join(f" {line}\n" for line in text.render([result], directory).splitlines())
    autoresult = {"scores": scores, "scoreboard": board}
    return f"{report}{json.dumps(_feedback(result))}\n{json.dumps(autoresult)}\n"


def _unjudged(result, task):
    """The grader failed in all of it: no score is right, 0 least of all."""
    checks = [check for group in model.groups_of(result, task) for check in model.checks_of(result, group)]
    return bool(checks) and all(check["verdict"] == "error" for check in checks)


def _feedback(result):
    stages = {}
    for task in result["tasks"]:
        tests = {}
        for group in model.groups_of(result, task):
            for check in model.checks_of(result, group):
                tests[_name(check)] = _test(check)
        if tests:
            stages[f"Task {task['task']}"] = tests
    extras = {_name(check): _test(check) for check in model.extras_of(result)}
    if extras:
        stages["Beyond the assignment"] = extras
    return {"_presentation": "semantic", "stages": list(stages), **stages}


def _name(check):
    return f"{clean.line(check['id'], 60)} {words.title(check)}"


def _test(check):
    """Passed or not and a hint; what is neither says so in words instead of a mark."""
    if not model.judged(check):
        return words.label(check) + (f" by {words.causes(check)}" if check["verdict"] == "blocked" else "")
    if check["verdict"] == "pass":
        return {"passed": True}
    return {"passed": False, "hint": words.explained(check)}
