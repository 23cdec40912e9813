"""Which files of the tree go into a handout, and under which names: both.list, c.list, shell.list."""

import fnmatch
import itertools
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent
TOP = HERE.parent.parent


class SelectionError(Exception):
    """The list or the tree is not as it should be; one line says how."""


def _tree():
    """The files that git knows or would add: nothing that was built."""
    run = subprocess.run(["git", "-C", str(TOP), "ls-files", "-z", "-co", "--exclude-standard"],
                         capture_output=True, text=True, check=False)
    if run.returncode:
        raise SelectionError(f"git: {(run.stderr.strip() or 'failed').splitlines()[-1]}")
    return sorted(name for name in set(run.stdout.split("\0")) if (TOP / name).is_file())


def _rules(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if words:
            yield f"{path.name}:{number}", words


def select(route):
    """[(name in the handout, path in the tree)], sorted. The last rule that fits a file decides."""
    tree, chosen = _tree(), {}
    for where, words in itertools.chain(_rules(HERE / "both.list"), _rules(HERE / f"{route}.list")):
        pattern = words[0].lstrip("!")
        fitting = fnmatch.filter(tree, pattern)
        if not fitting:
            raise SelectionError(f"{where}: no file of the tree is {pattern}")
        for name in fitting:
            chosen.pop(name, None)
            if len(words) == 3 and words[1] == "->":
                chosen[name] = words[2] + pathlib.PurePath(name).name if words[2].endswith("/") else words[2]
            elif len(words) != 1:
                raise SelectionError(f"{where}: neither PATTERN, !PATTERN nor PATTERN -> NAME")
            elif not words[0].startswith("!"):
                chosen[name] = name
    return sorted((target, TOP / name) for name, target in chosen.items())


def may_have_regions(path):
    """Sources of programs do."""
    return path.suffix in (".c", ".h", ".sh")
