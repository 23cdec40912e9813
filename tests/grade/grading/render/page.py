"""One submission's page: the score, where to start, every check with what was expected and seen."""

import base64

from . import clean, model, words
from .markup import COURSE, bar, block, document, icon, ring, text

LEGEND = (
    ("pass", "passed", "The kernel's evidence shows what was asked for."),
    ("fail", "failed", "It doesn't: expected, seen and the lesson to read stand with the check."),
    ("blocked", "blocked", "A check that it builds on failed. It costs nothing of its own."),
    ("missing", "missing", "The submission has no such part."),
    ("error", "grader error", "The grader itself failed; not the submission's failure. Tell your instructor."),
)


def render(result, directory):
    """The page of a result, which already is the view of who will read it."""
    name = clean.name(result["submission"]["name"])
    sections = [_header(result, name), "<main>", _alerts(result), _overview(result), _start(result)]
    sections += [_task(result, task, directory) for task in result["tasks"]]
    sections += [_extras(result, directory), _legend(), "</main>", _footer(result)]
    return document(f"{name}: {result['score']['points']} of {result['score']['max']}", "page",
                    "\n".join(part for part in sections if part))


def _header(result, name):
    score = result["score"]
    return f"""<header class="top"><div>
<p class="kicker">{COURSE}</p>
<h1>{text(name)}</h1>
<p class="tally">{text(words.tally(result))}</p>
<p class="quiet">Graded {_when(result["began"])}, {text(result["seconds"], 20)} seconds</p>
</div>
{ring(score["points"], score["max"])}</header>"""


def _when(began):
    """2026-03-02 09:14 UTC."""
    return text(str(began)[:16].replace("T", " ") + " UTC")


def _alerts(result):
    alerts = []
    note = words.grader_note(result)
    if note:
        alerts.append(f'<p class="alert error">{icon("error")}<span>{text(note)}</span></p>')
    for task in result["tasks"]:
        reason = text(task.get("reason"), 400)
        if reason and task.get("state") in ("missing", "error"):
            word = "missing" if task["state"] == "missing" else "grader error"
            alerts.append(f'<p class="alert {task["state"]}">{icon(task["state"])}'
                          f'<span><b>Task {task["task"]}: {word}.</b> {reason}</span></p>')
    return "\n".join(alerts)


