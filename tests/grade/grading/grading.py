"""Grades one submission: scenarios, checks, a second try for what failed, a result."""

import concurrent.futures
import dataclasses
import datetime
import shutil
import tempfile
import threading
import pathlib
import time

from . import intake, judge, plan, result
from .errors import GraderError, IntakeError
from .judge import Finding
from .sandbox import machine_of

HAS_REFERENCE = (judge.GRADE / "reference").is_dir()


@dataclasses.dataclass
class Graded:
    """One task's outcome. `conductor`: whose the better run had, in task 4, else "". `machine`: where it
    was judged, as sandbox.machine_of has it."""

    findings: dict
    seconds: float = 0.0
    reason: str = ""
    conductor: str = ""
    machine: dict | None = None


def _all(checks, verdict, seen):
    return {check.id: Finding(verdict, seen=seen) for check in checks}


class _Once:
    """What several threads need, made by the first that asks."""

    def __init__(self, make):
        self._make = make
        self._lock = threading.Lock()
        self._made = None

    def get(self):
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class Grading:
    """What is the same for every submission of a batch."""

    def __init__(self, rubric, seed, sandboxes, tasks, tries=2):
        self.rubric = rubric
        self.seed = seed
        self.sandboxes = sandboxes
        self.tasks = tasks
        self.tries = tries

    def grade(self, path, directory):
        """Grades what is at `path`; the result and its evidence go to `directory`."""
        began, started = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
        evidence = directory / "evidence"
        shutil.rmtree(evidence, ignore_errors=True)
        evidence.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="grade.") as temporary:
            work = pathlib.Path(temporary)
            try:
                submission = intake.take(path, work / "submission")
            except IntakeError as error:
                facts = {"name": directory.name, "digest": "", "files": {}, "notes": []}
                graded = {task: Graded(_all(self.rubric.of_task(task), "missing", str(error)), reason=str(error))
                          for task in self.tasks}
            else:
                facts = {"name": directory.name, "digest": submission.digest, "notes": list(submission.notes),
                         "files": {str(task): entry.path for task, entry in submission.entries.items()}}
                graded = self._grade_tasks(submission, work, evidence)
        seconds = time.monotonic() - started
        made = result.make(facts, graded, self.rubric, self.seed, self.sandboxes.name,
                           began.strftime("%Y-%m-%dT%H:%M:%SZ"), seconds)
        result.write(made, directory)
        return made

    def _grade_tasks(self, submission, work, evidence):
        """Two at once: most of a scenario is waiting, and an emulated machine keeps one core busy."""
        built = _Once(lambda: self._build(submission, work, evidence))

        def one(task):
            ahead = self.sandboxes.make_ahead(plan.SCENARIOS[task])
            return self._grade_task(task, built.get() if ahead else submission, work / f"task{task}", evidence)

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = {task: pool.submit(one, task) for task in plan.ORDER if task in self.tasks}
            return {task: jobs[task].result() for task in self.tasks}

    def _build(self, submission, work, evidence):
        """The submission with what its Makefiles make, where that is to be done ahead; or as it was."""
        wanted = {*self.tasks, 3} if 4 in self.tasks else self.tasks
        entries = {task: entry for task, entry in submission.entries.items()
                   if task in wanted and entry.build == "make" and self.sandboxes.make_ahead(plan.SCENARIOS[task])}
        if not entries:
            return submission
        only = dataclasses.replace(submission, entries=entries)
        self._run({plan.BUILD: max(entries)}, only, work / "build", evidence)
        tree = evidence / plan.BUILD / "tree.tar"
        if not tree.is_file():
            return submission
        try:
            return intake.take_built(submission, tree, work / "submission.built")
        except IntakeError:
            return submission
        finally:
            tree.unlink()

    def _grade_task(self, task, submission, work, evidence):
        started = time.monotonic()
        checks = self.rubric.of_task(task)
        if task not in submission.entries:
            reason = f"there is no {' or '.join(intake.NAMES[task])}"
            return Graded(_all(checks, "missing", reason), reason=reason)
        try:
            if task == 4:
                graded = self._grade_services(checks, submission, work, evidence)
            else:
                graded = Graded(self._findings(checks, plan.SCENARIOS[task], submission, work, evidence))
        except GraderError as error:
            graded = Graded(_all(checks, "error", str(error)), reason=str(error))
        graded.seconds = time.monotonic() - started
        graded.machine = next(filter(None, (machine_of(evidence / name) for name in plan.SCENARIOS[task])), None)
        return graded

    def _findings(self, checks, scenarios, submission, work, evidence):
        """Runs scenarios and judges; what failed is tried once more, in a fresh world."""
        self._run(dict.fromkeys(scenarios, checks[0].task), submission, work, evidence)
        return self._judge(checks, scenarios, submission, work, evidence)

    def _judge(self, checks, scenarios, submission, work, evidence, matrix="matrix_own"):
        """Judges what was run, and tries again those of `scenarios` in which something failed."""
        task = checks[0].task
        judged = judge.judge(checks, evidence, work, matrix)
        for _ in range(self.tries - 1):
            again = {name: task for name in judge.to_repeat(checks, judged, matrix) if name in scenarios}
            if not again:
                break
            second = work / "second"
            shutil.rmtree(second, ignore_errors=True)
            for scenario in plan.SCENARIOS[task]:  # not the other task's, which are being written
                if (evidence / scenario).is_dir():
                    shutil.copytree(evidence / scenario, second / scenario, symlinks=True)
            self._run(again, submission, work, second)
            judged = judge.join(judged, judge.judge(checks, second, work, matrix))
        return judged

    def _run(self, scenarios, submission, work, evidence):
        self.sandboxes.run(submission, scenarios, self.rubric, self.seed, work, evidence)

    def _grade_services(self, checks, submission, work, evidence):
        """With the student's conductor, where there is one, and with the reference, where there is
        one (not in a handout); the better counts."""
        scenarios = ["matrix_reference"] if HAS_REFERENCE else []
        if 3 in submission.entries:
            scenarios.append("matrix_own")
        if not scenarios:
            reason = "there is no conductor to do it with"
            return Graded(_all(checks, "missing", reason), reason=reason)
        self._run(dict.fromkeys(scenarios, 4), submission, work, evidence)
        runs = {}
        if "matrix_own" in scenarios:
            # One check's evidence is in either case the reference's run.
            runs["student"] = self._judge(checks, scenarios, submission, work, evidence)
            if all(finding.verdict == "pass" for finding in runs["student"].values()):
                return Graded(runs["student"], conductor="student")
        if "matrix_reference" in scenarios:
            runs["reference"] = self._judge(checks, ["matrix_reference"], submission, work, evidence, "matrix_reference")

        def points(conductor):
            return sum(check.points for check in checks if runs[conductor][check.id].verdict == "pass")

        better = max(runs, key=points)  # of equals the student's own
        return Graded(runs[better], conductor=better)
