"""What needs a Django project: the files in `cases` run as tests of one, in a process of their own."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.chatsite import copy_project, manage
from tests.support.needs import require_module
from tests.support.process import ROOT

CASES = Path(__file__).with_name("cases")


@pytest.mark.parametrize("case", sorted(each.stem for each in CASES.glob("cases_*.py")))
def test_case(tmp_path: Path, case: str) -> None:
    """They pass."""
    for name in ("channels", "django"):
        require_module(name)
    project = copy_project(tmp_path, moved=True)
    shutil.copy(CASES / f"{case}.py", project / "chatsite")
    said = manage(project, "test", f"chatsite.{case}", env={"PYTHONPATH": str(ROOT)})
    assert re.search(r"^Ran [1-9]\d* tests? .*\n\nOK$", said, re.MULTILINE), said
