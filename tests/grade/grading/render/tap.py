"""TAP version 14. One submission: a test point a check; several: a subtest a submission.

Failed robust checks that are worth nothing are TODO and blocked ones SKIP, so that no harness counts them as failures;
the grader's own failure is "not ok" and says whose it is.
"""

from . import clean, model, words


def render(results, _directory):
    """The document; its plan comes first."""
    lines = ["TAP version 14"]
    if len(results) == 1:
        return "\n".join(lines + _points(results[0])) + "\n"
    lines.append(f"1..{len(results)}")
    for number, result in enumerate(results, 1):
        name = _escape(clean.name(result["submission"]["name"]))
        lines.append(f"# Subtest: {name}")
        lines += ["    " + line for line in _points(result)]
        lines.append(f"{'ok' if _all_pass(result) else 'not ok'} {number} - {name}")
    return "\n".join(lines) + "\n"


def _all_pass(result):
    counted = [check for check in result["checks"] if not model.is_extra(check)]
    return all(check["verdict"] in ("pass", "blocked") for check in counted) and \
        result["score"]["points"] == result["score"]["max"]


def _points(result):
    lines = [f"1..{len(result['checks'])}"]
    for number, check in enumerate(result["checks"], 1):
        lines.append(_point(number, check))
        facts = _facts(check)
        if facts:
            lines += ["  ---"] + [f"  {key}: {_yaml(value)}" for key, value in facts] + ["  ..."]
    score = result["score"]
    lines.append(f"# {score['points']} of {score['max']} points")
    return lines


def _point(number, check):
    verdict = check["verdict"]
    status = "ok" if verdict in ("pass", "blocked") else "not ok"
    title = f"{clean.line(check['id'], 60)} {words.title(check)}"
    directive = ""
    if verdict == "error":
        title += " (the grader itself failed, not the submission)"
    elif verdict == "blocked":
        directive = f" # SKIP blocked by {_escape(words.causes(check))}"
    elif verdict != "pass" and model.is_extra(check):
        directive = " # TODO robust, worth nothing"
    if check.get("flaky"):
        title += " (flaky)"
    return f"{status} {number} - {_escape(title)}{directive}"


def _facts(check):
    facts = [(key.replace(" ", "_"), value) for key, value in words.facts(check)]
    if not facts:
        return []
    return [("severity", "error" if check["verdict"] == "error" else words.LABELS.get(check["verdict"], "fail")),
            ("points", words.points(check).replace("–", "-"))] + facts


def _escape(value):
    """A backslash before what would begin a directive, and before itself."""
    return value.replace("\\", "\\\\").replace("#", "\\#")


def _yaml(value):
    """A double-quoted YAML scalar on one line."""
    value = clean.text(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + value.replace("\n", "\\n").replace("\t", "\\t") + '"'