def _overview(result):
    cards = []
    for task in result["tasks"]:
        rows = "".join(
            f'<li><span class="gid">{text(group["id"], 10)}</span><span class="gname">{text(group["title"])}</span>'
            f'{bar(group["points"], group["max"])}<span class="points">{group["points"]}/{group["max"]}</span></li>'
            for group in model.groups_of(result, task))
        cards.append(f'<section class="card"><h2><a href="#task{task["task"]}">Task {task["task"]}</a> '
                     f'<span class="points">{task["points"]} of {task["max"]}</span></h2><ul>{rows}</ul></section>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _start(result):
    """The failed checks, those first that others wait for: what a student should look at, in this order."""
    waiting = model.unblocks(result)
    failed = [c for c in result["checks"] if c["verdict"] == "fail" and not model.is_extra(c)]
    failed.sort(key=lambda check: (-waiting.get(check["id"], 0), -(check["max"] - check["points"])))
    if not failed:
        return ""
    items = []
    for check in failed[:8]:
        wait = waiting.get(check["id"], 0)
        more = f' <span class="tag">{model.plural(wait, "check")} {"waits" if wait == 1 else "wait"} for it</span>' \
            if wait else ""
        lesson = f'<span class="quiet">read <code>{text(check["lesson"])}</code></span>' if check.get("lesson") else ""
        items.append(f'<li><a href="#{_anchor(check)}">{text(words.title(check))}</a>{more} {lesson}</li>')
    rest = len(failed) - len(items)
    more = f'<p class="quiet">and {model.plural(rest, "failed check")} more, below.</p>' if rest else ""
    return f'<section class="start"><h2>Start here</h2><ol>{"".join(items)}</ol>{more}</section>'


def _anchor(check):
    return "check-" + clean.file_name(check["id"]).replace("=", ".")


def _task(result, task, directory):
    groups = "".join(_group(result, group, directory) for group in model.groups_of(result, task))
    if not groups:
        return ""
    return f'<section class="task" id="task{task["task"]}"><h2>Task {task["task"]} ' \
           f'<span class="points">{task["points"]} of {task["max"]}</span></h2>\n{groups}</section>'


def _group(result, group, directory):
    rows = "".join(_check(check, result, directory) for check in model.checks_of(result, group))
    rest = words.remainder_title(result, group)
    if rest:
        points, most = model.remainder(result, group)
        rows += f'<div class="check rest"><div class="row"><span class="verdict"></span>' \
                f'<span class="title">{text(words.sentence(rest))}</span>' \
                f'<span class="points">{points}/{most}</span></div></div>\n'
    return f'<section class="group"><h3><span class="gid">{text(group["id"], 10)}</span> {text(group["title"])}' \
           f'<span class="points">{group["points"]}/{group["max"]}</span></h3>\n{rows}</section>\n'


def _check(check, result, directory):
    label = text(words.LABELS.get(check["verdict"], check["verdict"]), 20)
    row = f'<span class="verdict">{icon(check["verdict"])}{label}</span>' \
          f'<span class="title">{text(words.title(check))} {_tags(check)}</span>' \
          f'<span class="points">{words.points(check)}</span>'
    kind = check["verdict"] if check["verdict"] in model.VERDICTS else "error"
    body = _facts(check) + _evidence(check, result, directory)
    if not body:
        return f'<div class="check {kind}" id="{_anchor(check)}"><div class="row">{row}</div></div>\n'
    opened = ' open="open"' if check["verdict"] in ("fail", "error") and not model.is_extra(check) else ""
    return f'<details class="check {kind}" id="{_anchor(check)}"{opened}><summary class="row">{row}</summary>' \
           f'<div class="facts">{body}</div></details>\n'


def _tags(check):
    tags = [f"<code>{text(check['id'], 60)}</code>"]
    if check.get("flaky"):
        tags.append('<span class="tag flaky">flaky</span>')
    if model.is_hidden(check):
        tags.append('<span class="tag">hidden from students</span>')
    if check.get("conductor") == "reference":
        tags.append('<span class="tag">with the reference conductor</span>')
    return " ".join(tags)


def _facts(check):
    rows = "".join(f"<dt>{text(key)}</dt><dd>{_fact(key, value)}</dd>" for key, value in words.facts(check))
    return f"<dl>{rows}</dl>" if rows else ""


def _fact(key, value):
    if key in ("expected", "seen"):
        return f"<pre>{block(value, clean.TEXT_LIMIT * 2)}</pre>"
    if key == "read":
        return f"<code>{text(value)}</code>"
    return block(value)


def _evidence(check, result, directory):
    """What the kernel said, for those that failed; for the rest it lies in the directory."""
    if check["verdict"] not in ("fail", "error"):
        return ""
    parts = [_exhibit(path, result, directory) for path in model.listed(check.get("evidence"))[:8]]
    return "".join(part for part in parts if part)


def _exhibit(path, result, directory):
    name = text(path, 120)
    if str(path).endswith(".svg"):
        found = model.evidence(directory, result, path, model.PICTURE_LIMIT)
        if found is None or found[1] > model.PICTURE_LIMIT:
            return ""
        # In an img, a picture can neither run scripts nor load anything.
        data = base64.b64encode(found[0]).decode("ascii")
        inner = f'<img alt="The witness\'s picture of the processes and their namespaces" ' \
                f'src="data:image/svg+xml;base64,{data}"/>'
    else:
        shown = model.evidence_text(directory, result, path)
        if shown is None:
            return ""
        inner = f"<pre>{block(shown, model.EVIDENCE_LIMIT + 200)}</pre>"
    return f'<details class="evidence"><summary>Evidence: <code>{name}</code></summary>{inner}</details>'


def _extras(result, directory):
    extras = model.extras_of(result)
    if not extras:
        return ""
    rows = "".join(_check(check, result, directory) for check in extras)
    passed = model.counts(extras)["pass"]
    return f'<section class="task extra" id="extra"><h2>Beyond the assignment <span class="points">{passed} of ' \
           f'{len(extras)} passed</span></h2><p class="quiet">What the given script itself gets wrong. Shown, and ' \
           f'worth nothing.</p>\n<section class="group">{rows}</section></section>'


def _legend():
    rows = "".join(f'<dt class="{kind}"><span class="verdict">{icon(kind)}{word}</span></dt><dd>{meaning}</dd>'
                   for kind, word, meaning in LEGEND)
    return f'<details class="legend"><summary>How to read this</summary><dl>{rows}<dt><span class="tag flaky">flaky' \
           '</span></dt><dd>It failed at first and passed when it was tried again in a fresh world: it counts as ' \
           'passed.</dd></dl></details>'


def _sandboxes(result):
    """Where it was judged; and what was judged elsewhere, as 2c is where this machine's cgroups can't show it."""
    grader = result["grader"]

    def words(machine):
        return f"{machine['sandbox']}, Linux {machine['kernel']}, cgroup {machine['cgroup']}"

    elsewhere = [f"task {task['task']}: {words(task['machine'])}" for task in result["tasks"]
                 if task.get("machine") and task["machine"]["sandbox"] != grader["sandbox"]]
    return "; ".join([words(grader) if grader["kernel"] else grader["sandbox"], *elsewhere])


def _footer(result):
    grader = result["grader"]
    files = ", ".join(f"task {clean.line(task, 5)}: {clean.line(path, 100)}"
                      for task, path in sorted(result["submission"].get("files", {}).items()))
    rows = (("Files", files or "none were found"), ("Submission", result["submission"]["digest"]),
            ("Rubric", grader["rubric"]), ("Grader", grader["version"]), ("Seed", grader["seed"]),
            ("Sandbox", _sandboxes(result)))
    cells = "".join(f"<div><dt>{key}</dt><dd>{text(value, 400)}</dd></div>" for key, value in rows)
    return f"<footer><dl>{cells}</dl></footer>"
