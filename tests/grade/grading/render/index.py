"""The class at a glance, for the instructor: scores, their distribution, groups, the checks that failed most."""

import statistics
from urllib.parse import quote

from . import clean, model, words
from .markup import COURSE, bar, document, icon, percent, text, tone
from .text import group_ids

BINS = 10
WORST = 12


def render(results, links):
    """The page; links[i] leads to the page of results[i]."""
    body = [_header(results), "<main>", _alerts(results), '<div class="pair">', _histogram(results), _groups(results),
            "</div>", _worst(results), _table(results, links), "</main>", _footer(results)]
    return document(f"{COURSE}: the class", "index", "\n".join(part for part in body if part))


def _shares(results):
    return [percent(result["score"]["points"], result["score"]["max"]) for result in results]


def _header(results):
    points = [result["score"]["points"] for result in results]
    most = max(result["score"]["max"] for result in results)
    full = sum(1 for result in results if result["score"]["points"] == result["score"]["max"])
    tiles = ((len(results), "submissions" if len(results) != 1 else "submission"),
             (_number(statistics.mean(points)), f"mean of {most}"), (_number(statistics.median(points)), "median"),
             (f"{min(points)}–{max(points)}", "range"), (full, "with every point"))
    cells = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for value, label in tiles)
    return f'<header class="top"><div><p class="kicker">{COURSE}</p><h1>The class</h1></div>' \
           f'<dl class="tiles">{cells}</dl></header>'


def _number(value):
    return f"{value:.1f}".removesuffix(".0")


def _alerts(results):
    failed = [result for result in results if model.grader_failed(result)]
    if not failed:
        return ""
    names = ", ".join(clean.name(result["submission"]["name"]) for result in failed[:10])
    more = f" and {len(failed) - 10} more" if len(failed) > 10 else ""
    return f'<p class="alert error">{icon("error")}<span><b>The grader itself failed in places</b> of ' \
           f'{model.plural(len(failed), "submission")}: {text(names, 1200)}{more}. Grade again once the reason, ' \
           f'which stands on their pages, is gone.</span></p>'


