import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from hybrid.bridge.errors import LoadError
from hybrid.bridge.gateway import load_targets
from hybrid.bridge.targets import TargetSpec, add_app_dir, call_factory, load_target, parse_target

Write = Callable[..., None]


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[Write]:
    """Give `modules(name=source, …)`, which makes modules that can be imported until the test ends.

    Double underscores in a name stand for the dots of a path: `package__module`.
    """
    path, loaded = list(sys.path), set(sys.modules)
    add_app_dir(str(tmp_path))

    def write(**sources: str) -> None:
        for name, source in sources.items():
            file = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


def refusal(target: str) -> LoadError:
    """Load a target that cannot be loaded and return the error, whose one line must name it."""
    with pytest.raises(LoadError) as caught:
        load_target(parse_target(target))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f'target "{target}": ')
    return caught.value


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("wsgi", TargetSpec("", "wsgi", None)),
        ("wsgi:app", TargetSpec("", "wsgi", "app")),
        ("my.site.wsgi:sites.main.app", TargetSpec("", "my.site.wsgi", "sites.main.app")),
        ("/api=api.main", TargetSpec("/api", "api.main", None)),
        ("/api/=api.main:app", TargetSpec("/api", "api.main", "app")),
        ("/api/v1=api.main:app", TargetSpec("/api/v1", "api.main", "app")),
        ("/=wsgi:app", TargetSpec("/", "wsgi", "app")),
        ("/a=b=wsgi:app", TargetSpec("/a=b", "wsgi", "app")),
        ("/café=wsgi:app", TargetSpec("/café", "wsgi", "app")),
        ("wsgi@slow", TargetSpec("", "wsgi", None, "slow")),
        ("/a@b+c=wsgi:app@my-pool_2", TargetSpec("/a@b+c", "wsgi", "app", "my-pool_2")),
        ("wsgi+stream", TargetSpec("", "wsgi", None, stream=True)),
        ("/up=wsgi:app@slow+stream", TargetSpec("/up", "wsgi", "app", "slow", stream=True)),
    ],
)
def test_a_target_is_prefix_module_and_attribute(text: str, spec: TargetSpec) -> None:
    """`[PREFIX=]MODULE[:ATTR]`; a slash at the end of the prefix means nothing, `/` alone means the root."""
    assert parse_target(text) == spec


@pytest.mark.parametrize(
    "text", ["wsgi", "wsgi:app", "/api=api.main", "/=a.b:c.d", "a@b", "a+stream", "/x=a:b@c+stream"]
)
def test_a_spec_is_written_as_it_is_typed(text: str) -> None:
    """`str()` of what was parsed gives the target again, for messages."""
    assert str(parse_target(text)) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the name of the module is missing"),
        (":app", "the name of the module is missing"),
        ("/api=", "the name of the module is missing"),
        ("wsgi:", "the name of the attribute is missing"),
        ("src/wsgi.py", '"src/wsgi.py" is not the name of a Python module'),
        ("my-app:app", '"my-app" is not the name of a Python module'),
        (".wsgi:app", '".wsgi" is not the name of a Python module'),
        ("a..b:app", '"a..b" is not the name of a Python module'),
        (" wsgi:app", '" wsgi" is not the name of a Python module'),
        ("wsgi:app:app", '"app:app" is not the name of a Python attribute'),
        ("wsgi:create_app()", '"create_app()" is not the name of a Python attribute'),
        ("wsgi@", '"" cannot name a pool'),
        ("wsgi@1st", '"1st" cannot name a pool'),
        ("wsgi+", '"+" is no option, only "+stream" is'),
        ("wsgi+stream@slow", '"+stream@slow" is no option'),
        ("=wsgi:app", 'the prefix "" must start with "/"'),
        ("api=wsgi:app", 'the prefix "api" must start with "/"'),
        ("/a b=wsgi:app", "contains ' '"),
        ("/a%20b=wsgi:app", "contains '%'"),
        ("/a?b=wsgi:app", "contains '?'"),
        ("/a\n=wsgi:app", "contains '\\n'"),
        ("//=wsgi:app", 'has an empty, "." or ".." segment'),
        ("/a//b=wsgi:app", 'has an empty, "." or ".." segment'),
        ("/a/../b=wsgi:app", 'has an empty, "." or ".." segment'),
    ],
)
def test_a_malformed_target_is_refused_before_anything_is_imported(text: str, said: str) -> None:
    """The message names the target and the part of it that is wrong."""
    with pytest.raises(LoadError) as caught:
        parse_target(text)
    assert str(caught.value).startswith(f'target "{text}": ')
    assert said in str(caught.value)


