"""Reading and judging what Autobahn's fuzzing client writes: pieces of its real reports."""

import json
from pathlib import Path

import pytest

from tests.autobahn.report import Excuse, Result, judge, read_results, render

STRICT = {
    "behavior": "OK",
    "behaviorClose": "OK",
    "duration": 1,
    "remoteCloseCode": 1000,
    "reportfile": "hybrid_case_1_1_1.json",
}
LENIENT = {
    "behavior": "NON-STRICT",
    "behaviorClose": "OK",
    "duration": 2,
    "remoteCloseCode": 1002,
    "reportfile": "hybrid_case_3_2.json",
}
LENIENT_DETAILS = {
    "description": "Send small text message, then send again with <b>RSV = 2</b>, then send Ping.",
    "expectation": "Echo for first message is received, but then connection is failed <b>immediately</b>.",
    "received": [],
    "result": "Actual events match at least one expected.",
    "resultClose": "Connection was properly closed",
}
NOT_DONE = {
    "behavior": "UNIMPLEMENTED",
    "behaviorClose": "UNIMPLEMENTED",
    "duration": 0,
    "remoteCloseCode": None,
    "reportfile": "hybrid_case_12_1_1.json",
}

EXCUSE = Excuse("12.*", "UNIMPLEMENTED", "not offered")
GOOD = Result("1.1.1", "OK", "OK", 1000, 1)
SHRUG = Result("7.13.1", "INFORMATIONAL", "INFORMATIONAL", 1002, 1)
UNDONE = Result("12.1.1", "UNIMPLEMENTED", "OK", 1000, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a report of three cases."""
    index = {"hybrid": {"12.1.1": NOT_DONE, "3.2": LENIENT, "1.1.1": STRICT}}
    came = [["pong", "a"]]
    details = {"expectation": "An echo.", "received": came, "result": "Not OK.", "resultClose": None}
    (tmp_path / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (tmp_path / "hybrid_case_3_2.json").write_text(json.dumps(LENIENT_DETAILS), encoding="utf-8")
    (tmp_path / "hybrid_case_12_1_1.json").write_text(json.dumps(details), encoding="utf-8")
    return tmp_path


class TestReading:
    """From files to results."""

    def test_order(self, folder: Path) -> None:
        """Cases are in the order of their numbers, not of their letters."""
        assert [each.case for each in read_results(folder, "hybrid")] == ["1.1.1", "3.2", "12.1.1"]

    def test_details(self, folder: Path) -> None:
        """What was expected and what came is read of cases that went wrong, without markup."""
        good, lenient, undone = read_results(folder, "hybrid")
        assert good == Result("1.1.1", "OK", "OK", 1000, 1)
        assert lenient.expected == (
            "Echo for first message is received, but then connection is failed immediately ."
        )
        assert lenient.seen == (
            "Received nothing. Actual events match at least one expected. Connection was properly closed"
        )
        assert undone.code is None
        assert undone.seen == "Received pong 'a'. Not OK. "

    def test_other_server(self, folder: Path) -> None:
        """A server that the report does not have is an error."""
        with pytest.raises(KeyError):
            read_results(folder, "other")


class TestJudging:
    """From results to a verdict."""

    def test_good(self) -> None:
        """OK and INFORMATIONAL pass."""
        assert judge([GOOD, SHRUG], 2, ()).passed

    @pytest.mark.parametrize(
        ("behavior", "close"),
        [
            ("NON-STRICT", "OK"),
            ("FAILED", "OK"),
            ("UNIMPLEMENTED", "OK"),
            ("OK", "WRONG CODE"),
            ("OK", "UNCLEAN"),
            ("OK", "FAILED"),
        ],
    )
    def test_bad(self, behavior: str, close: str) -> None:
        """Anything else fails, whether in its messages or in its end."""
        bad = Result("12.1.1", behavior, close, 1006, 1)
        judgement = judge([bad, GOOD], 2, ())
        assert not judgement.passed
        assert list(judgement.failures) == [bad]

    def test_excused(self) -> None:
        """A behaviour that was chosen passes, in the cases that the choice is about."""
        assert judge([UNDONE], 1, [EXCUSE]).passed
        assert not judge([Result("11.1.1", "UNIMPLEMENTED", "OK", 1000, 0)], 1, [EXCUSE]).passed
        assert not judge([Result("12.1.1", "FAILED", "OK", 1000, 0)], 1, [EXCUSE]).passed

    def test_no_excuse_for_a_bad_end(self) -> None:
        """An excuse is about messages; the connection must end well in any case."""
        assert not judge([Result("12.1.1", "UNIMPLEMENTED", "UNCLEAN", None, 0)], 1, [EXCUSE]).passed

    def test_unneeded_excuse(self) -> None:
        """An excuse that none of its cases needs any more fails; one whose cases did not run does not."""
        judgement = judge([Result("12.1.1", "OK", "OK", 1000, 0)], 1, [EXCUSE])
        assert list(judgement.unneeded) == [EXCUSE]
        assert not judgement.passed
        assert judge([GOOD], 1, [EXCUSE]).passed

    def test_missing(self) -> None:
        """Cases without a result fail."""
        assert judge([GOOD], 3).missing == 2
        assert not judge([GOOD], 3).passed


class TestPrinting:
    """From results to what a person reads."""

    def test_groups(self) -> None:
        """Each group has its cases, its time and what they came to."""
        results = [GOOD, Result("1.1.2", "OK", "UNCLEAN", None, 1499), UNDONE]
        lines = render(results, judge(results, 3, [EXCUSE])).splitlines()
        assert "1.*        2      1.5  1 OK, 1 CLOSE" in lines
        assert "12.*       1      0.0  1 UNIMPLEMENTED" in lines
        assert "1 of 12.* are UNIMPLEMENTED by choice: not offered" in lines

    def test_failures(self) -> None:
        """Each failure has its case, both behaviours, the code, what was expected and what came."""
        bad = Result("1.1.2", "FAILED", "UNCLEAN", None, 1, "An echo.", "Received nothing.")
        text = render([bad], judge([bad], 1, ()))
        assert "1.1.2    FAILED        UNCLEAN       none  An echo.\n" in text
        assert "→ Received nothing." in text

    def test_incomplete(self) -> None:
        """What is missing, and an excuse that is not needed, are said."""
        text = render([GOOD], judge([GOOD], 2, [Excuse("1.*", "NON-STRICT", "why not")]))
        assert "1 cases have no result" in text
        assert "no case of 1.* is NON-STRICT any more: remove the excuse" in text
