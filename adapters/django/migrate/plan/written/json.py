"""A plan for programs."""

import json
from typing import Any, Final

from hybrid.adapters.django.migrate.plan.lanes import Placing, budget_table, first_table, last_table
from hybrid.adapters.django.migrate.plan.plan import Plan
from hybrid.adapters.django.migrate.plan.step import Block, Command, Step

#: Of what is written here. It grows by one whenever something is taken away or means something else.
SCHEMA: Final = 1


def render(plan: Plan) -> str:
    """Return the plan."""
    return json.dumps(as_json(plan), indent=2, ensure_ascii=False)


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as what JSON can say."""
    lanes = plan.lanes
    return {
        "schema": SCHEMA,
        "kind": "plan",
        "project": plan.title,
        "standing": dict(plan.standing),
        "missing": [option for option, _ in plan.missing],
        "lanes": [_placing(each) for each in (*lanes.moving, *lanes.staying)],
        "toml": {
            "first": first_table(plan.known, lanes),
            "last": last_table(plan.known, lanes),
            "budget": budget_table(lanes),
        },
        "staying": [{"what": each.what, "names": [*each.names], "why": each.why} for each in plan.staying],
        "steps": [
            {"number": number, "stage": stage.title, **_step(step)} for number, stage, step in plan.numbered
        ],
    }


def _placing(placing: Placing) -> dict[str, Any]:
    return {
        "view": placing.view.name,
        "first": placing.first,
        "last": placing.last,
        "percent": placing.share,
        "why": placing.why,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "title": step.title,
        "why": step.why,
        "rules": [*step.rules],
        "evidence": [vars(each) for each in step.evidence],
        "how": [_said(each) for each in step.how],
        "check": [_said(each) for each in step.check],
        "back": step.back,
    }


def _said(said: str | Command | Block) -> dict[str, Any]:
    match said:
        case Command():
            return {"command": said.line, "exit_code": said.code, "says": said.says}
        case Block():
            return {"file": said.file, "text": said.text}
        case _:
            return {"text": said}
