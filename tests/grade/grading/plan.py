"""What a submission's scenarios are told: the bundle's plan. All that is random comes from one seed."""

import hashlib
import shlex

# Scenarios of a task.
SCENARIOS = {
    1: ("task1",),
    2: ("task2",),
    3: ("containers", "network"),
    4: ("matrix_own", "matrix_reference"),
}
ORDER = (3, 1, 2, 4)  # the longest first; and 4, which waits for what 3 makes, last
# Where the sandbox's cgroup v2 has no cpu controller, 2c can't be judged: evidence of that scenario has
# a file of this name, with the reason.
WANTS_CPU_CONTROLLER = {"task2"}
NO_CPU_CONTROLLER = "no_cpu_controller"
BUILD = "build"  # before all of them, where one thing would have to be made in several
# How many commands of a student's a scenario may have to wait for, each up to its task's deadline.
COMMANDS = {BUILD: 4, "task1": 2, "task2": 2, "containers": 5, "network": 5, "matrix_own": 2, "matrix_reference": 2}
LIMITS = {"MEMORY": "1536M", "DISK": "768M", "PROCESSES": 512, "OUTPUT": "1M"}


class Chance:
    """Names and numbers out of the batch's seed: the same seed, the same draw, for every submission."""

    def __init__(self, seed):
        self.seed = seed

    def number(self, what, low, high):
        drawn = hashlib.sha256(f"{self.seed}/{what}".encode()).digest()
        return low + int.from_bytes(drawn[:8], "big") % (high - low + 1)

    def word(self, what, letters):
        return "".join(chr(ord("a") + self.number(f"{what}/{i}", 0, 25)) for i in range(letters))


def _draw(seed):
    chance = Chance(seed)
    values = {
        "HOST_NAME": "host-" + chance.word("host", 6),
        "IMAGE": "img" + chance.word("image", 3),
        "MARKER": chance.number("marker", 10000, 99999),
        "PORT": chance.number("port", 3100, 8000),
        "SOURCE": f"198.51.100.{chance.number('source', 2, 250)}",
        "LONG_NAME": "long" + chance.word("long", 14),
    }
    # Seven letters at most: the course's script makes a link's name of a container's. Different in
    # the first, so that none begins with another.
    for i, first in enumerate("abcde", 1):
        values[f"NAME_{i}"] = first + chance.word(f"name{i}", 4)
    return values


def scenario_seconds(scenario, task, rubric, slowness):
    """The whole scenario's deadline, beyond which it is ended and judged by what it has noted."""
    return (rubric.deadlines[task] * COMMANDS[scenario] + 120) * (2 if slowness > 1 else 1)


def write(path, entries, scenarios, rubric, seed, slowness, settings):
    """Writes the plan: shell assignments. `scenarios`: {name: task}; `settings`: more of them."""
    factor = 2 if slowness > 1 else 1
    values = {"SCENARIOS": " ".join(scenarios), "SLOWNESS": slowness, **LIMITS, **_draw(seed), **settings}
    for name, task in scenarios.items():
        values[f"DEADLINE_{name}"] = scenario_seconds(name, task, rubric, slowness)
    for task in NAMES_OF_TASKS:
        values[f"SECONDS_{task}"] = rubric.deadlines[task] * factor
        values[f"ENTRY_{task}"] = entries[task].path if task in entries else ""
        values[f"BUILD_{task}"] = entries[task].build if task in entries else ""
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()]
    path.write_text("".join(lines))


NAMES_OF_TASKS = (1, 2, 3, 4)
