"""What every response says beside what the application does."""

import re
from collections.abc import Sequence
from typing import ClassVar, Final

from hybrid.bridge.errors import ConfigError
from hybrid.server.config.settings import Flag, SettingsGroup, Texts, setting, settings_group

_FIELD = re.compile(
    r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*))?"
)
#: Fields that decide where a response ends and what becomes of the connection (RFC 9110 section 7.6.1).
_OF_THE_CONNECTION: Final = frozenset(
    ("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade")
)  # fmt: skip


@settings_group
class ResponseSettings(SettingsGroup):
    """What every response says beside what the application does."""

    heading: ClassVar[str] = "Responses"

    server_header: bool = setting(True, Flag(help="Send a Server field."))
    date_header: bool = setting(True, Flag(help="Send a Date field."))
    headers: Sequence[str] = setting(
        (),
        Texts(
            flag="--header",
            metavar="NAME:VALUE",
            help="Send this field with every response in which the application has none of that name.",
        ),
    )

    @property
    def header_fields(self) -> list[tuple[str, str]]:
        """Names, in lower case, and values of the :attr:`headers`, in order.

        Raises:
            ConfigError: one of them is malformed, or not theirs to set.
        """
        return [_field(text) for text in self.headers]

    def check_group(self) -> None:
        """Refuse fields that cannot be sent, now."""
        self.header_fields  # noqa: B018 - raises


def _field(text: str) -> tuple[str, str]:
    """Read one field. No character is let through that could end its line (RFC 9110 section 5.5)."""
    match = _FIELD.fullmatch(text)
    if match is None:
        raise ConfigError(f"headers: {text!r} is not NAME:VALUE, or has characters that no field may have")
    name, value = match[1].lower(), (match[2] or "").rstrip(" \t")
    if name in _OF_THE_CONNECTION:
        raise ConfigError(f"headers: {text!r}: {name} is for the server to decide")
    return name, value
