"""What the grader may complain of."""


class GraderError(Exception):
    """The grader itself can't go on: exit status 1, and never held against a student."""


class UsageError(Exception):
    """The command line or a file named there is wrong: exit status 2."""


class IntakeError(Exception):
    """A submission can't be taken in (no directory or tar, too large): it gets 0 with this reason."""
