"""The programs that grade starts: each is a process group, so that none outlives what started it."""

import os
import signal
import subprocess
import sys
import threading

from .errors import GraderError

_running = set()
_lock = threading.Lock()
_ending = False


def run(command, seconds, environment=None):
    """As subprocess.run, without input; a program that takes longer is ended with all that it has started."""
    try:
        with _lock:
            if _ending:
                raise GraderError("interrupted")
            program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.PIPE, errors="replace", env=environment,
                                       start_new_session=True)
            _running.add(program)
    except OSError as error:
        raise GraderError(f"{command[0]}: {error}") from None
    try:
        output, errors = program.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(program)
        raise GraderError(f"{command[0]} is not done after {seconds} s") from None
    finally:
        with _lock:
            _running.discard(program)
    if _ending:
        raise GraderError("interrupted")
    return subprocess.CompletedProcess(command, program.returncode, output, errors)


def _end(program):
    """Sandboxes have much to take away, so they are asked first."""
    for number, seconds in ((signal.SIGTERM, 30), (signal.SIGKILL, 5)):
        try:
            os.killpg(program.pid, number)
            program.wait(seconds)
            return
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def end_with_signals(directory):
    """What a terminal or a scheduler sends ends everything: the programs, then grade, whose temporary
    directories are below directory. What was graded before has its result."""
    def end(number, _frame):
        global _ending  # pylint: disable=global-statement
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        held = _lock.acquire(timeout=2)  # in vain if this thread was interrupted while it held it
        _ending = True
        if held:
            _lock.release()
        print("grade: interrupted (--resume goes on where it was)", file=sys.stderr, flush=True)
        for program in list(_running):
            _end(program)
        # In place of this process, so that no other thread writes there meanwhile.
        os.execvp("sh", ["sh", "-c", 'rm -rf --one-file-system "$1"; exit "$2"', "sh", directory, str(128 + number)])

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, end)
