"""Facts of what the application shows, as JSON: the environ, and what it read."""

from typing import Any

from benchmarks.wsgi_matrix.seen import Fact, Seen


def answers(expected: Any) -> Fact:
    """The application answers with this JSON."""

    def fact(seen: Seen) -> str:
        return _compare(seen, seen.json, expected)

    return fact


def answers_with(key: str, expected: Any) -> Fact:
    """The application answers with a JSON object that has this."""

    def fact(seen: Seen) -> str:
        shown = seen.json
        return _compare(seen, shown[key] if isinstance(shown, dict) else None, expected)

    return fact


def hinted(seen: Seen) -> str:
    """Of `one two (empty) last`, `readlines(5)` gave at least the first line, and `readline()` the next."""
    shown = seen.json
    if not isinstance(shown, list):
        return str(seen.reply)
    lines = ["one\n", "two\n", "\n", "last", ""]
    got, then = shown
    good = isinstance(got, list) and got and got == lines[: len(got)] and then == lines[min(len(got), 4)]
    return "" if good else _shown(shown, seen)


def tells_the_end(seen: Seen) -> str:
    """The application knows that it may read to the end, or how much there is."""
    shown = seen.json
    if not isinstance(shown, dict):
        return str(seen.reply)
    length = shown["length"]
    if length not in (None, "13"):
        return f"CONTENT_LENGTH is {length}"
    return "" if shown["terminated"] is True or length else "neither is there"


def terminated(seen: Seen) -> str:
    """The application knows that the input ends by itself."""
    return (
        "" if isinstance(seen.json, dict) and seen.json["terminated"] is True else "no wsgi.input_terminated"
    )


def _says_no_less(seen: Seen) -> str:
    """An application that is told of no other threads is called by one at a time."""
    if not isinstance(seen.json, dict):
        return str(seen.reply)
    return "says False, and requests run at once" if seen.json["together"] and not seen.json["says"] else ""


def _says_no_more(seen: Seen) -> str:
    """An application that is told of other threads is called by several."""
    if not isinstance(seen.json, dict):
        return ""
    return "says True, and requests run one by one" if seen.json["says"] and not seen.json["together"] else ""


#: What `wsgi.multithread` says is true.
TRUTHFUL: tuple[Fact, ...] = (_says_no_less, _says_no_more)


def environ(key: str, kind: str, expected: Any) -> Fact:
    """A variable of the environ has this type and value. `{port}` stands for the port."""

    def fact(seen: Seen) -> str:
        if seen.json is None:
            return str(seen.reply)
        found = seen.json["environ"].get(key)
        if found is None:
            return f"{key} is missing"
        wanted = expected.replace("{port}", str(seen.port)) if isinstance(expected, str) else expected
        if found == [kind, wanted]:
            return ""
        return f"{key} is {_shown(found[1], seen)}" if found[0] == kind else f"{key} is of type {found[0]}"

    return fact


def environ_has(kinds: dict[str, str]) -> Fact:
    """The environ has these variables, of these types; "" is any type."""

    def fact(seen: Seen) -> str:
        if seen.json is None:
            return str(seen.reply)
        found = seen.json["environ"]
        missing = [key for key in kinds if key not in found]
        if missing:
            return f"{', '.join(missing)} missing"
        wrong = [key for key, kind in kinds.items() if kind and found[key][0] != kind]
        return f"{', '.join(wrong)} of another type" if wrong else ""

    return fact


def environ_lacks(*keys: str) -> Fact:
    """The environ does not have these variables."""

    def fact(seen: Seen) -> str:
        if seen.json is None:
            return str(seen.reply)
        found = [key for key in keys if key in seen.json["environ"]]
        return f"{', '.join(found)} is there" if found else ""

    return fact


def joined(key: str, *values: str) -> Fact:
    """A variable has these values, joined with a comma and perhaps a space."""

    def fact(seen: Seen) -> str:
        if seen.json is None:
            return str(seen.reply)
        found = seen.json["environ"].get(key, ["str", ""])[1]
        return "" if found.replace(", ", ",") == ",".join(values) else f"{key} is {_shown(found, seen)}"

    return fact


def about_environ(key: str, expected: str) -> Fact:
    """What the application says of the environ as a whole. `{port}` stands for the port."""

    def fact(seen: Seen) -> str:
        if seen.json is None:
            return str(seen.reply)
        found = seen.json["about"][key]
        return "" if found == expected.replace("{port}", str(seen.port)) else _shown(found, seen)

    return fact


def _compare(seen: Seen, found: Any, expected: Any) -> str:
    if seen.json is None:
        return str(seen.reply)
    return "" if found == expected else _shown(found, seen)


def _shown(value: Any, seen: Seen) -> str:
    """Write a value as Python does, the same run after run."""
    return f"`{value!a}`".replace(str(seen.port), "PORT")
