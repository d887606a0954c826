"""The page of a plan in a real browser: it fits, is silent, and asks for nothing."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.written import rendering
from tests.support.chromium import browsers
from tests.support.planted import audited

pytestmark = pytest.mark.slow

WIDTHS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def test_it_fits_and_asks_for_nothing(tmp_path: Path) -> None:
    """On a phone and on a desk, light and dark: all is within the window, and the console is silent."""
    file = tmp_path / "plan.html"
    file.write_text(rendering(Plan(Known(audited("shop.settings"))), "html")(False), encoding="utf-8")
    with browsers(tmp_path) as start:
        browser = start()
        for width, scheme in ((360, "dark"), (1280, "light")):
            page = browser.open("about:blank", width)
            page.call("Network.enable")
            page.call(
                "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
            )
            page.go(file.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
            assert page.evaluate(WIDTHS), width
            assert page.complaints() == []
            assert page.requests() == [file.as_uri()]
