"""The canonical results, as they are, in one JSON document: an object for one submission, an array for several."""

import json


def render(results, _directory):
    """ASCII only, so that no control or direction character is left; half a surrogate pair, which Python reads and writes
    but other parsers refuse, becomes a question mark."""
    plain = [{key: value for key, value in result.items() if key != "_at"} for result in results]
    whole = json.dumps(plain[0] if len(plain) == 1 else plain, ensure_ascii=False).encode("utf-8", "replace")
    return json.dumps(json.loads(whole), indent=2) + "\n"
