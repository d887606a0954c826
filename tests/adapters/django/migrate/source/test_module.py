"""What a module's names mean, and where its nodes stand."""

import ast
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.source.module import SourceModule, read_module

TEXT = """
import time
import numpy as np
from os import path as p
from . import helpers
from .models import Order
try:
    from asgiref.local import Local
except ImportError:
    from threading import local as Local


def decorator(function): ...


class Cart:
    @decorator
    async def get(self, request=time.time()):
        from json import dumps
        time.sleep(1)
        return (lambda: np.zeros(3))()
"""


@pytest.fixture
def module(tmp_path: Path) -> SourceModule:
    """Give a module of a package."""
    path = tmp_path / "views.py"
    path.write_text(TEXT)
    return read_module(path, "shop.views", "shop/views.py")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("time.sleep", "time.sleep"),
        ("np.zeros", "numpy.zeros"),
        ("p.join", "os.path.join"),
        ("helpers.x", "shop.helpers.x"),
        ("Order.objects", "shop.models.Order.objects"),
        ("Local", "asgiref.local.Local"),
        ("Cart.get", "shop.views.Cart.get"),
        ("unknown.x", ""),
    ],
)
def test_dotted(module: SourceModule, text: str, meaning: str) -> None:
    """A name is what its import says, or the module's own; the first import of a `try` counts."""
    expression = ast.parse(text, mode="eval").body
    assert module.dotted(expression) == meaning


def test_imports_of_a_function_are_its_own(module: SourceModule) -> None:
    """What a function imports is known in it, and not outside."""
    call = next(each for each in module.nodes(ast.Call) if module.called(each) == "time.sleep")
    name = ast.Name("dumps")
    assert module.dotted(name) == ""
    module.index.parents[name] = call
    assert module.dotted(name) == "json.dumps"


def test_where_a_node_stands(module: SourceModule) -> None:
    """Bodies are part of their function; decorators and defaults are part of what is around it."""
    sleep = next(each for each in module.nodes(ast.Call) if module.called(each) == "time.sleep")
    assert module.is_async(sleep)
    assert module.place(sleep).symbol == "shop.views.Cart.get"
    assert module.place(sleep).line == 20
    default = next(each for each in module.nodes(ast.Call) if module.called(each) == "time.time")
    assert module.function_of(default) is None
    zeros = next(each for each in module.nodes(ast.Call) if module.called(each) == "numpy.zeros")
    assert isinstance(module.function_of(zeros), ast.Lambda)


def test_calls_come_in_the_order_of_the_source(tmp_path: Path) -> None:
    """Whatever the order of the names is that are asked for."""
    path = tmp_path / "views.py"
    path.write_text("import time, os\nos.getpid()\ntime.sleep(1)\nos.getpid()\n")
    found = read_module(path, "views", "views.py").calls_of(["time.sleep", "os.getpid"])
    assert [call.lineno for call in found] == [2, 3, 4]


@pytest.mark.parametrize(
    ("function", "meaning"),
    [
        ("def f(): time.sleep(1)", "time.sleep"),
        ("def f(time): time.sleep(1)", ""),
        ("def f(*time): time.sleep(1)", ""),
        ("def f(**time): time.sleep(1)", ""),
        ("def f(): time = clock(); time.sleep(1)", ""),
        ("def f(): (time := clock()).now(); time.sleep(1)", ""),
        ("def f():\n    for time in clocks: time.sleep(1)", ""),
        ("def f():\n    with clock() as time: time.sleep(1)", ""),
        ("def f():\n    try: pass\n    except E as time: time.sleep(1)", ""),
        ("def f():\n    def time(): ...\n    time.sleep(1)", ""),
        ("def f():\n    def g(time): ...\n    time.sleep(1)", "time.sleep"),
        ("def f(time):\n    def g(): time.sleep(1)", ""),
        ("def f(time=time.sleep(1)): ...", "time.sleep"),
        ("@time.sleep(1)\ndef f(time): ...", "time.sleep"),
        ("f = lambda time: time.sleep(1)", ""),
        ("f = lambda: time.sleep(1)", "time.sleep"),
        ("f = [time.sleep(1) for time in clocks]", ""),
        ("def f():\n    [time for time in clocks]\n    time.sleep(1)", "time.sleep"),
        ("def f():\n    global time\n    time = clock()\n    time.sleep(1)", "time.sleep"),
        ("def f(time):\n    import time\n    time.sleep(1)", "time.sleep"),
        ("def f():\n    try: import time\n    except E: time = None\n    time.sleep(1)", "time.sleep"),
        ("class A:\n    time = clock()\n    def f(self): time.sleep(1)", "time.sleep"),
        ("class A:\n    def time(self): time.sleep(1)", "time.sleep"),
    ],
    ids=str,
)
def test_names_that_hide_an_import(tmp_path: Path, function: str, meaning: str) -> None:
    """What a function binds itself is no longer what the module imports; what a class binds, its methods do
    not see.
    """
    path = tmp_path / "views.py"
    path.write_text(f"import time\n\n{function}\n")
    module = read_module(path, "shop.views", "shop/views.py")
    sleep = next(each for each in module.nodes(ast.Attribute) if each.attr == "sleep")
    assert module.dotted(sleep) == meaning


CONSTANTS = """
from keys import IMPORTED
PLAIN = "wsgi.input"
ANNOTATED: str = "wsgi.errors"
NUMBER = 1
TWICE = "a"
TWICE = "b"
IMPORTED = "a"
HIDDEN = "a"
CHANGED = "a"
if True:
    CONDITIONAL = "a"


def view(request, HIDDEN):
    global CHANGED
    CHANGED = "b"
    local = "a"
"""


def test_constants_are_text_that_nothing_changes(tmp_path: Path) -> None:
    """A name of the module is known where one statement alone gives it text, and nothing else has it."""
    path = tmp_path / "keys.py"
    path.write_text(CONSTANTS)
    found = read_module(path, "keys", "keys.py").texts
    assert found == {"PLAIN": "wsgi.input", "ANNOTATED": "wsgi.errors"}
