"""Settings as JSON can say them, without secrets."""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

_SECRET: Final = re.compile(r"API|AUTH_?TOKEN|TOKEN|KEY|SECRET|PASS|SIGNATURE|CREDENTIAL|DSN", re.IGNORECASE)
#: Names that the expression finds, of which rules want to know the values.
_NO_SECRETS: Final = {
    "AUTH_PASSWORD_VALIDATORS",
    "CACHE_MIDDLEWARE_KEY_PREFIX",
    "KEY_FUNCTION",
    "KEY_PREFIX",
    "PASSWORD_HASHERS",
    "SECURE_PROXY_SSL_HEADER",
}
#: The part of a URL before the host; a password may have an @ in it.
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s]+@")
_LEFT_OUT: Final = "***"
_DEPTH, _LENGTH, _COUNT = 8, 2000, 1000


def plain(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return a value as JSON has it: text for what it cannot say, stars for what is secret by its name."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _SECRET.search(name) and name not in _NO_SECRETS:
        return _LEFT_OUT
    if isinstance(value, str):
        return without_credentials(value[:_LENGTH])
    if depth >= _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        entries = list(cast("dict[Any, Any]", value).items())[:_COUNT]
        return {str(each): plain(inner, str(each), depth + 1) for each, inner in entries}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = list(cast("list[Any]", value))
        items = sorted(items, key=str) if isinstance(value, (set, frozenset)) else items
        return [plain(each, "", depth + 1) for each in items[:_COUNT]]
    return plain(_text(value), "", depth)


def without_credentials(text: str) -> str:
    """Return a text without the user and the password of the URLs in it."""
    return _CREDENTIALS.sub(f"{_LEFT_OUT}@", text)


def _text(value: Any) -> str:
    """Say what is no value of JSON: a function by its name, anything else by what it says of itself."""
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    says_nothing: Any = object.__str__
    if type(value).__str__ is says_nothing:
        return f"<{type(value).__module__}.{type(value).__qualname__}>"
    return str(value)


def settings_facts(settings: Any) -> dict[str, Any]:
    """Return the attributes of the facts that are about settings."""
    names = [name for name in dir(settings) if name.isupper()]
    values: dict[str, Any] = {}
    for name in names:
        try:
            values[name] = plain(getattr(settings, name), name)
        except Exception as error:  # noqa: BLE001 - a setting may be anything, and this is not the place to fail
            values[name] = f"<{type(error).__name__}>"
    return {
        "settings": values,
        "explicit": tuple(name for name in names if settings.is_overridden(name)),
        "base_dir": str(getattr(settings, "BASE_DIR", "") or ""),
    }
