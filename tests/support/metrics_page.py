"""Writes what the documents say of each metric, from the code."""

from hybrid.server.console.families import FAMILIES


def table_of_metrics() -> str:
    """Write a row for each metric."""
    lines = ["| metric | type | labels | what it says |", "| --- | --- | --- | --- |"]
    lines.append(
        "| `hybrid_info` | gauge | `version` | The server: always 1. OpenMetrics has a type `info` for it. |"
    )
    for each in FAMILIES:
        labels = " ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.full_name}` | {each.kind.value} | {labels} | {each.about} |")
    return "\n".join(lines)
