"""What stands in a handout's files: sources without solutions, what is visible of the rubric, lessons
that speak only of what is there, and the student's page."""

import hashlib
import posixpath
import re

from . import regions, selection

RUBRIC = "tests/grade/rubric.tsv"
RUBRIC_HEAD = """# What `make check` looks at. One row a check, tab-separated; every id is a bats test in checks/.
# @deadline: seconds that one command of that task may take. On an emulated machine they are doubled.
# presupposes: ids that must pass, or this one is blocked. ID?: only where this one fails, too.
"""


def _visible(text):
    """The rubric's rows that a student may see, and their sum."""
    deadlines, heads, rows = [], [], []
    for line in text.splitlines():
        fields = line.split("\t")
        if line.startswith("@deadline"):
            deadlines.append(line)
        elif line.startswith("#id\t"):
            heads.append(line)
        elif line and line[0] not in "#@" and fields[4] == "visible":
            rows.append(fields + [""] * (8 - len(fields)))
    kept = {fields[0] for fields in rows}
    for fields in rows:
        fields[7] = ",".join(id for id in fields[7].split(",") if id.removesuffix("?") in kept)
    total = sum(int(fields[3]) for fields in rows)
    lines = deadlines + [f"@total\t{total}"] + heads + ["\t".join(fields) for fields in rows]
    return RUBRIC_HEAD + "\n".join(lines) + "\n", rows


GROUPS = {
    "1": "`clone`, `setns`, `fork`: two children in the same new namespaces",
    "2a": "a root directory of its own: copying, `chroot`",
    "2b": "PID and UTS namespaces of its own",
    "2c": "half of one core: `cpu.max`",
    "3a": "`run`: five namespaces, the image's root, `/proc`, `/sys`, `/dev`",
    "3b": "`exec`: into all of them",
    "3c": "`addnetwork` and `peer`: links, the internet, published ports",
    "3d": "`stop`: nothing stays (given; lost when `run` or `addnetwork` are missing)",
    "4": "two services that talk to each other, steps 4 to 7",
}


def points_table(rows):
    """Markdown: what each part is worth, of the checks that a student has."""
    lines = ["| part | points | checks | what |", "| --- | --- | --- | --- |"]
    for group in dict.fromkeys(fields[0].split(".")[0] for fields in rows):
        mine = [fields for fields in rows if fields[0].split(".")[0] == group]
        points = sum(int(fields[3]) for fields in mine)
        lines.append(f"| {group} | {points} | {len(mine)} | {GROUPS.get(group, '')} |")
    return "\n".join(lines)


def deadlines_table(text):
    lines = ["| task | seconds for one command |", "| --- | --- |"]
    for line in text.splitlines():
        if line.startswith("@deadline"):
            lines.append("| {} | {} |".format(*line.split("\t")[1:3]))
    return "\n".join(lines)


CHECK_SECTION = """## Check

`sudo make check TASK={task}` grades what you have written so far; `make check` all four tasks. It looks at what the kernel
says of your processes, not at what they print. See [the first page](../README.md).
"""


def _lesson(text, name, names, preface):
    """A lesson whose section on checking is the student's, with links only to what is there."""
    section = CHECK_SECTION.format(task=name[4])
    text = re.sub(r"(?ms)^## Check\n.*?(?=^## |\Z)", section + "\n", text)

    def link(match):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[2].split("#")[0]))
        return match[0] if "://" in match[2] or target in names else match[1]

    text = re.sub(r"\[([^\]\n]+)\]\(([^)\s]+)\)", link, text)
    return re.sub(r"\A(# .*\n\n)", lambda match: match[1] + preface, text) if preface else text


class Handout:
    """One route's. `files()` makes all of it."""

    def __init__(self, route):
        self.route = route
        self.chosen = selection.select(route)
        self.names = {target for target, _ in self.chosen}
        self.count = 0  # of regions

    def files(self):
        """{name: (bytes, executable)}."""
        made = {}
        for target, source in self.chosen:
            made[target] = self._content(target, source), bool(source.stat().st_mode & 0o100)
        digest = hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()
        made["VERSION"] = f"handout {digest[:12]}\n".encode(), False
        return made

    def summary(self):
        return f"{len(self.chosen) + 1} files, {self.count} regions to write"

    def _content(self, target, source):
        if target == RUBRIC:
            return _visible(source.read_text())[0].encode()
        if target == "README.md":
            return self._page(source.read_text()).encode()
        if re.fullmatch(r"task[1-4]/README\.md", target):
            preface = self._part("lesson.md")
            return _lesson(source.read_text(), target, self.names, preface).encode()
        if not selection.may_have_regions(source):
            return source.read_bytes()
        text = source.read_text()
        self.count += len(regions.find(text, str(source.relative_to(selection.TOP))))
        return regions.empty(text, str(source.relative_to(selection.TOP))).encode()

    def _part(self, name):
        """A text of this route's own, or nothing."""
        path = selection.HERE / self.route / name
        return path.read_text() if path.exists() else ""

    def _page(self, text):
        rubric = (selection.TOP / RUBRIC).read_text()
        _, rows = _visible(rubric)
        parts = {"@ROUTE@": self._part("route.md").strip(), "@POINTS@": points_table(rows),
                 "@DEADLINES@": deadlines_table(rubric), "@TOTAL@": str(sum(int(fields[3]) for fields in rows))}
        for mark, part in parts.items():
            text = text.replace(mark, part)
        return text
