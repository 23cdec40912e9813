"""A batch of submissions: who is graded, some at once, what was done already."""

import concurrent.futures
import fcntl
import pathlib
import sys
import tempfile
import threading

from . import intake, result
from .errors import GraderError, IntakeError, UsageError

_printing = threading.Lock()


def _say(text):
    with _printing:
        print(text, flush=True)


def names(paths):
    """{name: path}; two submissions of one name are told apart by a number."""
    named = {}
    for path in paths:
        name = base = intake.name_of(path)
        number = 2
        while name in named:
            name = f"{base}-{number}"
            number += 1
        named[name] = path
    return named


def seed(directory):
    """That of the newest result, or None: a batch that goes on is drawn as it began."""
    made = sorted(directory.glob("*/result.json"), key=lambda path: path.stat().st_mtime)
    last = result.read(made[-1].parent) if made else None
    return last.get("grader", {}).get("seed") if last else None


def is_done(directory, path, grading):
    """Whether there is a result of this very submission, by this rubric, version and seed, in this sandbox."""
    old = result.read(directory)
    if not old or old.get("schema") != result.SCHEMA or any(t["state"] == "error" for t in old["tasks"]):
        return False
    with tempfile.TemporaryDirectory(prefix="grade.") as temporary:
        try:
            digest = intake.take(path, pathlib.Path(temporary) / "submission").digest
        except IntakeError:
            return False
    grader = old["grader"]
    was = (old["submission"]["digest"], *(grader[key] for key in ("rubric", "version", "seed", "sandbox")))
    would_be = (digest, grading.rubric.digest, result.version(), grading.seed, grading.sandboxes.name)
    return was == would_be and sorted(t["task"] for t in old["tasks"]) == sorted(grading.tasks)


def _summary(made):
    core = [check for check in made["checks"] if check["track"] == "core"]
    blocked, failed, unjudged = ([check["id"] for check in core if check["verdict"] == verdict]
                                 for verdict in ("blocked", "fail", "error"))
    words = f"{made['score']['points']}/{made['score']['max']} in {made['seconds']:.0f} s"
    if failed:
        words += "; failed: " + " ".join(failed[:8]) + (" ..." if len(failed) > 8 else "")
    if blocked:
        words += f"; {len(blocked)} blocked"
    if unjudged:
        words += f"; {len(unjudged)} not judged"
    missing = [str(t["task"]) for t in made["tasks"] if t["state"] == "missing"]
    if missing:
        words += "; missing: task " + ", ".join(missing)
    return words


def lock(directory):
    """Nobody else grades into the same directory. Keep what is returned."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = open(directory / ".lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(f"{directory}: another grade is writing there") from None
    return handle


def run(paths, directory, grading, jobs, resume):
    """Grades all. True when every submission has its verdicts."""

    def one(name, path):
        target = directory / name
        if resume and is_done(target, path, grading):
            _say(f"{name}: done before")
            return True
        target.mkdir(parents=True, exist_ok=True)
        try:
            made = grading.grade(path, target)
        except (GraderError, OSError) as error:
            _say(f"{name}: grade: {error}")
            return False
        _say(f"{name}: {_summary(made)}")
        for task in made["tasks"]:
            if task["state"] == "error":
                print(f"grade: {name}: task {task['task']}: not judged: {_why(made, task)}", file=sys.stderr)
        return all(task["state"] != "error" for task in made["tasks"])

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = [pool.submit(one, name, path) for name, path in names(paths).items()]
        return all([outcome.result() for outcome in outcomes])


def _why(made, task):
    reasons = [c["seen"] for c in made["checks"] if c["task"] == task["task"] and c["verdict"] == "error"]
    return task["reason"] or (reasons or ["unknown"])[0]
