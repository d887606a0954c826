"""Why a WebSocket ended, in numbers (RFC 6455 section 7.4)."""

import enum
from typing import Final


class CloseCode(enum.IntEnum):
    """Why a connection ended (RFC 6455 section 7.4.1 and IANA's WebSocket Close Code Number registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    #: Never sent: the close frame had no code.
    NO_STATUS = 1005
    #: Never sent: the connection ended without a close frame.
    ABNORMAL = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014


_UNASSIGNED_CLOSE_CODES: Final = frozenset({1004, 1005, 1006})


def is_valid_close_code(code: int) -> bool:
    """Tell whether a close frame may carry this code (RFC 6455 section 7.4, IANA registry)."""
    return (1000 <= code <= 1014 and code not in _UNASSIGNED_CLOSE_CODES) or 3000 <= code <= 4999
