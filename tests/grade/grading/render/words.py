"""The words in which a check is explained, the same in every format."""

from . import clean, model

LABELS = {"pass": "passed", "fail": "failed", "blocked": "blocked", "missing": "missing", "error": "grader error"}


def label(check):
    """passed, failed, blocked, missing, grader error; with flaky and the reference's conductor where they apply."""
    word = LABELS.get(check["verdict"], clean.line(check["verdict"], 20))
    notes = []
    if check.get("flaky"):
        notes.append("flaky")
    if check.get("conductor") == "reference":
        notes.append("with the reference conductor")
    return f"{word} ({', '.join(notes)})" if notes else word


def title(check):
    """The check's title, a single line."""
    return clean.line(check["title"]) or clean.line(check["id"])


def points(check):
    """3/3; a dash for what neither gives nor costs."""
    if model.is_extra(check) or not model.judged(check):
        return "–"
    return f"{check['points']}/{check['max']}"


def causes(check):
    """The ids of what blocks it, in one string."""
    return clean.line(", ".join(model.listed(check.get("blocked_by")))) or "another check"


def facts(check):
    """(label, text) pairs that a reader needs about this check; none for one that simply passed."""
    verdict = check["verdict"]
    found = []
    if verdict == "blocked":
        found.append(("blocked by", f"{causes(check)} (costs nothing of its own)"))
    elif verdict == "error":
        found.append(("grader error", clean.text(check.get("seen")) or "no reason was recorded"))
        found.append(("note", "This is the grader's failure, not the submission's."))
    elif verdict == "missing":
        found.append(("missing", clean.text(check.get("seen")) or "the submission has no such part"))
    elif verdict != "pass":
        found.append(("expected", clean.text(check.get("expected")) or "(not recorded)"))
        found.append(("seen", clean.text(check.get("seen")) or "(nothing)"))
    if check.get("flaky"):
        found.append(("flaky", "It failed at first and passed when it was tried again in a fresh world."))
    if verdict in ("fail", "missing") and check.get("lesson"):
        found.append(("read", clean.line(check["lesson"])))
    return found


def explained(check):
    """The facts as lines of plain text."""
    lines = []
    for key, value in facts(check):
        first, *rest = value.split("\n")
        lines.append(f"{key}: {first}")
        lines.extend(f"    {more}" for more in rest)
    return "\n".join(lines)


def tally(result):
    """41 passed, 3 failed, 2 blocked (1 flaky): of the checks that count."""
    numbers = model.counts(check for check in result["checks"] if not model.is_extra(check))
    parts = [f"{numbers[verdict]} {LABELS[verdict]}" for verdict in model.VERDICTS[:-1]
             if numbers[verdict] or verdict == "pass"]
    if numbers["error"]:
        parts.append(model.plural(numbers["error"], LABELS["error"]))
    flaky = f" ({numbers['flaky']} flaky)" if numbers["flaky"] else ""
    return ", ".join(parts) + flaky


def remainder_title(result, group):
    """What the points are that no shown check carries, or none if there is nothing to say."""
    hidden = group.get("hidden", {}).get("count", 0)
    blocked = any(not model.judged(check) for check in model.checks_of(result, group))
    _, most = model.remainder(result, group)
    if not most and not hidden:
        return None
    parts = [model.plural(hidden, "hidden check")] if hidden else []
    if blocked:
        parts.append("the share of checks that could not be judged")
    return " and ".join(parts) or "the rest of the group"


def sentence(value):
    """With a capital letter at its beginning; the rest stays."""
    return value[:1].upper() + value[1:]


def grader_note(result):
    """A sentence if the grader itself failed somewhere, else an empty string."""
    failed = model.grader_failed(result)
    if not failed:
        return ""
    return ("The grader itself failed in places (marked as grader error): that is not the submission's failure. "
            "Tell your instructor.")
