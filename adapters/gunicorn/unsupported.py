"""Settings of gunicorn that have no effect here, said once at the start to who has set them."""

from typing import Final

from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger

from hybrid.adapters.gunicorn.versions import HTTP2, changed

#: What is set in vain, and what there is to know of it.
REASONS: Final = {
    "protocol": "HTTP is spoken; uwsgi is not",
    "uwsgi_allow_ips": "HTTP is spoken; uwsgi is not",
    "http2_max_frame_size": "every client can send the frames of 16,384 bytes that are taken",
    "http_parser": "there is one parser",
    "permit_obsolete_folding": "what is ambiguous is refused",
    "strip_header_spaces": "what is ambiguous is refused",
    "permit_unconventional_http_version": "HTTP/1.0 and HTTP/1.1 are spoken",
    "casefold_http_method": "methods are case-sensitive",
    "ssl_version": "hybrid_ssl_minimum_version says it",
    "suppress_ragged_eofs": "the event loop decides",
    "do_handshake_on_connect": "the event loop does the handshake",
    "tmp_upload_dir": "$TMPDIR says where request bodies are kept",
    "asgi_disconnect_grace_period": "hybrid_timeout_disconnect says it, for applications that do not listen",
}
#: Of a setting a part alone is without effect.
_UPGRADE: Final = "http2_cleartext: HTTP/2 is not begun by an Upgrade field, which RFC 9113 has no more"


def warn_of_unsupported(cfg: GunicornConfig, log: Logger) -> None:
    """Log a line for each setting that was changed and has no effect."""
    spoken = "h2" in cfg.http_protocols
    reasons = REASONS if spoken else REASONS | dict.fromkeys(HTTP2, "there is no h2 in http_protocols")
    for name, reason in reasons.items():
        if changed(cfg, name):
            log.warning("%s has no effect with this worker: %s", name, reason)
    if spoken and cfg.http2_cleartext in ("upgrade", "both"):
        log.warning("%s", _UPGRADE)
