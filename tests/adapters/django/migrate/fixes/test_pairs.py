"""Each codemod on files of its own: what comes of it, what is left alone, and that doing it twice is once."""

from pathlib import Path

import pytest

from tests.support.fixing import Pair, fixed, found_in, left_alone, pairs, sources_of


@pytest.mark.parametrize("pair", list(pairs()), ids=str)
def test_before_and_after(pair: Pair, tmp_path: Path) -> None:
    """The file becomes the other one; what is left alone is what comments say, for the reason they say."""
    sources = sources_of(tmp_path, pair.before.read_bytes(), pair.beside)
    fixes = fixed(sources, found_in(sources, pair.rule), suggest=pair.suggest)
    expected = pair.after.read_text()
    text = fixes.changes[0].after.decode() if fixes.changes else pair.before.read_text()
    assert text == expected
    reasons = {each.finding.place.line: each.reason for each in fixes.left}
    marks = left_alone(pair.before.read_text())
    assert {line: reasons.get(line, "")[: len(said)] for line, said in marks.items()} == marks
    assert reasons.keys() == marks.keys()


@pytest.mark.parametrize("pair", list(pairs()), ids=str)
def test_again(pair: Pair, tmp_path: Path) -> None:
    """The audit finds in the other one what was left alone and nothing else, and nothing more is changed."""
    sources = sources_of(tmp_path, pair.after.read_bytes(), pair.beside)
    findings = found_in(sources, pair.rule)
    assert {each.place.line for each in findings} == left_alone(pair.after.read_text()).keys()
    assert fixed(sources, findings, suggest=pair.suggest).changes == []
