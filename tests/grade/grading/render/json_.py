"""The canonical results, as they are, in one JSON document: an object for one submission, an array for several."""

import json


def render(results, _directory):
    """ASCII only, so that no reader's encoding matters and no control character is left."""
    plain = [{key: value for key, value in result.items() if key != "_at"} for result in results]
    return json.dumps(plain[0] if len(plain) == 1 else plain, indent=2) + "\n"
