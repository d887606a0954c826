"""An asgi.py that is written for a project that has none."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.fixes.diff import unified
from hybrid.adapters.django.migrate.fixes.runner import Fixes
from tests.support.fixing import fixed, found_in
from tests.support.sources import findings_in, write_sources

MADE = "application = get_wsgi_application()\n"
GET = "from django.core.wsgi import get_wsgi_application\n"
SET = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
MANAGE = f"import os\n{SET}"
WRITTEN = f'''"""The ASGI application: what wsgi.py has, for servers that speak ASGI."""

import os

from django.core.asgi import get_asgi_application

{SET}
application = get_asgi_application()
'''


def fixes_of(folder: Path, wsgi: str, **more: str) -> Fixes:
    """Write a project with a wsgi.py, and put right what is missing."""
    files = {"shop/wsgi.py": wsgi, **{f"{name}.py": text for name, text in more.items()}}
    sources = write_sources(folder, files)
    return fixed(sources, [each for each in findings_in(sources) if each.rule == "HM115"])


@pytest.mark.parametrize(
    ("wsgi", "more"),
    [
        (f"import os\n\n{GET}\n{SET}\n{MADE}", {}),
        (f'"""WSGI."""\nimport os, sys\n{SET}\n{GET}\n{MADE}', {}),
        (GET + MADE, {"manage": MANAGE}),
    ],
    ids=["startproject", "older", "settings of manage.py"],
)
def test_a_plain_one(tmp_path: Path, wsgi: str, more: dict[str, str]) -> None:
    """It takes the settings that wsgi.py takes, or manage.py; a diff makes it of nothing."""
    fixes = fixes_of(tmp_path, wsgi, **more)
    (change,) = fixes.changes
    assert (change.path, change.before) == (tmp_path / "shop" / "asgi.py", None)
    assert change.after.decode() == WRITTEN
    assert unified([change]).startswith(b"--- /dev/null\n+++ b/shop/asgi.py\n@@ -0,0 +1,9 @@\n")
    assert fixes.fixed[0].remark == ""


def test_what_is_prepared_is_prepared(tmp_path: Path) -> None:
    """Paths, variables and .env files, with the imports that they need and no others."""
    wsgi = (
        "import logging\nimport os\nimport sys\nfrom pathlib import Path\n\n"
        f"from dotenv import load_dotenv\nfrom whitenoise import WhiteNoise\n{GET}\n"
        "BASE = Path(__file__).resolve().parent  # here\n"
        "if str(BASE) not in sys.path:\n    sys.path.insert(0, str(BASE))\n"
        f"load_dotenv(BASE / '.env')\n{SET}\nlog = 1\n"
        "application = WhiteNoise(get_wsgi_application())\nlogging.info('done')\n"
    )
    (change,), fixes = (made := fixes_of(tmp_path, wsgi)).changes, made
    assert change.after.decode().partition("\n\n")[2] == (
        "import os\nimport sys\nfrom pathlib import Path\n\n"
        "from django.core.asgi import get_asgi_application\nfrom dotenv import load_dotenv\n\n"
        "BASE = Path(__file__).resolve().parent  # here\n"
        "if str(BASE) not in sys.path:\n    sys.path.insert(0, str(BASE))\n"
        f"load_dotenv(BASE / '.env')\n{SET}log = 1\n\napplication = get_asgi_application()\n"
    )
    assert fixes.fixed[0].remark == "asgi.py lacks what shop/wsgi.py does from line 17 on, see HM114"
    compile(change.after, "asgi.py", "exec")


@pytest.mark.parametrize(
    ("wsgi", "reason"),
    [
        (f"import os\n{GET}{SET}start()\n{MADE}", "line 4 of shop/wsgi.py does more than to prepare the"),
        (f"import os, sys\n{GET}{SET}sys.stdout = sys.stderr\n{MADE}", "line 4 of shop/wsgi.py does more"),
        (
            f"import os\n{GET}{SET}def made():\n    return get_wsgi_application()\n",
            "wsgi.py makes its application",
        ),
        (f"import os\nimport shop.patches\n{GET}{SET}{MADE}", "line 2 of shop/wsgi.py imports shop.patches"),
        (f"import os\nfrom . import patches\n{GET}{SET}{MADE}", "line 2 of shop/wsgi.py imports patches"),
        (GET + MADE, "neither wsgi.py nor manage.py names the settings"),
        (
            f"import os\n{GET}{SET.replace('shop', '{{ name }}')}{MADE}",
            "the settings that wsgi.py names are of no",
        ),
    ],
)
def test_left_alone(tmp_path: Path, wsgi: str, reason: str) -> None:
    """What does more than Django's own is for its owner to move."""
    fixes = fixes_of(tmp_path, wsgi)
    assert fixes.changes == []
    assert fixes.left[0].reason.startswith(reason)


def test_nothing_is_missing_then(tmp_path: Path) -> None:
    """The audit finds no more in a project that has what was written."""
    (change,) = fixes_of(tmp_path, f"import os\n\n{GET}\n{SET}\n{MADE}").changes
    sources = write_sources(tmp_path, {"shop/asgi.py": change.after.decode()})
    assert [each for each in findings_in(sources) if each.rule == "HM115"] == []


def test_line_ends(tmp_path: Path) -> None:
    """They are those of wsgi.py."""
    (tmp_path / "shop").mkdir()
    wsgi = f"import os\n\n{GET}\n{SET}\n{MADE}".replace("\n", "\r\n")
    sources = write_sources(tmp_path, {"shop/__init__.py": ""})
    (tmp_path / "shop" / "wsgi.py").write_bytes(wsgi.encode())
    sources.add(tmp_path / "shop" / "wsgi.py", "shop.wsgi")
    (change,) = fixed(sources, found_in(sources, "HM115")).changes
    assert change.after == WRITTEN.replace("\n", "\r\n").encode()
