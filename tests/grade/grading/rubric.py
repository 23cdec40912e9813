"""The rubric: what is graded, for how many points, on what terms. Data, in rubric.tsv."""

import dataclasses
import hashlib
import pathlib
import re

from .errors import UsageError

FIELDS = ("id", "task", "track", "points", "visibility", "title", "lesson", "presupposes")
TRACKS = ("core", "robust")
VISIBILITIES = ("visible", "hidden")
TOTAL = 100


@dataclasses.dataclass(frozen=True)
class Check:
    """One row. `presupposes` are the ids that must pass before this one can be judged; `excused_by`
    those whose failure is the same slip when this one fails as well, `ID?` in the file."""

    id: str
    task: int
    track: str
    points: int
    visibility: str
    title: str
    lesson: str
    presupposes: tuple
    excused_by: tuple = ()

    @property
    def group(self):
        """Points are shared out in groups: 1, 2a, 2b, 2c, 3a ... 4."""
        return self.id.split(".")[0]


@dataclasses.dataclass(frozen=True)
class Rubric:
    checks: tuple
    deadlines: dict  # task: seconds that one command of it may take
    digest: str

    def of_task(self, task):
        return [check for check in self.checks if check.task == task]


def _number(text, where, what):
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise UsageError(f"{where}: {what}: {text!r} is not a whole number")
    return int(text)


def _parse_check(fields, where):
    if len(fields) != len(FIELDS):
        raise UsageError(f"{where}: {len(fields)} fields instead of {len(FIELDS)} ({', '.join(FIELDS)})")
    row = dict(zip(FIELDS, fields))
    if not re.fullmatch(r"[1-4][a-z]?\.[a-z0-9]+", row["id"]):
        raise UsageError(f"{where}: {row['id']!r} is no id, such as 3a.pidns")
    task = _number(row["task"], where, "task")
    if not 1 <= task <= 4 or row["id"][0] != row["task"]:
        raise UsageError(f"{where}: {row['id']} is no check of task {task}")
    if row["track"] not in TRACKS:
        raise UsageError(f"{where}: track {row['track']!r} (one of: {', '.join(TRACKS)})")
    if row["visibility"] not in VISIBILITIES:
        raise UsageError(f"{where}: visibility {row['visibility']!r} (one of: {', '.join(VISIBILITIES)})")
    words = [word for word in row["presupposes"].split(",") if word]
    needs = tuple(word for word in words if not word.endswith("?"))
    excuses = tuple(word.removesuffix("?") for word in words if word.endswith("?"))
    points = _number(row["points"], where, "points")
    return Check(row["id"], task, row["track"], points, row["visibility"], row["title"], row["lesson"], needs,
                 excuses)


def _check_order(checks, name):
    """What a check presupposes stands before it: so one pass judges all, and there is no circle."""
    seen = set()
    for check in checks:
        if check.id in seen:
            raise UsageError(f"{name}: {check.id} stands there twice")
        for needed in check.presupposes + check.excused_by:
            if needed not in seen:
                raise UsageError(f"{name}: {check.id} presupposes {needed}, which does not stand before it")
        seen.add(check.id)


def load(path, known_ids):
    """Reads a rubric, or raises UsageError. `known_ids`: the ids for which there is a check."""
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
        lines = data.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    checks, deadlines, expected = [], {}, TOTAL
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}"
        fields = line.split("\t")
        if not line or line.startswith("#"):
            continue
        if fields[0] == "@deadline" and len(fields) == 3:
            deadlines[_number(fields[1], where, "task")] = _number(fields[2], where, "seconds")
            continue
        if fields[0] == "@total" and len(fields) == 2:  # a handout's, which has the visible checks only
            expected = _number(fields[1], where, "total")
            continue
        check = _parse_check(fields, where)
        if check.id not in known_ids:
            raise UsageError(f"{where}: there is no check {check.id}")
        checks.append(check)
    _check_order(checks, path)
    total = sum(check.points for check in checks)
    if total != expected:
        raise UsageError(f"{path}: the points sum to {total} instead of {expected}")
    missing = {1, 2, 3, 4} - set(deadlines)
    if missing:
        raise UsageError(f"{path}: no @deadline for task {min(missing)}")
    return Rubric(tuple(checks), deadlines, "sha256:" + hashlib.sha256(data).hexdigest())
