from pathlib import Path

import pytest

from benchmarks.wsgi_matrix.check import Answer, Check, Verdict
from benchmarks.wsgi_matrix.checks import CHECKS
from benchmarks.wsgi_matrix.document import BEGIN, END, PAGE, anchor, document, write_page
from benchmarks.wsgi_matrix.remarks import REMARKS
from benchmarks.wsgi_matrix.servers import CONTESTANTS, Contestant

OURS = Contestant("hybrid", ("hybrid-gateway",), ("hybrid", "serve", "--port", "{port}", "app"))
THEIRS = Contestant("gunicorn", ("gunicorn",), ("gunicorn", "--bind", "127.0.0.1:{port}", "app"))
CHECKS_HERE = (
    Check("one", "environ Variables", "One | rule", "TestOne::test_it", b"", ()),
    Check("hop-by-hop", "Other HTTP Features", "Another rule", "tests/test_it.py::test_it", b"", ()),
)


def text() -> str:
    """What is generated for two servers and two checks."""
    yes = Verdict(Answer.YES)
    results = {
        "hybrid": {"one": yes, "hop-by-hop": yes},
        "gunicorn": {
            "one": Verdict(Answer.NO, "status 500"),
            "hop-by-hop": Verdict(Answer.PARTLY, "status 200"),
        },
    }
    return document((OURS, THEIRS), CHECKS_HERE, results)


def test_table() -> None:
    """Each rule is a row below its section, with our test and the answers."""
    pep = "https://peps.python.org/pep-3333/"
    assert [line for line in text().splitlines() if line.startswith("|")] == [
        "| rule | our test | hybrid | gunicorn |",
        "| --- | --- | --- | --- |",
        f"| **[environ Variables]({pep}#environ-variables)** |  |  |  |",
        r"| One \| rule | [TestOne.test_it](../tests/conformance/test_pep3333.py) | yes | **no** |",
        f"| **[Other HTTP Features]({pep}#other-http-features)** |  |  |  |",
        "| Another rule | [test_it](../tests/test_it.py) | yes | partly |",
        "| **yes, of 2** |  | **2** | **0** |",
    ]


def test_servers() -> None:
    """Versions and commands are named; this project is at the version of the checkout."""
    first, second = (line for line in text().splitlines() if line.startswith("- **"))
    assert first == "- **hybrid**: this checkout; `hybrid serve --port PORT app`"
    assert second.startswith("- **gunicorn**: gunicorn 2")


def test_what_was_seen_instead() -> None:
    """Each failure is told, for all servers that fail alike, and remarks are those that belong to one."""
    assert "- One | rule. gunicorn: status 500." in text()
    remarks = text().partition("### Remarks")[2].strip().splitlines()
    assert remarks == [
        "- gunicorn leaves hop-by-hop header fields out and goes on, which harms the connection as little."
    ]


def test_same_text_again() -> None:
    """Nothing in the text changes from run to run."""
    assert text() == text()


@pytest.mark.parametrize(
    ("section", "fragment"),
    [
        ("environ Variables", "environ-variables"),
        ("The start_response() Callable", "the-start-response-callable"),
        ("HTTP 1.1 Expect/Continue", "http-1-1-expect-continue"),
        ("Optional Platform-Specific File Handling", "optional-platform-specific-file-handling"),
    ],
)
def test_anchor(section: str, fragment: str) -> None:
    """Headings of the PEP have fragments of their letters and digits."""
    assert anchor(section) == fragment


def test_write_page(tmp_path: Path) -> None:
    """What is between the marks is replaced, as often as wanted, and nothing else."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write_page("new", page)
        assert page.read_text() == f"before\n\n{BEGIN}\n\nnew\n{END}\nafter\n"


@pytest.mark.parametrize(
    "content", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"]
)
def test_page_without_marks(tmp_path: Path, content: str) -> None:
    """A page without both marks is left as it is."""
    page = tmp_path / "page.md"
    page.write_text(content)
    with pytest.raises(ValueError, match=r"must have one .* and after it one"):
        write_page("new", page)
    assert page.read_text() == content


def test_published_page() -> None:
    """The page has the marks, and between them a row for each check."""
    page = PAGE.read_text(encoding="utf-8")
    assert (page.count(BEGIN), page.count(END)) == (1, 1)
    table = page.partition(BEGIN)[2].partition(END)[0]
    rules = [check.rule for check in CHECKS]
    assert [
        line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if "(../tests/" in line
    ] == rules


def test_remarks_are_about_something() -> None:
    """Each remark belongs to a contestant and a check that exist."""
    places = {(contestant.name, check.name) for contestant in CONTESTANTS for check in CHECKS}
    for remark in REMARKS:
        assert remark.places <= places
