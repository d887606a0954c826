from benchmarks.wsgi_matrix.check import Answer, Check, Verdict, get, judge, post, request
from benchmarks.wsgi_matrix.reply import End, Reply
from benchmarks.wsgi_matrix.seen import Fact, Seen

SEEN = Seen(Reply(b"", End.WAITING))


def check(*right: Fact, request: bytes = b"", test: str = "TestIt::test_it") -> Check:
    """A check that expects these facts."""
    return Check("it", "Section", "It is so", test, request, right)


def good(seen: Seen) -> str:
    """A fact that holds."""
    return ""


def bad(seen: Seen) -> str:
    """A fact that does not."""
    return "it is not"


def worse(seen: Seen) -> str:
    """Another one."""
    return "it is worse"


def test_all_facts_hold() -> None:
    """That is a yes, with nothing to add."""
    assert judge(check(good, good), SEEN) == Verdict(Answer.YES)


def test_the_essential_fact_fails() -> None:
    """The first one decides, and is the reason."""
    assert judge(check(bad, worse), SEEN) == Verdict(Answer.NO, "it is not")


def test_another_fact_fails() -> None:
    """The others make it a partly, with all that was seen instead, each once."""
    assert judge(check(good, bad, worse, bad), SEEN) == Verdict(Answer.PARTLY, "it is not; it is worse")


def test_requests() -> None:
    """Requests are the bytes that HTTP/1.1 has for them."""
    assert get("/a?b", "X-A: caf\xe9") == b"GET /a?b HTTP/1.1\r\nHost: matrix\r\nX-A: caf\xe9\r\n\r\n"
    assert request("HEAD", "/", version="1.0") == b"HEAD / HTTP/1.0\r\nHost: matrix\r\n\r\n"
    assert post("/a", b"four") == b"POST /a HTTP/1.1\r\nHost: matrix\r\nContent-Length: 4\r\n\r\nfour"


def test_application_of_a_request() -> None:
    """The first segment of the path, below the prefix, says which application takes notes."""
    paths = ("/alive", "/alive?x", "/alive/x%20y?z", "{prefix}/alive/x")
    assert {check(request=get(path)).app for path in paths} == {"alive"}


def test_node_of_our_test() -> None:
    """Without a file it is in the tests of the PEP."""
    assert check().node == "tests/conformance/test_pep3333.py::TestIt::test_it"
    assert check(test="tests/other.py::test_it").node == "tests/other.py::test_it"