APP = "def app(environ, start_response): return []\n"


def test_the_attribute_named_is_loaded_with_the_full_name_it_was_found_under(modules: Write) -> None:
    """The name that messages and the route table show is `module:attribute`."""
    modules(site_a=APP)
    app, name = load_target(parse_target("/shop=site_a:app"))
    assert name == "site_a:app"
    assert app is sys.modules["site_a"].app


def test_an_attribute_may_be_a_path_inside_the_module(modules: Write) -> None:
    """Dots in the attribute lead through objects."""
    modules(site_b=f"class sites:\n    class main:\n        {APP}")
    app, name = load_target(parse_target("site_b:sites.main.app"))
    assert name == "site_b:sites.main.app"
    assert app is sys.modules["site_b"].sites.main.app


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (APP, "app"),
        (APP.replace("app", "application"), "application"),
        (APP + "application = app", "app"),
        ("app = None\ndef application(environ, start_response): return []\n", "application"),
    ],
)
def test_without_an_attribute_app_is_taken_then_application(modules: Write, source: str, found: str) -> None:
    """The first of the two that is there counts, unless it cannot be called and the other can."""
    modules(site_c=source)
    assert load_target(parse_target("site_c"))[1] == f"site_c:{found}"


def test_a_lazy_attribute_is_made_when_it_is_asked_for(modules: Write) -> None:
    """A module's `__getattr__` counts as well (PEP 562)."""
    lazy = f"    {APP}    if name == 'app': return app\n    raise AttributeError(name)\n"
    modules(site_d=f"def __getattr__(name):\n{lazy}")
    assert load_target(parse_target("site_d"))[1] == "site_d:app"


def test_a_missing_module_is_named_with_the_place_searched(modules: Write, tmp_path: Path) -> None:
    """Nothing was raised by the user's code, so there is no cause to show."""
    error = refusal("nowhere:app")
    assert str(error) == f'target "nowhere:app": there is no module nowhere in {tmp_path} or on sys.path'
    assert error.__cause__ is None


def test_the_part_of_a_dotted_module_that_is_missing_is_named(modules: Write) -> None:
    """The package may be there and the module in it not."""
    modules(package__there=APP)
    assert "there is no module package.gone " in str(refusal("package.gone:app"))
    assert "there is no module pakcage " in str(refusal("pakcage.there:app"))


def test_a_file_name_in_place_of_a_module_gets_a_hint(modules: Write) -> None:
    """`site.py` is what a user types who thinks of the file."""
    modules(site_e=APP)
    assert 'there is no module site_e.py; leave ".py" off' in str(refusal("site_e.py"))


def test_a_module_that_needs_something_missing_is_told_from_one_that_is_missing(modules: Write) -> None:
    """The line names what is missing and where it is wanted; the cause keeps the traceback."""
    modules(site_f="import os\nimport not_installed\n")
    error = refusal("site_f:app")
    assert "importing site_f failed: ModuleNotFoundError: No module named 'not_installed'" in str(error)
    assert str(error).endswith("site_f.py:2)")
    assert "import not_installed" in "".join(traceback.format_exception(error.__cause__))


