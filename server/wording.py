"""Pieces of messages: why the system refused something, and what a name that nobody knows may have meant."""

from collections.abc import Iterable


def reason_of(error: Exception) -> str:
    """Say why something failed: in the system's words where it was the system."""
    return getattr(error, "strerror", None) or str(error)


def did_you_mean(wrong: str, known: Iterable[str], form: str = "{}") -> str:
    """Suggest what may have been meant by a name that is not known, as the end of a message; "" for nothing.

    Args:
        wrong: the name.
        known: those that there are.
        form: how the suggestion is written, with ``{}`` for the name.
    """
    import difflib  # only a mistake needs it

    found = difflib.get_close_matches(wrong, sorted(known), n=1)
    return f"; did you mean {form.format(found[0])}?" if found else ""
