"""Takes a submission in: a copy that can't lead anywhere, and which file is which task's."""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import stat
import tarfile

from . import archive
from .errors import IntakeError

MAX_BYTES = 100 * 1024 * 1024
MAX_FILES = 20000
MAX_DEPTH = 3  # a file is looked for this many levels down; deeper ones are kept, not looked for
SKIPPED = frozenset({".git", "build", "__pycache__", "__MACOSX"})

# What a task's file may be called, best first; and what is made of it.
NAMES = {
    1: ("namespace_prog.c",),
    2: ("simple_container.sh", "simple_container.c"),
    3: ("conductor.sh", "conductor.c", "conductor"),
    4: ("service-orchestrator.sh", "service-orchestrator.c", "service_orchestrator.c"),
}


@dataclasses.dataclass(frozen=True)
class Entry:
    """Task's file, its path below the submission, and how it is made: "", "gcc" or "make"."""

    path: str
    build: str


@dataclasses.dataclass(frozen=True)
class Submission:
    name: str
    directory: pathlib.Path  # our copy
    digest: str
    entries: dict  # task: Entry
    notes: tuple  # what the student should know, such as a second file of the same name


class _Budget:
    """Counts what is taken in; raises when it is too much."""

    def __init__(self):
        self.bytes = 0
        self.files = 0

    def take(self, size):
        self.bytes += size
        self.files += 1
        if self.bytes > MAX_BYTES:
            raise IntakeError(f"it is larger than {MAX_BYTES // 1024 // 1024} MB")
        if self.files > MAX_FILES:
            raise IntakeError(f"it has more than {MAX_FILES} files")


def _copy_directory(source, target):
    """Regular files, directories and links that stay inside; no devices, sockets, pipes; no set-uid."""
    budget = _Budget()
    source = source.resolve()
    target.mkdir()
    for directory, names, files in os.walk(source):
        here = pathlib.Path(directory)
        names[:] = sorted(name for name in names if name not in SKIPPED)
        relative = here.relative_to(source)
        for name in list(names):
            if (here / name).is_symlink():
                names.remove(name)
                files.append(name)
            else:
                (target / relative / name).mkdir()
        for name in sorted(files):
            _copy_file(here / name, target / relative / name, source, budget)


def _copy_file(path, target, top, budget):
    information = path.lstat()
    if stat.S_ISLNK(information.st_mode):
        goal = os.readlink(path)
        inside = pathlib.Path(os.path.normpath(path.parent / goal))
        if not os.path.isabs(goal) and inside.is_relative_to(top):
            budget.take(0)
            target.symlink_to(goal)
    elif stat.S_ISREG(information.st_mode):
        budget.take(information.st_size)
        shutil.copyfile(path, target, follow_symlinks=False)
        target.chmod(0o755 if information.st_mode & 0o100 else 0o644)


def _extract(path, target, skipped=SKIPPED, with_times=False):
    """A tar archive, of which nothing leads out."""
    target.mkdir()
    try:
        archive.unpack(path, target, _Budget().take, skipped, with_times)
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError) as error:
        raise IntakeError(f"the archive can't be unpacked: {error}") from None


def _digest(directory):
    """Over names, kinds and contents, not over times."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        total.update(str(path.relative_to(directory)).encode(errors="surrogateescape") + b"\0")
        if path.is_symlink():
            total.update(b"link " + os.readlink(path).encode(errors="surrogateescape"))
        elif path.is_file():
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return "sha256:" + total.hexdigest()


def _find(directory, name):
    """All files of this name, at most MAX_DEPTH levels down, the shallowest first."""
    found = []
    for depth in range(MAX_DEPTH + 1):
        found += sorted(path for path in directory.glob("*/" * depth + name) if path.is_file())
    return found


def _entry(directory, path):
    if path.suffix == ".sh" or path.suffix == "":
        return Entry(str(path.relative_to(directory)), "")
    made = (path.parent / "Makefile").is_file()
    return Entry(str(path.relative_to(directory)), "make" if made else "gcc")


def find_entries(directory):
    """Returns ({task: Entry}, notes)."""
    entries, notes = {}, []
    for task, names in NAMES.items():
        found = [path for name in names for path in _find(directory, name)]
        if not found:
            continue
        entries[task] = _entry(directory, found[0])
        for other in found[1:]:
            notes.append(f"task {task}: {other.relative_to(directory)} was not looked at, since there is"
                         f" {entries[task].path}")
    return entries, tuple(notes)


def name_of(path):
    """What a submission is called: its directory's name, or the archive's without its endings."""
    name = pathlib.Path(path).resolve().name
    for ending in (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar"):
        name = name.removesuffix(ending)
    return "".join(c if c.isalnum() or c in "-_.@" else "_" for c in name).lstrip(".-")[:100] or "submission"


def take(path, directory):
    """Copies the submission at `path` to `directory`, which must not exist. Raises IntakeError."""
    path = pathlib.Path(path)
    if path.is_dir():
        _copy_directory(path, directory)
    elif path.is_file():
        _extract(path, directory)
    else:
        raise IntakeError("there is no such directory or archive")
    entries, notes = find_entries(directory)
    return Submission(name_of(path), directory, _digest(directory), entries, notes)


def take_built(submission, path, directory):
    """The same submission after it was built: the archive at `path`, unpacked to `directory`, which must
    not exist. The times are kept, by which make sees what is up to date. Raises IntakeError."""
    _extract(path, directory, frozenset(), with_times=True)
    return dataclasses.replace(submission, directory=directory)
