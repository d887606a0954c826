"""What the access log writes unless told otherwise, in the atoms of :mod:`hybrid.server.ops.atoms`."""

from typing import Final

#: What a request is logged as unless told otherwise, after the time: uvicorn's line, and how long it took.
DEFAULT_FORMAT: Final = '%(client)s - "%(r)s" %(s)s %(L)ss'
#: What is logged of a WebSocket that closes.
DEFAULT_WEBSOCKET_FORMAT: Final = (
    '%(client)s - "WebSocket %(target)s" closed %(close_code)s "%(close_reason)s" %(L)ss'
    " in %(messages_in)s/%(bytes_in)s out %(messages_out)s/%(bytes_out)s"
)
