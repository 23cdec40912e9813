"""Unpacks tar archives that strangers wrote: nothing leads out, and nothing but files comes in.

By hand, since Python's own filter for that is younger than the Python of Debian 12.
"""

import os
import pathlib
import shutil
import tarfile


def _inside(target, name):
    """Where a member belongs; ValueError if that is not below target, also by a link unpacked before."""
    path = pathlib.Path(os.path.normpath(target / name))
    if os.path.isabs(name) or not path.is_relative_to(target):
        raise ValueError(f"{name!r} leads out of it")
    if path != target and not path.parent.resolve().is_relative_to(target):
        raise ValueError(f"{name!r} leads out of it, by a link")
    return path


def _write(archive, member, path, with_time):
    if path.is_symlink():
        path.unlink()
    with archive.extractfile(member) as source, open(path, "wb") as file:
        shutil.copyfileobj(source, file)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)
    if with_time:
        os.utime(path, (member.mtime, member.mtime))


def unpack(path, target, take=lambda size: None, skipped=frozenset(), with_times=False):
    """Unpacks the archive at `path` into `target`, a directory that is there.

    Files keep no owner or set-uid bit, and their times only `with_times`; devices and pipes are left out,
    and what has a part of its name in `skipped`. `take` is called with each member's size before it is
    written, and may raise. Raises ValueError where a member leads out, else what tarfile raises.
    """
    target = target.resolve()
    with tarfile.open(path) as archive:
        for member in archive:
            if skipped.intersection(pathlib.PurePath(member.name).parts):
                continue
            place = _inside(target, member.name)
            take(member.size)
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                _inside(target, os.path.join(os.path.dirname(member.name), member.linkname))
                if os.path.isabs(member.linkname):
                    raise ValueError(f"{member.name!r} leads out of it, by a link")
                place.unlink(missing_ok=True)
                place.symlink_to(member.linkname)
            elif member.isreg() or member.islnk():
                _write(archive, member, place, with_times)
