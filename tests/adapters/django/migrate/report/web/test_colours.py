"""The colours of the page: what is written on what can be read, in both schemes (WCAG 2.2, 1.4.3)."""

import re
from importlib.resources import files

import pytest

STYLE = files("hybrid.adapters.django.migrate.report.web").joinpath("report.css").read_text(encoding="utf-8")

#: What is written in a colour, and what is behind it.
PAIRS = {
    "ink": ("paper", "card", "code", "mark", "loop", "thread"),
    "soft": ("paper", "card", "code", "mark", "loop", "thread"),
    "link": ("paper", "card"),
    "error": ("paper", "card", "error-soft"),
    "warning": ("card", "warning-soft"),
    "note": ("card", "note-soft"),
    "hop": ("paper",),
}


def scheme(name: str) -> dict[str, str]:
    """Return the colours of a scheme, by name."""
    light, _, dark = STYLE.partition("@media screen and (prefers-color-scheme: dark)")
    colours = re.compile(r"--([\w-]+): (#[0-9a-f]{3,6});")
    found = dict(colours.findall(light))
    return found if name == "light" else found | dict(colours.findall(dark.partition("\n}")[0]))


def luminance(colour: str) -> float:
    """Return how light a colour is, from 0 to 1."""
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


@pytest.mark.parametrize("name", ["light", "dark"])
def test_contrast(name: str) -> None:
    """Every pair has at least 4.5 to 1."""
    colours = scheme(name)
    ratios = {
        f"{text} on {behind}": (max(both) + 0.05) / (min(both) + 0.05)
        for text, backgrounds in PAIRS.items()
        for behind in backgrounds
        if (both := (luminance(colours[text]), luminance(colours[behind])))
    }
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5} == {}
