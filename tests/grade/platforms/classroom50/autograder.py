#!/usr/bin/env python3
"""Classroom 50's autograder: grades the checkout it runs in and writes ./result.json and ./release-body.md.

The runner starts it with the student's checkout as working directory and CLASSROOM, ASSIGNMENT, SUBMISSION_TAG and
others in the environment (github.com/foundation50/classroom50/wiki, "Advanced Autograding"). Beside it lie
grader.tar.gz, vm.sha256 and vm.url: a bundle may have 10 MB only, so the virtual machine is fetched and checked against
its digest, unless VM_TAR names a copy.
Exit: 0 graded, whatever the points; 1 the grader itself failed, which the runner reports as an error.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT_SECONDS = int(os.environ.get("GRADE_TIMEOUT", "1200"))


class Failure(Exception):
    """The grader's own failure, told in one line."""


def unpack(work):
    """The grader and its virtual machine, below work; returns the command grade."""
    with tarfile.open(HERE / "grader.tar.gz") as archive:
        archive.extractall(work)
    machine = work / "vm.tar.gz"
    fetch(machine)
    expected = (HERE / "vm.sha256").read_text(encoding="ascii").split()[0]
    with machine.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != expected:
            raise Failure("vm.tar.gz: not the one that vm.sha256 names (upload the one that make built)")
    with tarfile.open(machine) as archive:
        archive.extractall(work)
    return work / "tests/grade/grade"


def fetch(target):
    """Copies or downloads vm.tar.gz."""
    local = os.environ.get("VM_TAR") or HERE / "vm.tar.gz"
    if Path(local).is_file():
        shutil.copyfile(local, target)
        return
    if not (HERE / "vm.url").is_file():
        raise Failure("vm.url: missing (write into it where vm.tar.gz can be fetched)")
    url = (HERE / "vm.url").read_text(encoding="utf-8").strip()
    if not url.startswith("https://"):
        raise Failure("vm.url: not an https address")
    with urllib.request.urlopen(url, timeout=120) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def grade(command, work):
    """Grades the working directory; returns result.json's and the report's text."""
    graded = work / "graded"
    try:
        status = subprocess.run([command, "--sandbox", "vm", "-o", graded, Path.cwd()], check=False,
                                timeout=TIMEOUT_SECONDS).returncode
    except subprocess.TimeoutExpired as error:
        raise Failure(f"it took longer than {TIMEOUT_SECONDS} seconds") from error
    texts = []
    for form in ("classroom50", "text"):
        run = subprocess.run([command, "render", graded, "--format", form, "--audience", "student"],
                             check=False, capture_output=True)
        sys.stderr.buffer.write(run.stderr)
        if run.returncode:
            raise Failure(f"exit status {status}")
        texts.append(run.stdout.decode("utf-8"))
    return texts


def release_body(result, report):
    """Markdown: the score and the report, fenced so that nothing in it can be Markdown."""
    fence = "```"
    while fence in report:
        fence += "`"
    return f"### {result['score']} of {result['max-score']} points\n\n{fence}text\n{report}{fence}\n"


def failed(reason):
    """A result that is valid and says whose failure it is, should anyone read it in spite of our exit status."""
    text = f"The grader itself failed ({reason}). This says nothing about your submission: tell your instructor."
    told = {key: os.environ.get(variable) or otherwise for key, variable, otherwise in (
        ("classroom", "CLASSROOM", "classroom"), ("assignment", "ASSIGNMENT", "containers"),
        ("assignment_type", "ASSIGNMENT_TYPE", "individual"), ("owner", "OWNER", "unknown"),
        ("submission", "SUBMISSION_TAG", "submit/unknown"), ("commit", "COMMIT_URL", "unknown"),
        ("release", "RELEASE_URL", "unknown"), ("review", "REVIEW_URL", "unknown"))}
    result = {"schema": "classroom50/result/v1", **told, "datetime": "1970-01-01T00:00:00Z", "score": 0,
              "max-score": 0, "tests": [{"test-name": text, "passed": False, "score": 0, "max-score": 0}]}
    Path("result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    Path("release-body.md").write_text(text + "\n", encoding="utf-8")
    print(f"autograder: {text}", file=sys.stderr)


def main():
    """Everything below a directory outside the checkout, which is removed again."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNNER_TEMP") or None) as work:
        try:
            text, report = grade(unpack(Path(work)), Path(work))
            body = release_body(json.loads(text), report)
        except (Failure, OSError, ValueError, tarfile.TarError) as error:
            failed(str(error).replace("\n", " ")[:300])
            return 1
    Path("result.json").write_text(text, encoding="utf-8")
    Path("release-body.md").write_text(body, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
