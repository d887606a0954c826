"""A plan as one page that needs nothing else, in the look of an audit's."""

from hybrid.adapters.django.migrate.plan.lanes import first_table, last_table
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.step import Block, Command
from hybrid.adapters.django.migrate.report.web.pages import render_page


def render(plan: Plan) -> str:
    """Return the page."""
    return render_page(
        "plan.html",
        f"{plan.title}: a plan from WSGI to ASGI",
        "plan.css",
        plan=plan,
        first=first_table(plan.known, plan.lanes),
        last=last_table(plan.known, plan.lanes) if plan.lanes.moving else "",
        kind=_kind,
    )


def _kind(said: str | Command | Block) -> str:
    """Say which of the three something is, for the template."""
    return {str: "text", Command: "command", Block: "block"}[type(said)]
