"""A tar archive that is the same whenever it is made of the same files."""

import gzip
import io
import os
import tarfile

TOP = "container-course"
MOMENT = 946684800  # of every file: a handout is not of today or yesterday


def _member(name, kind, mode, size=0):
    member = tarfile.TarInfo(f"{TOP}/{name}".rstrip("/"))
    member.type, member.mode, member.size, member.mtime = kind, mode, size, MOMENT
    return member


def _directories(names):
    """Every directory above these files, each before what lies in it."""
    found = {""}
    for name in names:
        parts = name.split("/")[:-1]
        found.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return sorted(found)


def write(path, files):
    """`files`: {name below the top: (bytes, executable)}. The archive is there whole or not at all."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream, \
            tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for directory in _directories(files):
            archive.addfile(_member(directory, tarfile.DIRTYPE, 0o755))
        for name in sorted(files):
            data, executable = files[name]
            member = _member(name, tarfile.REGTYPE, 0o755 if executable else 0o644, len(data))
            archive.addfile(member, io.BytesIO(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(packed.getvalue())
    os.replace(temporary, path)