def test_a_module_that_looks_for_a_missing_part_of_itself_is_not_called_missing(modules: Write) -> None:
    """The name that is missing begins with the target's, but the target was found."""
    modules(site_g="import site_g.models")
    assert "importing site_g failed: ModuleNotFoundError" in str(refusal("site_g:app"))


@pytest.mark.parametrize(
    ("source", "said", "line"),
    [
        ("x = 1\ny = x / 0\n", "ZeroDivisionError: division by zero", 2),
        ("x = 1\ndef app(:\n", "SyntaxError: invalid syntax", 2),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first second", 1),
        ("raise RuntimeError", "RuntimeError", 1),
        ("import sys\nsys.exit('no configuration')", "SystemExit: no configuration", 2),
        ("def f():\n    raise KeyError('deep')\n\nf()\n", "KeyError: 'deep'", 2),
    ],
)
def test_a_module_that_fails_is_told_in_one_line_with_its_place(
    modules: Write, source: str, said: str, line: int
) -> None:
    """The place is the file and line where the error was raised; the cause is what was raised."""
    modules(site_h=source)
    error = refusal("site_h:app")
    assert f"importing site_h failed: {said} (" in str(error)
    assert str(error).endswith(f"site_h.py:{line})")
    assert error.__cause__ is not None


def test_a_file_that_is_not_text_is_told_in_one_line(modules: Write, tmp_path: Path) -> None:
    """An error of the import system has no line of the user's; the target is named all the same."""
    (tmp_path / "site_i.py").write_bytes(b"app = '\xff'\n")
    assert "importing site_i failed: SyntaxError" in str(refusal("site_i:app"))


def test_a_broken_extension_module_is_told_in_one_line(modules: Write, tmp_path: Path) -> None:
    """It fails in the machinery of importing, so there is no line of Python to name."""
    (tmp_path / f"site_p{EXTENSION_SUFFIXES[0]}").write_bytes(b"not a library")
    assert "importing site_p failed: ImportError: " in str(refusal("site_p:app"))


