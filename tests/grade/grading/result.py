"""The canonical result of a submission: made once, read by every format. Schema in README.md."""

import json
import os
import pathlib
import subprocess

from . import score

SCHEMA = "container-course/result/1"
TOP = pathlib.Path(__file__).resolve().parents[3]


def version():
    """The grader's own: its commit, or what a package says of itself."""
    packaged = TOP / "VERSION"
    if packaged.exists():
        return packaged.read_text().strip()
    run = subprocess.run(["git", "-C", str(TOP), "describe", "--always", "--dirty"], capture_output=True,
                         text=True, check=False)
    return run.stdout.strip() or "unknown"


def _check(check, finding, conductor):
    return {
        "id": check.id, "group": check.group, "task": check.task, "track": check.track, "title": check.title,
        "visibility": check.visibility, "lesson": check.lesson,
        "presupposes": list(check.presupposes + check.excused_by),
        "points": score.points_of(check, finding), "max": check.points, "verdict": finding.verdict,
        "flaky": finding.flaky, "blocked_by": list(finding.blocked_by), "expected": finding.expected,
        "seen": finding.seen, "evidence": list(finding.evidence), "conductor": conductor,
    }


def _task(task, checks, graded, groups):
    findings = graded.findings
    verdicts = {findings[check.id].verdict for check in checks}
    state = "error" if "error" in verdicts else "missing" if verdicts == {"missing"} else "graded"
    ids = {check.group for check in checks}
    mine = [group for group in groups if group["id"] in ids]
    return {"task": task, "points": sum(g["points"] for g in mine), "max": sum(g["max"] for g in mine),
            "state": state, "reason": graded.reason, "seconds": round(graded.seconds, 1), "machine": graded.machine}


def make(submission, graded, rubric, seed, sandbox_name, began, seconds):
    """`submission`: {name, digest, files}; `graded`: {task: Graded} as grading.grading makes them."""
    checks = [check for task in graded for check in rubric.of_task(task)]
    findings = {id: finding for one in graded.values() for id, finding in one.findings.items()}
    groups = score.groups(checks, findings)
    machine = next((one.machine for one in graded.values() if one.machine and one.machine["sandbox"] == sandbox_name),
                   {"kernel": "", "cgroup": ""})
    return {
        "schema": SCHEMA,
        "submission": submission,
        "grader": {"version": version(), "rubric": rubric.digest, "seed": seed, "sandbox": sandbox_name,
                   "kernel": machine["kernel"], "cgroup": machine["cgroup"]},
        "began": began,
        "seconds": round(seconds, 1),
        "score": {"points": sum(g["points"] for g in groups), "max": sum(g["max"] for g in groups)},
        "groups": groups,
        "tasks": [_task(task, rubric.of_task(task), one, groups) for task, one in graded.items()],
        "checks": [_check(check, findings[check.id], graded[check.task].conductor) for check in checks],
    }


def write(result, directory):
    """Whole or not at all."""
    text = json.dumps(result, indent=1, ensure_ascii=False, sort_keys=False) + "\n"
    temporary = directory / ".result.json"
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    os.replace(temporary, directory / "result.json")


def read(directory):
    """The result that is there, or None."""
    try:
        return json.loads((directory / "result.json").read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError):
        return None
