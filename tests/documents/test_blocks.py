"""Every block of code of the documents does what its page says, or has a reason why it is not tried here."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.chromium import Chromium
from tests.support.documents.blocks import NO_CODE, Block, blocks_in, blocks_of, folder_of, pages
from tests.support.documents.certificates import write_certificates
from tests.support.documents.proxies import PROXIES
from tests.support.documents.readers import READERS
from tests.support.documents.session import commands_of, fits
from tests.support.documents.terminal import Terminal
from tests.support.needs import require_program
from tests.support.process import DEADLINE, ROOT, process_environment
from tests.support.redis import RedisServer

BLOCKS = {page: blocks_of(page) for page in pages()}
SHELL = {"sh", "console"}
#: The languages of blocks that are run, each by a test below.
LANGUAGES = {"python", "js", *SHELL, *READERS, *PROXIES}

#: What is not run, by page: how many blocks for which reason. A new one is entered here, with a good reason.
SKIPPED: dict[str, dict[str, int]] = {
    "README.md": {"it installs what the tests run with, and runs all of them": 1},
    "docs/control.md": {
        "it needs another user": 1,
        "it is said to a server with four workers, whose process ids are shown": 1,
    },
    "docs/http2.md": {
        "HAProxy is not there": 1,
        "nginx of that version is not there": 1,
    },
    "docs/metrics.md": {"it is said to a server whose process id is shown": 1},
    "docs/migrate-accuracy.md": {"it installs sixteen projects": 1},
    "docs/operations.md": {
        "HAProxy is not there": 1,
        "it asks a certificate authority": 1,
        "logrotate is not there": 1,
    },
}


def having(*languages: str) -> list[str]:
    """List the pages that have such blocks to run."""
    return [
        page for page, blocks in BLOCKS.items() if any(b.is_run and b.language in languages for b in blocks)
    ]


def running(page: str, *languages: str) -> list[Block]:
    """List the blocks of a page that are to be run."""
    return [block for block in BLOCKS[page] if block.is_run and block.language in languages]


class Redis:
    """A Redis for all commands of this module, started when one asks for it."""

    def __init__(self, folder: Path, ends: ExitStack) -> None:
        self._folder, self._ends = folder, ends
        self._url = ""

    def __call__(self) -> str:
        """Say where it is."""
        if not self._url:
            server = self._ends.enter_context(RedisServer(self._folder))
            self._url = f"redis+unix://{server.socket}"
        return self._url


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Give a Redis that is started if need be."""
    with ExitStack() as ends:
        yield Redis(tmp_path_factory.mktemp("redis"), ends)


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """What a fence says of its language is known here; drawings and output say `text`, or nothing."""
    unknown = [
        f"{block}: {block.language}"
        for blocks in BLOCKS.values()
        for block in blocks
        if block.is_run and block.language not in LANGUAGES
    ]
    assert unknown == []


def test_what_is_not_run_is_what_was_not() -> None:
    """A block that nothing can run here is listed, with the reason that its page has for it."""
    found: dict[str, dict[str, int]] = {}
    for page, blocks in BLOCKS.items():
        for block in blocks:
            if reason := block.marks.get("skip"):
                counts = found.setdefault(page, {})
                counts[reason] = counts.get(reason, 0) + 1
    assert found == SKIPPED


@pytest.mark.parametrize("page", [page for page in BLOCKS if any("by" in b.marks for b in BLOCKS[page])])
def test_what_other_tests_run(page: str) -> None:
    """They are there, and they read the page."""
    for block in BLOCKS[page]:
        if "by" in block.marks:
            assert Path(page).name in (ROOT / block.marks["by"]).read_text(encoding="utf-8"), block


