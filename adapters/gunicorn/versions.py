"""From gunicorn's settings about versions of HTTP to ours."""

from typing import Any, Final

from gunicorn.config import Config as GunicornConfig

from hybrid.server.limits import LARGEST_HEAD

#: Those that say something of HTTP/2 alone, and which of ours each is; beside ``http_protocols``.
HTTP2: Final = {
    "http2_cleartext": "http2_cleartext",
    "http2_max_concurrent_streams": "http2_max_concurrent_streams",
    "http2_initial_window_size": "http2_initial_window_size",
    "http2_max_header_list_size": "limit_request_head",
}


def http_settings(cfg: GunicornConfig) -> dict[str, Any]:
    """Return what gunicorn's settings say of HTTP/2 in ours, where they allow it at all.

    Who wants HTTP/2 from gunicorn has HTTP/1.1 with it, whatever ``http_protocols`` says: a client that does
    not choose HTTP/2 is served too. Settings that are as gunicorn has them are left to our defaults.
    """
    if "h2" not in cfg.http_protocols:
        return {"http": "1"}
    return {"http": "auto"} | {HTTP2[name]: _write(cfg, name) for name in HTTP2 if changed(cfg, name)}


def changed(cfg: GunicornConfig, name: str) -> bool:
    """Tell whether a setting has another value than its default, which is written as a user would write
    it; one that this gunicorn does not have has none.
    """
    setting: Any = cfg.settings.get(name)
    return setting is not None and bool(setting.get() != type(setting)().get())


def _write(cfg: GunicornConfig, name: str) -> Any:
    value: Any = cfg.settings[name].get()
    match name:
        case "http2_cleartext":  # which says nothing under TLS
            return not cfg.is_ssl and value in ("prior-knowledge", "both")
        case "http2_max_header_list_size":
            return min(value or LARGEST_HEAD, LARGEST_HEAD)
        case _:
            return value
