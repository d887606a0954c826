"""Where new imports go, and which of those that nothing uses any more go away."""

import ast
from pathlib import Path

import libcst as cst
import pytest

from hybrid.adapters.django.migrate.fixes.edits import NewImport
from hybrid.adapters.django.migrate.fixes.imports import free_name, with_imports
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone
from hybrid.adapters.django.migrate.fixes.unused import without_unused
from hybrid.adapters.django.migrate.source.module import SourceModule, read_module

LOCAL = NewImport("asgiref.local", "Local")
DB = NewImport("django.db", "transaction")
OS = NewImport("os")


def own(name: str) -> bool:
    """Tell which packages are the project's."""
    return name.startswith("shop")


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("x = 1\n", OS, "import os\n\nx = 1\n"),
        ('"""Doc."""\nx = 1\n', OS, '"""Doc."""\n\nimport os\n\nx = 1\n'),
        ("# Head.\n\nx = 1\n", OS, "# Head.\n\nimport os\n\nx = 1\n"),
        ("import sys\nimport re\n\nx = 1\n", OS, "import os\nimport sys\nimport re\n\nx = 1\n"),
        ("import abc\nimport re\n\nx = 1\n", OS, "import abc\nimport os\nimport re\n\nx = 1\n"),
        ("from abc import ABC\n\nx = 1\n", OS, "import os\nfrom abc import ABC\n\nx = 1\n"),
        (
            "import re\n\nimport django\n",
            LOCAL,
            "import re\n\nimport django\nfrom asgiref.local import Local\n",
        ),
        (
            "import re\n\nfrom django import forms\n",
            LOCAL,
            "import re\n\nfrom asgiref.local import Local\nfrom django import forms\n",
        ),
        (
            "import re\n\n# All forms.\nfrom django import forms\n",
            LOCAL,
            "import re\n\nfrom asgiref.local import Local\n\n# All forms.\nfrom django import forms\n",
        ),
        (
            "import re\n\nfrom shop import forms\n\nfrom . import x\n",
            LOCAL,
            "import re\n\nfrom asgiref.local import Local\n\nfrom shop import forms\n\nfrom . import x\n",
        ),
        (
            "from __future__ import annotations\n\nx = 1\n",
            LOCAL,
            "from __future__ import annotations\n\nfrom asgiref.local import Local\n\nx = 1\n",
        ),
        ("try:\n    import a\nexcept ImportError:\n    a = 1\n", OS, None),
        ("from django.db import models\n", DB, "from django.db import models, transaction\n"),
        (
            "from django.db import (models, utils)\n",
            DB,
            "from django.db import (models, transaction, utils)\n",
        ),
        (
            "from django.db import (\n    models,\n)\n",
            DB,
            "from django.db import (\n    models,\n    transaction,\n)\n",
        ),
        (
            "from django.db import (\n    models\n)\n",
            DB,
            "from django.db import (\n    models,\n    transaction\n)\n",
        ),
        (
            "from django.db import (\n    models,  # all\n    utils,  # some\n)\n",
            DB,
            "from django.db import (\n    models,  # all\n    transaction,\n    utils,  # some\n)\n",
        ),
        (
            "from django.db import (\n    cursor,  # one\n    models,  # all\n)  # end\n",
            DB,
            "from django.db import (\n    cursor,  # one\n    models,  # all\n    transaction,\n)  # end\n",
        ),
        ("from django.db import *\n", DB, "from django.db import *\nfrom django.db import transaction\n"),
        ("from django.db import transaction\n", DB, "from django.db import transaction\n"),
        ("import os; x = 1\n", LOCAL, "from asgiref.local import Local\n\nimport os; x = 1\n"),
    ],
)
def test_new_imports(before: str, wanted: NewImport, after: str | None) -> None:
    """They are where isort would have them, with comments where they were; below docstring and __future__."""
    tree = with_imports(cst.parse_module(before), [wanted, wanted], own)
    assert tree.code == (f"import os\n\n{before}" if after is None else after)


def read(folder: Path, text: str, name: str = "code.py") -> SourceModule:
    """Read a module."""
    path = folder / name
    path.write_text(text)
    return read_module(path, "shop.code", name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from django.db import transaction\n\nhere()\n", "transaction"),
        ("from django.db import transaction as tx\n\nhere()\n", "tx"),
        ("here()\n", ""),
        ("here()\n\nfrom django.db import transaction\n", ""),
        ("if TYPE_CHECKING:\n    from django.db import transaction\n\nhere()\n", ""),
        ("def f(transaction):\n    pass\n\n\nhere()\n", ""),
        ("class A:\n    def transaction(self):\n        pass\n\n\nhere()\n", ""),
        ("transaction = 1\nhere()\n", None),
        ("from shop import transaction\n\nhere()\n", None),
        ("def transaction():\n    pass\n\n\nhere()\n", None),
        ("def f(transaction):\n    here()\n", None),
        ("def f():\n    for transaction in x:\n        here()\n", None),
    ],
)
def test_what_something_is_called(tmp_path: Path, text: str, name: str | None) -> None:
    """By its name in the module; by its own where that is free, and not at all where it is not."""
    module = read(tmp_path, text)
    beside = next(each for each in module.nodes(ast.Call) if module.segment(each) == "here()")
    if name is None:
        with pytest.raises(LeftAlone, match=r"django\.db\.transaction is needed, and the name transaction"):
            free_name(module, DB, beside)
    else:
        assert free_name(module, DB, beside) == name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import t\n\nt.x()\n", "t.x()\n"),
        ("import a\nimport t\n\nt.x()\n", "import a\n\nt.x()\n"),
        ('"""D."""\n\nimport t\nimport a\n\nt.x()\n', '"""D."""\n\nimport a\n\nt.x()\n'),
        ("from a import t, b\n\nt.x()\n", "from a import b\n\nt.x()\n"),
        ("from a import b, t\n\nt.x()\n", "from a import b\n\nt.x()\n"),
        ("import b as t\n\nt.x()\n", "t.x()\n"),
        ("import t  # for others\n\nt.x()\n", None),
        ("# For others.\nimport a\n# So.\nimport t\n\nt.x()\n", None),
        ("import t\n\nt.x()\nt.y()\n", None),
        ("import t\n\n__all__ = ['t']\nt.x()\n", None),
        ("if a:\n    import t\n\nt.x()\n", None),
        ("from t import *\n\nt.x()\n", None),
    ],
)
def test_imports_that_nothing_uses(tmp_path: Path, before: str, after: str | None) -> None:
    """They go where nothing else may use them, and where no comment says why they are there."""
    module = read(tmp_path, before)
    used = next(each for each in module.nodes(ast.Name) if each.id == "t" and isinstance(each.ctx, ast.Load))
    tree = without_unused(cst.parse_module(before), module, {(used.lineno, used.col_offset)})
    assert tree.code == (before if after is None else after)


@pytest.mark.parametrize(("text", "left"), [("", True), ("__all__ = ['f']\n", False)])
def test_imports_of_packages(tmp_path: Path, text: str, left: bool) -> None:
    """What a package imports is for others too, unless it lists what is."""
    before = f"import t\n\n{text}t.x()\n"
    module = read(tmp_path, before, "__init__.py")
    line = before.count("\n")
    tree = without_unused(cst.parse_module(before), module, {(line, 0)})
    assert ("import t" in tree.code) is left
