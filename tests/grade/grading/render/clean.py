"""Strings that a submission may have written, made harmless before any format quotes them.

A result holds file names, output and error text of programs that nobody trusts. Each renderer quotes for its own
format; what is dangerous in all of them goes here: control characters (terminals, XML 1.0), direction overrides
(they make text read as something else), lone surrogates (they can't be encoded), endless text.
"""

import hashlib
import re
import string

NAME_LIMIT = 100
TITLE_LIMIT = 200
TEXT_LIMIT = 2000

_PLAIN = string.ascii_letters + string.digits + "-_"

# C0 without tab and newline, DEL, C1, direction marks, separators that some viewers take for newlines,
# surrogates and the noncharacters that XML forbids.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def _visible(match):
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def text(value, limit=TEXT_LIMIT):
    """The value as text of several lines: at most limit characters, unsafe ones written as \\x1b."""
    value = "" if value is None else str(value)
    more = len(value) - limit
    value = value[:limit].replace("\r\n", "\n")
    value = _UNSAFE.sub(_visible, value)
    if more > 0:
        value += f" … ({more} more characters)"
    return value


def line(value, limit=TITLE_LIMIT):
    """The value as text of a single line, white space folded."""
    return " ".join(text(value, limit).split())


def name(value):
    """A submission's name as it is shown; never empty."""
    return line(value, NAME_LIMIT) or "(no name)"


def file_name(value):
    """A name that is safe in any directory and URL, different for different values: what is not a letter, digit, dot,
    dash or underscore becomes =XX, its UTF-8 bytes in hexadecimal; a long one is cut and ends in its digest."""
    encoded = str(value).encode("utf-8", "surrogatepass")
    parts = []
    for place, byte in enumerate(encoded):
        keep = chr(byte) in _PLAIN or (byte == ord(".") and place > 0)
        parts.append(chr(byte) if keep else f"={byte:02X}")
    safe = "".join(parts) or "=empty"
    if len(safe) > 150:
        safe = f"{safe[:120]}={hashlib.sha256(encoded).hexdigest()[:16]}"
    return safe
