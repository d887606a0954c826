"""The results for programs. ``schema.json``, beside this, says what is in it; ``schema`` is its version."""

import json
from dataclasses import asdict
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.results import Results

#: Of what is written here. It grows by one whenever something is taken away or means something else.
SCHEMA: Final = 1


def as_json(results: Results) -> dict[str, Any]:
    """Return the results as what JSON can say."""
    return {
        "schema": SCHEMA,
        "kind": "shadow",
        "old": results.old,
        "new": results.new,
        "requests": results.requests,
        "same": results.same,
        "different": results.different,
        "unreachable": results.unreachable,
        "stopped": results.stopped,
        "reasons": [{"reason": each, "count": count} for each, count in results.reasons.most_common()],
        "views": [asdict(each) for each in results.views.values()],
        "groups": [{**asdict(each), "what": each.what.value} for each in results.groups.all()],
        "dropped": results.groups.dropped,
        "masks": [
            {"what": what, "how": how, "count": count}
            for (what, how), count in sorted(results.hidden.items(), key=lambda each: (-each[1], each[0]))
        ],
        "notes": [{"note": each, "count": count} for each, count in results.notes.most_common()],
    }


def render_json(results: Results) -> str:
    """Return the same as text."""
    return json.dumps(as_json(results), indent=2, ensure_ascii=False)
