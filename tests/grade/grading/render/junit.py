"""JUnit XML as the xunit plugin of Jenkins checks it (junit-10.xsd): a testsuite for each group of each submission.

failure: the submission's; error: the grader's own; skipped: blocked, or robust and worth nothing.
"""

from xml.sax.saxutils import escape, quoteattr

from . import clean, model, words


def render(results, _directory):
    """One document, whatever the number of submissions."""
    suites = []
    for result in results:
        for group in result["groups"]:
            suites.append(_suite(result, group["id"], clean.line(group["title"]), model.checks_of(result, group)))
        extras = model.extras_of(result)
        if extras:
            suites.append(_suite(result, "extra", "Beyond the assignment", extras))
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="container course">\n' + "".join(suites) + \
        "</testsuites>\n"


def _suite(result, group, title, checks):
    name = clean.name(result["submission"]["name"])
    cases = [(check, *_outcome(check)) for check in checks]
    kinds = [kind for _, kind, _, _ in cases]
    head = (f"  <testsuite name={_attribute(f'{name}: {group} {title}')} tests=\"{len(cases)}\""
            f" failures=\"{kinds.count('failure')}\" errors=\"{kinds.count('error')}\""
            f" skipped=\"{kinds.count('skipped')}\" timestamp={_attribute(_timestamp(result['began']))}>\n")
    body = "".join(_case(name, group, check, kind, how, message) for check, kind, how, message in cases)
    return head + body + "  </testsuite>\n"


def _timestamp(began):
    """ISO 8601 without the zone, as JUnit has it."""
    return clean.line(str(began)[:19])


def _outcome(check):
    """(element, type, message) of a check; no element for one that passed."""
    verdict = check["verdict"]
    if verdict == "pass":
        return None, None, None
    if verdict == "error":
        return "error", "grader", "the grader itself failed, not the submission"
    if verdict == "blocked":
        return "skipped", "blocked", f"blocked by {words.causes(check)}"
    if model.is_extra(check):
        return "skipped", "robust", f"{words.label(check)}, worth nothing"
    return "failure", verdict, clean.line(check.get("seen")) or words.label(check)


def _case(name, group, check, kind, how, message):
    # Dots divide packages from classes, so a submission is a package: its own dots must not.
    classname = f"{name.replace('.', '_')}.{group}"
    title = f"{clean.line(check['id'], 60)}: {words.title(check)}"
    inner = ""
    if kind:
        inner += f"      <{kind} type={_attribute(how)} message={_attribute(message)}>" \
                 f"{escape(words.explained(check))}</{kind}>\n"
    if check.get("flaky"):
        inner += '      <flakyFailure type="flaky" message="failed at first, passed in a fresh world"/>\n'
    open_tag = f"    <testcase classname={_attribute(classname)} name={_attribute(title)}"
    return f"{open_tag}>\n{inner}    </testcase>\n" if inner else f"{open_tag}/>\n"


def _attribute(value):
    return quoteattr(clean.line(value, 1000))
