"""A report as one page that needs nothing else, see :mod:`.web.pages`."""

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.report.report import Report
from hybrid.adapters.django.migrate.report.web.page import Page
from hybrid.adapters.django.migrate.report.web.pages import render_page


def render(report: Report, coloured: bool) -> str:
    """Return the report as HTML."""
    page = Page(report)
    subject = "Flask on threads" if page.is_flask else "from WSGI to ASGI"
    return render_page("report.html", f"{page.title}: {subject}", page=page, report=report, levels=[*Level])
