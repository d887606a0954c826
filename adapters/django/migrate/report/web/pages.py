"""Pages that need nothing else: no network, no other file, and no JavaScript to be read.

Everything is escaped but for the drawings, which :mod:`.drawing` makes and escapes itself. A page says that
it loads nothing, and runs no other style and script than its own, which it names by their hashes (CSP).
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from hybrid.adapters.django.migrate.report.words import counted
from hybrid.bridge.errors import ConfigError

try:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
except ImportError:
    raise ConfigError("--format: html needs Jinja2: pip install 'hybrid-gateway[migrate]'") from None

_DATA: Final = files("hybrid.adapters.django.migrate.report.web")


def _data(name: str) -> str:
    return (_DATA / name).read_text(encoding="utf-8")


_ENVIRONMENT: Final = Environment(
    loader=FunctionLoader(_data),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_page(template: str, title: str, *more_style: str, **shown: Any) -> str:
    """Return a page.

    Args:
        template: the name of its file, beside this.
        title: of the window.
        more_style: files of style, beside ``report.css``.
        shown: what the template asks.
    """
    style = "".join(map(_data, ("report.css", *more_style)))
    script = _data("report.js")
    return _ENVIRONMENT.get_template(template).render(
        title=title, style=style, script=script, policy=_policy(style, script), counted=counted, **shown
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
