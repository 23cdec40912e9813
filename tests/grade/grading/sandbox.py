"""Runs scenarios over a submission, in a world on this machine or in the virtual machine."""

import os
import pathlib
import shutil
import tarfile
import threading

from . import archive, plan, programs
from .errors import GraderError

GRADE = pathlib.Path(__file__).resolve().parent.parent
TOP = GRADE.parent.parent
PROGRAMS = ("grade/sandbox/world", "lab/lab", "tools/wire", "witness/witness")  # the judge's, below tests
EMULATED_SLOWNESS = 10
UNFINISHED = 3  # the machine's exit status when there is a result, but not all was done in time


def has_cpu_controller():
    """Whether this machine's cgroup v2 limits the CPU: a hybrid one's does not."""
    try:
        return "cpu" in pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    except OSError:
        return False


def machine_of(evidence):
    """Where a scenario was judged, as run_scenarios noted it there: {sandbox, kernel, cgroup}; or None."""
    try:
        noted = dict(line.split(" ", 1) for line in (evidence / "machine").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return noted if noted.keys() == {"sandbox", "kernel", "cgroup"} else None


def _last_line(text):
    return text.strip().splitlines()[-1] if text.strip() else "nothing said"


class World:
    """Real root in namespaces of its own: protects from accidents, not from malice."""

    name = "world"
    slowness = 1

    def __init__(self):
        if not all((TOP / "tests" / program).exists() for program in PROGRAMS):
            raise GraderError("not built (try: make)")
        if os.geteuid() != 0:
            raise GraderError("the world needs root: sudo, or --sandbox vm")
        result = programs.run([str(GRADE / "sandbox/root")], 1800)
        if result.returncode:
            raise GraderError(f"cannot make the sandbox's root: {_last_line(result.stderr)}")
        self.settings = {"SANDBOX_ROOT": _last_line(result.stdout)}

    def run(self, bundle, out, seconds):
        result = programs.run([str(GRADE / "run_scenarios"), str(bundle), str(out)], seconds)
        if result.returncode:
            raise GraderError(f"run_scenarios: {_last_line(result.stderr)}")


class Machine:
    """The virtual machine, one for each run."""

    name = "vm"

    def __init__(self):
        self.directory = self._find()
        self.slowness = 1 if (self.directory / "snapshot-kvm").exists() else EMULATED_SLOWNESS
        self.settings = {"SANDBOX_ROOT": "/debian"}

    @staticmethod
    def _find():
        """A package for a platform brings the machine; elsewhere it is built, once."""
        if (TOP / "VERSION").exists():
            brought = sorted((TOP / "build/grade").glob("vm-*"))
            if not brought:
                raise GraderError(f"{TOP / 'build/grade'}: there is no virtual machine, which this machine's cgroups"
                                  " can't replace")
            return brought[-1]
        result = programs.run([str(GRADE / "sandbox/vm"), "build"], 3600)
        if result.returncode:
            raise GraderError(f"cannot make the machine: {_last_line(result.stderr)}")
        return pathlib.Path(_last_line(result.stdout))

    def run(self, bundle, out, seconds):
        sent, received = bundle.with_suffix(".tar"), out.with_suffix(".tar")
        with tarfile.open(sent, "w") as packed:
            packed.add(bundle, ".")
        result = programs.run([str(GRADE / "sandbox/vm"), "run", "--dir", str(self.directory), "--seconds", str(seconds),
                       str(sent), str(received)], seconds + 900)
        sent.unlink()
        if result.returncode not in (0, UNFINISHED):
            raise GraderError(f"the machine: {_last_line(result.stderr)}")
        out.mkdir(exist_ok=True)
        try:
            archive.unpack(received, out)
        except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
            raise GraderError(f"the machine's result can't be unpacked: {error}") from None
        received.unlink()


class Sandboxes:
    """Chooses for each scenario: what a hybrid machine can't show is shown by the virtual one."""

    def __init__(self, name, with_machine=True):
        self.name = name
        self._no_machine = "" if with_machine else "the virtual machine is not to be used"
        self._made = {}
        self._making = threading.Lock()  # once, also when two tasks ask at the same time
        self._main = self._get(name)

    def _get(self, name):
        with self._making:
            if name not in self._made:
                self._made[name] = {"world": World, "vm": Machine}[name]()
            return self._made[name]

    def _for(self, scenario):
        """Without the machine it is still the world: most of it can be judged there."""
        if self._lacks_controller(self._main, scenario) and not self._no_machine:
            try:
                return self._get("vm")
            except GraderError as error:
                self._no_machine = str(error)
        return self._main

    @staticmethod
    def _lacks_controller(sandbox, scenario):
        return scenario in plan.WANTS_CPU_CONTROLLER and sandbox.name == "world" and not has_cpu_controller()

    def make_ahead(self, scenarios):
        """Whether a task's program had better be made before them: it isn't made twice then, nor in the
        emulated machine where that is not the main sandbox."""
        return len(scenarios) > 1 or any(self._for(scenario) is not self._main for scenario in scenarios)

    def run(self, submission, scenarios, rubric, seed, work, evidence):
        """Runs {scenario: task}; evidence/SCENARIO/ has what came of each. The grader's own failure is
        noted there as the scenario's verdict."""
        by_sandbox = {}
        for scenario, task in scenarios.items():
            shutil.rmtree(evidence / scenario, ignore_errors=True)
            by_sandbox.setdefault(self._for(scenario), {})[scenario] = task
        for sandbox, chosen in by_sandbox.items():
            self._run_in(sandbox, submission, chosen, rubric, seed, work, evidence)

    def _run_in(self, sandbox, submission, scenarios, rubric, seed, work, evidence):
        bundle, out = work / "bundle", work / "out"
        for directory in (bundle, out):
            shutil.rmtree(directory, ignore_errors=True)
        bundle.mkdir(parents=True)
        # Read only there: a world and a machine have a copy of their own.
        shutil.copytree(submission.directory, bundle / "submission", symlinks=True, copy_function=os.link)
        plan.write(bundle / "plan", submission.entries, scenarios, rubric, seed, sandbox.slowness,
                   {**sandbox.settings, "SANDBOX": sandbox.name})
        seconds = sum(plan.scenario_seconds(name, task, rubric, sandbox.slowness) + 60
                      for name, task in scenarios.items())
        try:
            sandbox.run(bundle, out, seconds)
        except GraderError as error:
            for scenario in scenarios:
                _note_error(evidence / scenario, error)
        for scenario in scenarios:
            if (out / scenario).is_dir():
                shutil.rmtree(evidence / scenario, ignore_errors=True)
                shutil.copytree(out / scenario, evidence / scenario, symlinks=True)
                if self._lacks_controller(sandbox, scenario):
                    (evidence / scenario / plan.NO_CPU_CONTROLLER).write_text(
                        f"needs a cgroup v2 with a cpu controller: {self._no_machine}\n")
            elif not (evidence / scenario).exists():
                _note_error(evidence / scenario, GraderError("the scenario left nothing"))
        shutil.rmtree(bundle)
        shutil.rmtree(out, ignore_errors=True)


def _note_error(directory, error):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "verdict").write_text(f"error: {error}\n")