@pytest.mark.parametrize("page", having("python"))
def test_python(page: str, tmp_path: Path) -> None:
    """The Python of the page runs from its first block to its last, and the tests among it pass."""
    folder = folder_of(page, tmp_path)
    pieces: list[tuple[str, int, str]] = []
    for block in running(page, "python"):
        if block.title:
            write(block, folder)
            continue
        if first := block.marks.get("first"):
            pieces.append((page, int(block.marks["first_line"]), first))
        pieces.append((page, block.line, block.code))
        pieces += [(page, line, code) for line, code in block.then]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.documents.program"],
        input=json.dumps(pieces),
        cwd=folder,
        env=process_environment({"PYTHONPATH": str(ROOT)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", having(*SHELL))
def test_commands(page: str, tmp_path: Path, redis: Redis) -> None:
    """The commands of the page work, in their order, and print what it says."""
    folder = folder_of(page, tmp_path)
    write_certificates(page, folder)
    terminal = Terminal(folder, redis)
    try:
        for block in BLOCKS[page]:
            if block.title and "skip" not in block.marks:
                write(block, folder)
            elif block.is_run and block.language in SHELL:
                type_block(terminal, block)
    finally:
        terminal.close()
    assert unused_files(page, folder, terminal) == []


def write(block: Block, folder: Path) -> None:
    """Write the file that a block is."""
    place = folder / block.title.lstrip("/")  # a file of the system is one of the page's folder here
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(block.code, encoding="utf-8")


def type_block(terminal: Terminal, block: Block) -> None:
    """Type what a block has, and compare what comes of it."""
    for line in block.marks.get("first", "").splitlines():
        terminal.type(line)
    exits = [int(code) for code in block.marks.get("exits", "0").split(",")]
    for command in commands_of(block):
        try:
            line = asked_for_help(command.line) if "parsed" in block.marks else command.line
            printed = terminal.type(line, exits)
        except Exception as error:
            error.add_note(f"at {block}: {command.line}")
            raise
        if command.output and not {"differs", "parsed"} & block.marks.keys():
            assert fits(command.output, printed), f"{block}: {command.line}\n{printed}"


def asked_for_help(line: str) -> str:
    """Have a command look at its options, and do nothing: those of a program that it is to run stay away."""
    own, *_ = re.split(r"\s(?:#|--)\s", line)
    return f"{own} --help"


def unused_files(page: str, folder: Path, terminal: Terminal) -> list[str]:
    """List the Python files of a page that nothing has run: neither imported, nor named on a command line."""
    titles = {block.title for block in running(page, "python") if block.title.endswith(".py")}
    return sorted(
        title
        for title in titles - terminal.used
        if title != "gunicorn.conf.py"
        and not list((folder / title).parent.glob(f"__pycache__/{Path(title).stem}.*"))
    )


@pytest.mark.parametrize("page", having(*READERS))
def test_files(page: str, tmp_path: Path) -> None:
    """What is no program is read by what it is for."""
    for block in running(page, *READERS):
        folder = tmp_path / str(block.line)
        folder_of(page, folder)
        try:
            READERS[block.language](block, folder)
        except Exception as error:
            error.add_note(f"at {block}")
            raise


@pytest.mark.parametrize("page", having(*PROXIES))
def test_files_of_proxies(page: str, tmp_path: Path) -> None:
    """What is for a proxy is taken by that proxy."""
    for block in running(page, *PROXIES):
        PROXIES[block.language](block, tmp_path)


@pytest.mark.slow
def test_scripts_for_browsers(tmp_path: Path) -> None:
    """A browser can read them."""
    require_program("chromium")
    with Chromium(tmp_path) as browser:
        window = browser.open("about:blank")
        for page in having("js"):
            for block in running(page, "js"):
                assert window.evaluate(f"typeof new Function({json.dumps(block.code)})") == "function", block


# The collector itself


def test_marks_are_of_the_block_that_follows() -> None:
    """A comment is for one block; titles are files; what is indented has commands."""
    text = (
        "# T\n\n<!-- test: skip no such machine -->\n```sh\nfly\n```\n\n"
        '```python title="a.py"\nx = 1\n```\n\n'
        "<!-- test: first\ny = 2\n-->\n```python\nx = y\n```\n<!-- test: then\nassert x == 2\n-->\n\n"
        "    hybrid --help\n"
    )
    skipped, titled, plain, indented = blocks_in(text, "page.md")
    assert skipped.marks == {"skip": "no such machine"}
    assert not skipped.is_run
    assert (titled.title, titled.marks) == ("a.py", {})
    assert (plain.marks["first"], plain.line, plain.then) == ("y = 2", 16, [(19, "assert x == 2")])
    assert (indented.language, indented.code) == ("sh", "hybrid --help\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<!-- test: hop -->\n```sh\nx\n```\n", "there is no mark 'hop'"),
        ("<!-- test: skip why -->\n\nSome words.\n", "none follows"),
    ],
)
def test_marks_that_mean_nothing(text: str, problem: str) -> None:
    """A mark that is unknown, or before something else than a block, is an error."""
    with pytest.raises(ValueError, match=problem):
        list(blocks_in(text, "page.md"))


def test_no_language_is_no_code() -> None:
    """Drawings are left alone."""
    (block,) = blocks_in("```\n─►\n```\n", "page.md")
    assert block.language in NO_CODE
    assert not block.is_run


@pytest.mark.parametrize(
    ("shown", "printed", "is_right"),
    [
        ("a  b\n", "a    b\n\n", True),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n", "b\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_output(shown: str, printed: str, is_right: bool) -> None:
    """Widths of columns may differ, three dots are anything, all else has to be there."""
    assert fits(shown, printed) is is_right
