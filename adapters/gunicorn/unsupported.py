"""Settings of gunicorn that have no effect here, said once at the start to who has set them."""

from typing import Any, Final

from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger

#: What is set in vain, and what there is to know of it.
REASONS: Final = {
    "protocol": "HTTP is spoken; uwsgi is not",
    "uwsgi_allow_ips": "HTTP is spoken; uwsgi is not",
    "http_protocols": "HTTP/1.1 is spoken",
    "http2_cleartext": "HTTP/1.1 is spoken",
    "http2_max_concurrent_streams": "HTTP/1.1 is spoken",
    "http2_initial_window_size": "HTTP/1.1 is spoken",
    "http2_max_frame_size": "HTTP/1.1 is spoken",
    "http2_max_header_list_size": "HTTP/1.1 is spoken",
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


def warn_of_unsupported(cfg: GunicornConfig, log: Logger) -> None:
    """Log a line for each setting that was changed and has no effect."""
    for name, reason in REASONS.items():
        setting = cfg.settings.get(name)
        if setting is not None and _is_changed(setting):
            log.warning("%s has no effect with this worker: %s", name, reason)


def _is_changed(setting: Any) -> bool:
    """Whether a setting has another value than its default, which is written as a user would write it."""
    fresh = type(setting)()
    return bool(setting.get() != fresh.get())