def test_ctrl_c_during_an_import_is_not_taken_for_a_failure(modules: Write) -> None:
    """KeyboardInterrupt belongs to the user, not to the module."""
    modules(site_j="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_target(parse_target("site_j:app"))


def test_a_missing_attribute_is_told_with_names_that_are_near(modules: Write) -> None:
    """A slip of the finger is answered with what was probably meant."""
    modules(site_k=APP.replace("app", "my_app") + "applcation = my_app\n")
    assert str(refusal("site_k:myapp")).endswith("site_k has no attribute myapp; did you mean my_app?")
    assert str(refusal("site_k")).endswith("neither app nor application; did you mean applcation or my_app?")


def test_a_missing_attribute_with_nothing_near_is_just_missing(modules: Write) -> None:
    """No suggestion is better than a silly one."""
    modules(site_l="x = 1")
    assert str(refusal("site_l:server")) == 'target "site_l:server": site_l has no attribute server'


def test_the_part_of_a_dotted_attribute_that_is_missing_is_named(modules: Write) -> None:
    """The path up to the missing name was found."""
    modules(site_m="class sites:\n    main = 1\n")
    assert "site_m.sites has no attribute mian; did you mean main?" in str(refusal("site_m:sites.mian.app"))


@pytest.mark.parametrize("target", ["site_n:app", "site_n"])
def test_what_cannot_be_called_is_refused_with_its_type(modules: Write, target: str) -> None:
    """The most frequent case is a submodule of that name."""
    modules(site_n="import os as app")
    assert str(refusal(target)).endswith("site_n:app cannot be called, it is of type module")


@pytest.mark.parametrize("target", ["site_o:app", "site_o", "site_o:holder.app"])
def test_a_failure_while_the_attribute_is_made_is_told_as_such(modules: Write, target: str) -> None:
    """An AttributeError deep inside a lazy application must not pass for a missing attribute."""
    modules(
        site_o="class Holder:\n    @property\n    def app(self): return self.missing\n"
        "holder = Holder()\n"
        "def __getattr__(name):\n"
        "    if name == 'app': raise ValueError('no database')\n"
        "    raise AttributeError(name)\n"
    )
    said = "has no attribute 'missing'" if "holder" in target else "ValueError: no database"
    assert "looking up its application in site_o failed: " in str(refusal(target))
    assert said in str(refusal(target))


def test_modules_in_the_app_dir_win_over_those_elsewhere(tmp_path: Path) -> None:
    """A program's own `calendar.py` is meant, not the standard library's, as with `python -m`."""
    (tmp_path / "calendar.py").write_text(APP)
    program = (
        "from hybrid.bridge.targets import *\n"
        f"add_app_dir({str(tmp_path)!r}); add_app_dir({str(tmp_path)!r})\n"
        "import sys; sys.modules.pop('calendar', None)\n"
        "print(load_target(parse_target('calendar'))[1], sys.path.count(sys.path[0]))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "calendar:app 1\n"


def test_an_app_dir_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """The message names the option and what was given."""
    with pytest.raises(LoadError, match=r'--app-dir ".*gone": there is no such directory'):
        add_app_dir(str(tmp_path / "gone"))


# Factories


def factory_refusal(target: str) -> str:
    """Load a factory that gives no application, and return the one line that says why."""
    with pytest.raises(LoadError) as caught:
        load_target(replace(parse_target(target), factory=True))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_factory_is_called(modules: Write) -> None:
    """Without arguments; what it returns is the application, under the factory's name."""
    modules(made="def create(debug=False, *more, **others): return print")
    assert load_target(TargetSpec("", "made", "create", factory=True)) == (print, "made:create")


@pytest.mark.parametrize("name", ["create_app", "make_app"])
def test_a_factory_without_a_name(modules: Write, name: str) -> None:
    """It is looked for where Flask's command looks."""
    modules(unnamed=f"app = 5\ndef {name}(): return print")
    assert load_target(TargetSpec("", "unnamed", None, factory=True)) == (print, f"unnamed:{name}")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def create(config, *, debug): ...", "needs arguments (config, debug) and is called without any"),
        ("def create(): raise RuntimeError('no\\ndatabase')", "calling it failed: RuntimeError: no database"),
        ("def create(): return None", "returned None, which cannot be called"),
        ("def create(): return 5", "returned an object of type builtins.int, which cannot be called"),
        (
            "async def create(): return print",
            "is a coroutine function; an application is made by a plain one",
        ),
        ("def create(): raise SystemExit(3)", "calling it failed: SystemExit: 3"),
    ],
)
def test_a_factory_that_gives_no_application(modules: Write, source: str, said: str) -> None:
    """The message names the factory, and says why."""
    modules(poor=source)
    text = factory_refusal("poor:create")
    assert text.startswith('factory "poor:create"')
    assert said in text


def test_an_error_in_a_factory_says_the_line(modules: Write, tmp_path: Path) -> None:
    """Where it was raised is what one needs to know first."""
    modules(raising="def create():\n    return 1 / 0")
    assert f"({tmp_path / 'raising.py'}:2)" in factory_refusal("raising:create")


def test_a_factory_may_be_an_object() -> None:
    """Whoever embeds the server has the factory itself."""
    assert call_factory(lambda: print) is print
    with pytest.raises(LoadError, match=r'factory "builtins\.int" cannot be called'):
        call_factory(5)


def test_a_factory_that_two_targets_name_is_called_once(modules: Write) -> None:
    """Two paths lead to one application."""
    modules(once="made = []\ndef create():\n    made.append(print)\n    return print")
    first, second = load_targets([TargetSpec(path, "once", "create", factory=True) for path in ("/a", "/b")])
    assert first.application is second.application is print
    assert sys.modules["once"].made == [print]
