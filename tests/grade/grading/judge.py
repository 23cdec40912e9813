"""Judges evidence: runs the checks, each a bats test, and makes of each a verdict."""

import dataclasses
import os
import pathlib
import re

from . import plan, programs
from .errors import GraderError

GRADE = pathlib.Path(__file__).resolve().parent.parent
SCENARIO_OF_GROUP = {"1": "task1", "2": "task2", "2a": "task2", "2b": "task2", "2c": "task2",
                     "3a": "containers", "3b": "containers", "3c": "network", "3d": "containers"}
# Checks whose evidence another scenario makes than that of their group.
SCENARIO_OF_CHECK = {"3d.links": "network", "4.address": "matrix_reference",
                     **dict.fromkeys(("3.third", "3.localhost", "3.hostport", "3.foreign", "3.stale", "3.resolv",
                                      "3.longname"), "network")}


def _needs_cpu_controller(check):
    return check.group == "2c" or check.id == "2.status"


@dataclasses.dataclass
class Finding:
    """What a check came to: a verdict, and what was expected and seen."""

    verdict: str  # pass | fail | blocked | missing | error
    expected: str = ""
    seen: str = ""
    evidence: tuple = ()
    blocked_by: tuple = ()
    flaky: bool = False


def known_ids():
    """Every id for which there is a check."""
    ids = set()
    for path in _files():
        ids.update(re.findall(r'^@test "([^"]+)" \{', path.read_text(), re.MULTILINE))
    return ids


def _files():
    return sorted((GRADE / "checks").glob("*.bats")) + sorted((GRADE / "checks/hidden").glob("*.bats"))


def scenario_of(check, matrix):
    """Which scenario's evidence a check judges; `matrix`: matrix_own or matrix_reference, for task 4."""
    if check.id in SCENARIO_OF_CHECK:
        return SCENARIO_OF_CHECK[check.id]
    if check.task == 4:
        return matrix
    return SCENARIO_OF_GROUP.get(check.group, "containers")


def _environment():
    """Ours, without what a bats that calls grade has made for its own programs: its bats can't start
    alone, and its bound for a test leaves processes that hold the output of checks open."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("BATS_", "BASH_FUNC_"))}
    directory = os.environ.get("BATS_LIBEXEC")
    if directory:
        own["PATH"] = os.pathsep.join(entry for entry in own.get("PATH", os.defpath).split(os.pathsep)
                                      if entry != directory)
    return own


def _run_bats(task, evidence, findings, matrix):
    """{id: passed} of all checks of a task."""
    files = [path for path in _files() if path.stem == f"task{task}"]
    environment = {**_environment(), "EVIDENCE": str(evidence), "FINDINGS": str(findings), "MATRIX": matrix,
                   "LC_ALL": "C.UTF-8"}
    run = programs.run(["bats", "--formatter", "tap", *map(str, files)], 600, environment)
    outcomes = re.findall(r"^(not ok|ok) [0-9]+ (\S+)", run.stdout, re.MULTILINE)
    if not outcomes:
        raise GraderError(f"bats judged nothing: {(run.stderr or run.stdout).strip()[-500:]}")
    return {id: outcome == "ok" for outcome, id in outcomes}


def _read_finding(path, passed):
    finding = Finding("pass" if passed else "fail")
    words = {"expected": [], "seen": [], "evidence": []}
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            word, _, text = line.partition(": ")
            if word in words:
                words[word].append(text[:2000])
    finding.expected = "; ".join(words["expected"])
    finding.seen = "; ".join(words["seen"])
    finding.evidence = tuple(words["evidence"])
    return finding


def _verdict_of_scenario(check, evidence):
    """How far the scenario came, for this check."""
    missing = evidence / plan.NO_CPU_CONTROLLER
    try:
        if _needs_cpu_controller(check) and missing.exists():
            return "error: " + missing.read_text().strip()
        return (evidence / "verdict").read_text(errors="replace").strip()
    except OSError:
        return "error: no verdict"


def judge(checks, evidence, work, matrix="matrix_own"):
    """{id: Finding} of one task's checks, in their order. Writes below `work` only."""
    findings = work / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    for old in findings.iterdir():
        old.unlink()
    passed = _run_bats(checks[0].task, evidence, findings, matrix)
    judged = {}
    for check in checks:
        state = _verdict_of_scenario(check, evidence / scenario_of(check, matrix))
        well = passed.get(check.id, False)
        failed = tuple(needed for needed in check.presupposes + (() if well else check.excused_by)
                       if judged[needed].verdict != "pass")
        if state.startswith("error"):
            judged[check.id] = Finding("error", seen=state.removeprefix("error: "))
        elif failed:
            judged[check.id] = Finding("blocked", blocked_by=failed)
        else:
            judged[check.id] = _read_finding(findings / check.id, well)
    return judged


def to_repeat(checks, judged, matrix):
    """The scenarios that are worth a second try: those of failed checks that carry points."""
    return {scenario_of(check, matrix): check.task for check in checks
            if judged[check.id].verdict == "fail" and check.points}


def join(first, second):
    """Of two tries, the better verdict; what passed in the second only is flaky."""
    joined = {}
    for id, finding in first.items():
        other = second[id]
        if finding.verdict in ("fail", "blocked") and other.verdict == "pass":
            other.flaky = True
            joined[id] = other
        else:
            joined[id] = finding
    return joined
