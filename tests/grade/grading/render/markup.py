"""Pieces of HTML that page and index share. All of it is well-formed XML too, so a plain parser can check it.

Whatever comes from a result passes through text() or block(); nothing else writes into a page.
"""

from html import escape
from pathlib import Path

from . import clean

COURSE = "Containers from three system calls"

# No script, no request to anywhere: what a submission smuggled into a page could still do nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_ICONS = {
    "pass": '<path d="M4.5 8.2l2.4 2.4 4.6-5"/>',
    "fail": '<path d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"/>',
    "blocked": '<path d="M6.2 5v6M9.8 5v6"/>',
    "missing": '<path d="M4.8 8h6.4"/>',
    "error": '<path d="M8 4.4v4.4M8 11.3v.2"/>',
}


def text(value, limit=clean.TITLE_LIMIT):
    """One line, escaped for content and for attributes."""
    return escape(clean.line(value, limit), quote=True)


def block(value, limit=clean.TEXT_LIMIT):
    """Several lines, escaped."""
    return escape(clean.text(value, limit), quote=True)


def icon(verdict):
    """A small drawing of the verdict; the word stands beside it, so readers of screens skip it."""
    path = _ICONS.get(verdict, _ICONS["error"])
    return f'<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7.5"/>{path}</svg>'


def percent(points, most):
    """A whole number from 0 to 100; of nothing it is 0."""
    return round(100 * min(max(points, 0), most) / most) if most else 0


def bar(points, most, kind=""):
    """How much of it was earned, as a bar."""
    word = kind or tone(points, most)
    return f'<span class="bar {word}" aria-hidden="true"><i style="width:{percent(points, most)}%"></i></span>'


def tone(points, most):
    """full, most (from 80 %), part or none: the colour in which points are shown."""
    if points >= most:
        return "full"
    if 5 * points >= 4 * most:
        return "most"
    return "part" if points > 0 else "none"


def ring(points, most):
    """The score in a ring."""
    share = percent(points, most)
    circle = 'cx="60" cy="60" r="52"'
    arc = f'<circle class="arc" {circle} pathLength="100" stroke-dasharray="{share} 100"/>' if share else ""
    label = f"{points} of {most} points"
    return f"""<svg class="ring {tone(points, most)}" viewBox="0 0 120 120" role="img" aria-label="{label}">
<circle class="track" {circle}/>{arc}
<text class="number" x="60" y="66">{points}</text><text class="of" x="60" y="86">of {most}</text></svg>"""


def document(title, kind, body):
    """A whole page with its style in it."""
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="robots" content="noindex"/>
<title>{text(title)}</title>
<style>
{style}</style>
</head>
<body class="{kind}">
{body}
</body>
</html>
"""
