"""From the configuration to what logs the accesses of a server."""

from hybrid.bridge.gateway import Gateway
from hybrid.bridge.types import ASGIApp
from hybrid.server.config import Config
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.atoms import LineFormat


def make_access_log(config: Config, application: ASGIApp) -> AccessLog | None:
    """Return what logs the accesses of a server that runs this application; None when nobody wants that."""
    if not config.access_log and config.access_logger is None:
        return None
    return AccessLog(
        LineFormat(config.access_log_format),
        LineFormat(config.access_log_websocket_format),
        sink=config.access_logger,
        labels=application.labels() if isinstance(application, Gateway) else {},
    )