def _histogram(results):
    """Scores in tens, drawn without a script."""
    heights = [0] * BINS
    for share in _shares(results):
        heights[min(share * BINS // 100, BINS - 1)] += 1
    tallest = max(heights)
    bars = []
    for place, height in enumerate(heights):
        left = 5 + place * 42
        high = round(150 * height / tallest) if tallest else 0
        label = f"{place * 10}–" if place < BINS - 1 else "90–100"
        if height:
            bars.append(f'<rect class="column" x="{left + 2}" y="{175 - high}" width="38" height="{high}" rx="3"/>'
                        f'<text x="{left + 21}" y="{168 - high}">{height}</text>')
        bars.append(f'<text class="axis" x="{left + 21}" y="193">{label}</text>')
    told = ", ".join(f"{height} from {place * 10}" for place, height in enumerate(heights) if height)
    return f'<section class="card"><h2>Scores</h2><svg class="histogram" viewBox="0 0 430 200" role="img" ' \
           f'aria-label="Submissions by percent of the points: {told}"><path class="base" d="M5 175.5h420"/>' \
           f'{"".join(bars)}</svg><p class="quiet">Submissions by percent of the points</p></section>'


def _groups(results):
    """Each group's mean."""
    rows = []
    for ident in group_ids(results):
        own = [group for result in results for group in result["groups"] if group["id"] == ident]
        most = max(group["max"] for group in own)
        mean = statistics.mean(group["points"] for group in own)
        rows.append(f'<li><span class="gid">{text(ident, 10)}</span><span class="gname">{text(own[0]["title"])}</span>'
                    f'{bar(mean, most, "plain")}<span class="points">{_number(mean)}/{most}</span></li>')
    return f'<section class="card"><h2>Groups, mean</h2><ul>{"".join(rows)}</ul></section>'


def _worst(results):
    """The checks that failed most often, and how many others each blocked."""
    titles, failed, judged, waiting = {}, {}, {}, {}
    for result in results:
        for check in result["checks"]:
            ident = check["id"]
            titles.setdefault(ident, check)
            judged[ident] = judged.get(ident, 0) + (check["verdict"] in ("pass", "fail"))
            failed[ident] = failed.get(ident, 0) + (check["verdict"] == "fail")
        for cause, number in model.unblocks(result).items():
            waiting[cause] = waiting.get(cause, 0) + number
    order = [ident for ident in titles if failed[ident]]
    order.sort(key=lambda ident: (-failed[ident], -waiting.get(ident, 0)))
    if not order:
        return ""
    rows = "".join(
        f'<tr><td class="title">{text(words.title(titles[ident]))} <code>{text(ident, 60)}</code>'
        f'{_note(titles[ident])}</td><td class="wide">{bar(failed[ident], judged[ident], "bad")}</td>'
        f'<td class="number">{failed[ident]} of {judged[ident]}</td>'
        f'<td class="number">{waiting.get(ident, 0) or "–"}</td></tr>'
        for ident in order[:WORST])
    heads = '<th scope="col">Check</th><td class="wide"></td><th scope="col" class="number">failed</th>' \
            '<th scope="col" class="number">blocked others</th>'
    return _scrolled("Checks that failed most", "worst", heads, rows)


def _scrolled(title, kind, heads, rows):
    """A card with a table, which scrolls where the window is narrow."""
    return f'<section class="card"><h2>{title}</h2><div class="scroll" tabindex="0"><table class="{kind}"><thead>' \
           f'<tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div></section>'


def _note(check):
    if model.is_extra(check):
        return ' <span class="tag">not counted</span>'
    return ' <span class="tag">hidden</span>' if model.is_hidden(check) else ""


def _table(results, links):
    ids = group_ids(results)
    heads = "".join(f'<th scope="col" class="group">{text(ident, 10)}</th>' for ident in ids)
    rows = "\n".join(_row(result, link, ids) for result, link in zip(results, links))
    heads = '<th scope="col">Submission</th><th scope="col" class="number">Score</th><td class="wide"></td>' \
            f'{heads}<th scope="col">Notes</th>'
    return _scrolled("Submissions", "scores", heads, rows)


def _row(result, link, ids):
    score = result["score"]
    groups = {group["id"]: group for group in result["groups"]}
    cells = "".join(_cell(groups.get(ident)) for ident in ids)
    name = text(clean.name(result["submission"]["name"]))
    return f'<tr><th scope="row"><a href="{quote(link)}">{name}</a></th>' \
           f'<td class="number total">{score["points"]}</td>' \
           f'<td class="wide">{bar(score["points"], score["max"])}</td>' \
           f'{cells}<td class="notes">{_notes(result)}</td></tr>'


def _cell(group):
    if group is None:
        return '<td class="group">–</td>'
    return f'<td class="group"><span class="heat {tone(group["points"], group["max"])}">{group["points"]}</span></td>'


def _notes(result):
    notes = []
    failed = model.grader_failed(result)
    if failed:
        notes.append('<span class="tag error">grader error</span>')
    missing = [str(task["task"]) for task in result["tasks"] if task.get("state") == "missing"]
    if missing:
        notes.append(f'<span class="tag">without task {text(", ".join(missing))}</span>')
    flaky = model.counts(result["checks"])["flaky"]
    if flaky:
        notes.append(f'<span class="tag flaky">{flaky} flaky</span>')
    return " ".join(notes)


def _footer(results):
    """How it was graded; several values if the batch was graded in several ways."""
    rows = []
    for key, title in (("version", "Grader"), ("rubric", "Rubric"), ("seed", "Seed"), ("sandbox", "Sandbox"),
                       ("kernel", "Kernel")):
        found = dict.fromkeys(clean.line(result["grader"][key], 100) for result in results)
        values = [value for value in found if value]
        rows.append(f"<div><dt>{title}</dt><dd>{text(', '.join(values[:5]), 500)}</dd></div>")
    return f"<footer><dl>{''.join(rows)}</dl></footer>"
