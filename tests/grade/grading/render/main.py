"""grade render: DIR --format FORMAT [-o OUT] [--audience student|instructor]."""

import argparse
import sys

from . import AUDIENCES, FORMATS, RenderError, load

PROGRAM = "grade: render"


class _Parser(argparse.ArgumentParser):
    """One line on standard error and 2, as all our programs do."""

    def error(self, message):
        print(f"{PROGRAM}: {message} (try: grade render --help)", file=sys.stderr)
        raise SystemExit(2)


def _parser():
    formats = "\n".join(f"  {name:<12} {form.help}" for name, form in FORMATS.items())
    parser = _Parser(
        prog="grade render", description="Writes the results that grade left in DIR, in any format.",
        epilog=f"formats:\n{formats}\n\nHidden checks are named to instructors only. Unless --audience says so, "
               "text, html,\nclassroom50 and autolab are for students; the html index is the instructor's.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", help="what grade -o wrote")
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT", help="see below")
    parser.add_argument("-o", dest="out", metavar="OUT", help="a file, or a directory; otherwise standard output")
    parser.add_argument("--audience", choices=AUDIENCES, help="who will read it: student, instructor")
    return parser


def main(arguments):
    """Exit status: 0, 1 it failed, 2 usage."""
    options = _parser().parse_args(arguments)
    form = FORMATS[options.format]
    try:
        form.render(load(options.directory), options.directory, options.out, options.audience or form.audience)
    except RenderError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stdout = None  # or Python complains once more when it ends
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
