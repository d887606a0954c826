"""Of a plan the configuration file of hybrid: for the day on which the server changes, and nothing else."""

from hybrid.adapters.django.migrate.plan.lanes import budget_table, first_table
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.stages.server import config_text


def render(plan: Plan) -> str:
    """Return the file. What belongs into it later is there as comments."""
    text = config_text(plan.known, first_table(plan.known, plan.lanes))
    if not plan.lanes.moving:
        return text
    later = "\n".join(f"# {line}" for line in budget_table(plan.lanes).splitlines())
    return f"{text}\n\n# Before the first view moves:\n{later}"
