"""Points out of verdicts. tests/grade/README.md has the rule in words."""

GROUP_TITLES = {
    "1": "Namespaces with system calls", "2": "A container from the command line",
    "2a": "A root directory of its own", "2b": "PID and hostname", "2c": "Half of one core",
    "3": "Beyond the assignment", "3a": "run", "3b": "exec", "3c": "addnetwork and peer", "3d": "stop",
    "4": "Two services",
}


def _rounded(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


def _tally(pairs):
    """(earned, judged) of [(check, finding)]: what is blocked, or failed by the grader, is not judged."""
    judged = [(check, finding) for check, finding in pairs if finding.verdict not in ("blocked", "error")]
    earned = sum(check.points for check, finding in judged if finding.verdict == "pass")
    return earned, sum(check.points for check, _ in judged)


def groups(checks, findings):
    """[{id, title, points, max}] in the rubric's order, without those that are worth nothing."""
    members = {}
    for check in checks:
        members.setdefault(check.group, []).append((check, findings[check.id]))
    scored = []
    for group, pairs in members.items():
        full = sum(check.points for check, _ in pairs)
        earned, judged = _tally(pairs)
        if judged == 0:  # all blocked: as good as the rest of the task
            task = pairs[0][0].task
            earned, judged = _tally([(c, findings[c.id]) for c in checks if c.task == task])
        points = _rounded(full * earned, judged) if judged else 0
        if full:
            scored.append({"id": group, "title": GROUP_TITLES.get(group, group), "points": points, "max": full})
    return scored


def points_of(check, finding):
    return check.points if finding.verdict == "pass" else 0
