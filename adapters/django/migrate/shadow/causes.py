"""What is behind a difference: a rule of the catalogue where it can be told, and a sentence in any case."""

import re
from urllib.parse import unquote_to_bytes

from hybrid.adapters.django.migrate import known_errors
from hybrid.adapters.django.migrate.shadow.differences import Difference, What
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.parts.timing import STREAM
from hybrid.adapters.django.migrate.shadow.telling import ABSENT, general


def rule_of(difference: Difference, request: Request, old: Outcome, new: Outcome) -> str:
    """Return the rule of the catalogue that a difference shows; ``""`` where that cannot be told."""
    said = f"{difference.where} {difference.new} {difference.old}"
    has_text = difference.what in (What.STATUS, What.EXCEPTION, What.WARNING)
    if has_text and (rule := known_errors.rule_of([said])):
        return rule
    if difference.what is What.TIME and difference.where == STREAM:
        return "HM305"
    if old.status >= 500 and new.status >= 500 and difference.where == "content-type":
        return "HM406"
    is_named = difference.what in (What.STATUS, What.BODY) or difference.where == "location"
    return "HM405" if is_named and not _is_utf8(request.target) else ""


def cause_of(difference: Difference) -> str:
    """Say what happens, in one sentence that names the new lane's side."""
    where, old, new = general(difference.where), difference.old, difference.new
    match difference.what:
        case What.STATUS:
            return f"answers {new} instead of {old}"
        case What.HEADER:
            return f"{_has(old, new)} the field {where}"
        case What.BODY if where:
            return f"{_has(old, new)} {where} in the body"
        case What.BODY:
            return "has another body"
        case What.TIME:
            return f"takes longer: {new} instead of {old}"
        case What.QUERIES:
            return f"runs a statement {new} instead of {old}{_hint(old, new)}"
        case What.WARNING:
            return f"logs {new} what was logged {old}: {where}"
        case What.EXCEPTION:
            return f"raises {new or 'nothing'} instead of {old or 'nothing'}"
        case What.SENT:
            return f"sends {new} what was sent {old}: {where}"


def _has(old: str, new: str) -> str:
    if new == ABSENT:
        return "lacks"
    return "adds" if old == ABSENT else "has another value of"


def _hint(old: str, new: str) -> str:
    """Name the pattern of one query for each row."""
    count = re.match(r"(\d+) times", new)
    return ", as for each row (N+1)" if count and old in ("never", "once", "twice") else ""


def _is_utf8(target: str) -> bool:
    try:
        unquote_to_bytes(target.partition("?")[0]).decode()
    except UnicodeDecodeError:
        return False
    return True
