"""Writes what became of the checks as Markdown, into the page that is published."""

import platform
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from benchmarks.servers import ROOT
from benchmarks.wsgi_matrix.check import Answer, Check, Verdict
from benchmarks.wsgi_matrix.remarks import REMARKS
from benchmarks.wsgi_matrix.servers import Contestant

PAGE = ROOT / "docs" / "wsgi.md"
BEGIN = "<!-- matrix: from here to the end mark, `make matrix` writes -->"
END = "<!-- matrix: end -->"

#: By the name of a contestant, what became of each check, by its name.
Results = Mapping[str, Mapping[str, Verdict]]

_WORDS = {Answer.YES: "yes", Answer.NO: "**no**", Answer.PARTLY: "partly"}
_PEP = "https://peps.python.org/pep-3333/"


def write_page(text: str, page: Path = PAGE) -> None:
    """Put the text between the marks of the page.

    Raises:
        ValueError: the page does not have both marks, each once.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"{page} must have one {BEGIN!r} and after it one {END!r}")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def document(contestants: Sequence[Contestant], checks: Sequence[Check], results: Results) -> str:
    """Write everything that is generated: what was asked, the table, what was seen instead, and remarks."""
    return "\n".join(
        [
            *_servers(contestants),
            "",
            *_table(contestants, checks, results),
            "",
            *_reasons(contestants, checks, results),
            "",
            *_remarks(contestants, checks, results),
        ]
    )


def _servers(contestants: Sequence[Contestant]) -> list[str]:
    lines = [
        f"Under {platform.python_implementation()} {platform.python_version()} on {platform.system()}:",
        "",
    ]
    for each in contestants:
        command = " ".join(argument.replace("{port}", "PORT") for argument in each.arguments)
        lines.append(f"- **{each.name}**: {each.versions()}; `{command}`")
    return lines


def _table(contestants: Sequence[Contestant], checks: Sequence[Check], results: Results) -> list[str]:
    columns = [each.name for each in contestants]
    lines = [_row("rule", "our test", *columns), _row(*["---"] * (2 + len(columns)))]
    for section, rules in groupby(checks, lambda check: check.section):
        lines.append(_row(f"**[{section}]({_PEP}#{anchor(section)})**", *[""] * (1 + len(columns))))
        for check in rules:
            answers = (_WORDS[results[name][check.name].answer] for name in columns)
            lines.append(_row(check.rule, _link(check), *answers))
    yes = (sum(verdict.answer is Answer.YES for verdict in results[name].values()) for name in columns)
    lines.append(_row(f"**yes, of {len(checks)}**", "", *(f"**{count}**" for count in yes)))
    return lines


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _link(check: Check) -> str:
    file, *names = check.node.split("::")
    return f"[{'.'.join(names)}](../{file})"


def anchor(section: str) -> str:
    """Return the fragment that leads to a heading of the PEP."""
    words = "".join(letter if letter.isalnum() else " " for letter in section.lower())
    return "-".join(words.split())


def _reasons(contestants: Sequence[Contestant], checks: Sequence[Check], results: Results) -> list[str]:
    lines = ["### What was seen instead", ""]
    for check in checks:
        seen: dict[str, list[str]] = {}
        for each in contestants:
            verdict = results[each.name][check.name]
            if verdict.reason:
                seen.setdefault(verdict.reason, []).append(each.name)
        if seen:
            told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in seen.items())
            lines.append(f"- {check.rule}. {told}.")
    return lines


def _remarks(contestants: Sequence[Contestant], checks: Sequence[Check], results: Results) -> list[str]:
    """Write the remarks that belong to something in the table."""
    open_questions = {
        (name, check)
        for name in (each.name for each in contestants)
        for check in (each.name for each in checks)
        if results[name][check].answer is not Answer.YES
    }
    told = [remark.text for remark in REMARKS if open_questions & remark.places]
    return ["### Remarks", "", *(f"- {text}" for text in told)] if told else []
