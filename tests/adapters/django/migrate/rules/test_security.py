"""What the planted project cannot show of the rules on security: other versions, and facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact
from tests.support.sources import findings_in, rules_at, write_sources

REMOTE = MiddlewareFact("lib.Remote", header="REMOTE_USER", async_capable=True)


def of_rule(findings: list[Finding], *rules: str) -> list[Finding]:
    """Return the findings of some rules."""
    return [each for each in findings if each.rule in rules]


@pytest.mark.parametrize(
    ("header", "django", "level", "said"),
    [
        ("REMOTE_USER", "5.2.19", Level.ERROR, "header Remote-User of any client"),
        ("REMOTE_USER", "6.1", Level.ERROR, "header Remote-User of any client"),
        ("REMOTE_USER", "4.2.30", Level.ERROR, "which no ASGI server sets"),
        ("HTTP_X_USER", "5.2.19", Level.ERROR, "header Http-X-User of any client"),
        ("HTTP_X_USER", "6.1", Level.WARNING, "unless a proxy takes it away"),
        ("HTTP_X_USER", "4.2.30", Level.WARNING, "unless a proxy takes it away"),
        ("<property object>", "5.2.19", Level.WARNING, "a key of its own"),
    ],
)
def test_remote_users(tmp_path: Path, header: str, django: str, level: Level, said: str) -> None:
    """Django 5.2 puts HTTP_ in front of every key on ASGI; before it looked for the key itself."""
    facts = Facts(versions={"django": django}, middleware=(replace(REMOTE, header=header),))
    (found,) = of_rule(findings_in(write_sources(tmp_path, {}), facts), "HM201")
    assert (found.level, said in found.evidence, found.cause) == (level, True, "HM201 lib.Remote")


def test_remote_users_that_look_themselves(tmp_path: Path) -> None:
    """A class with a process_request of its own does not look where Django's does."""
    text = """\
        from django.contrib.auth.middleware import RemoteUserMiddleware

        class Remote(RemoteUserMiddleware):
            header = "HTTP_X_USER"

            def process_request(self, request):
                request.user = request.META[self.header]
        """
    facts = Facts(
        versions={"django": "5.2.19"}, middleware=(replace(REMOTE, path="lib.Remote", header="HTTP_X_USER"),)
    )
    (found,) = of_rule(findings_in(write_sources(tmp_path, {"lib.py": text}), facts), "HM201")
    assert found.level is Level.WARNING


@pytest.mark.parametrize("fact", [replace(REMOTE, used=False), replace(REMOTE, header="")])
def test_middleware_without_remote_users(tmp_path: Path, fact: MiddlewareFact) -> None:
    """One that says it is not used, or takes no user from META."""
    assert of_rule(findings_in(write_sources(tmp_path, {}), Facts(middleware=(fact,))), "HM201") == []


@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"django": "5.2.13", "asgiref": "3.13.0"}, [("HM202", Confidence.CERTAIN)]),
        ({"django": "5.1.9"}, [("HM202", Confidence.LIKELY)]),
        ({"django": "5.2.14"}, []),
        ({"asgiref": "3.10.0"}, [("HM311", Confidence.CERTAIN)]),
        ({"asgiref": "3.12.1"}, []),
        ({"django": "5.0.2"}, [("HM202", Confidence.LIKELY)]),
        ({"django": "5.0.1"}, [("HM202", Confidence.LIKELY), ("HM410", Confidence.CERTAIN)]),
        ({"django": "5.0"}, [("HM202", Confidence.LIKELY), ("HM410", Confidence.CERTAIN)]),
    ],
)
def test_installed_versions(
    tmp_path: Path, versions: dict[str, str], found: list[tuple[str, Confidence]]
) -> None:
    """What the process that imported the project had; asgiref's flaw is in what is not used here."""
    findings = findings_in(write_sources(tmp_path, {}), Facts(versions=versions))
    assert [(each.rule, each.confidence) for each in findings] == found
    assert {each.seen for each in findings} <= {Seen.IMPORT}


def test_the_evidence_names_versions_and_flaws(tmp_path: Path) -> None:
    """One can look up what is open, and knows what to take instead."""
    (found,) = findings_in(write_sources(tmp_path, {}), Facts(versions={"django": "5.2.12"}))
    assert "CVE-2026-3902" in found.evidence
    assert "CVE-2025-14550" not in found.evidence
    assert "Django 5.2.14" in found.fix.text
    assert "https://docs.djangoproject.com/" in found.fix.text


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"]}, Level.NOTE),
        ({"SECURE_SSL_REDIRECT": True}, Level.WARNING),
        ({"SECURE_SSL_REDIRECT": False}, None),
        (
            {
                "SECURE_SSL_REDIRECT": True,
                "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
            },
            Level.NOTE,
        ),
    ],
)
def test_schemes(tmp_path: Path, settings: dict[str, object], level: Level | None) -> None:
    """A redirect that goes by what the server says is the only doubt."""
    found = findings_in(write_sources(tmp_path, {}), Facts(settings=settings))
    assert [each.level for each in found] == ([level] if level else [])


@pytest.mark.parametrize(("key", "found"), [("'ip'", True), ("'user_or_ip'", True), ("'user'", False)])
def test_limits_by_address(tmp_path: Path, key: str, found: bool) -> None:
    """Only a limit that counts by address depends on who is taken for the client."""
    text = f"""\
        from django_ratelimit.decorators import ratelimit

        @ratelimit(key={key}, rate="5/m")
        def view(request): ...
        """
    findings = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert rules_at(findings) == ([("HM204", "a.py", 3)] if found else [])


@pytest.mark.parametrize(
    "text",
    [
        (
            "try:\n    from asgiref.local import Local as local\n"
            "except ImportError:\n    from threading import local\n"
        ),
        "from asgiref.local import Local as local\n",
        "from werkzeug.local import Local as local\n",
    ],
)
def test_locals_that_follow_a_request(tmp_path: Path, text: str) -> None:
    """Of a try and its except the first counts, as in the project; other libraries' are no thread-locals."""
    text += "state = local()\n\ndef keep(user):\n    state.user = user\n\n"
    text += "async def who():\n    return state.user\n"
    assert findings_in(write_sources(tmp_path, {"a.py": text})) == []


def test_a_local_that_may_be_either(tmp_path: Path) -> None:
    """A name that is given something else as well is left alone."""
    text = """\
        import threading

        try:
            from asgiref.local import Local
            state = Local()
        except ImportError:
            state = threading.local()

        def keep(user):
            state.user = user
        """
    assert findings_in(write_sources(tmp_path, {"a.py": text})) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("state.user = user", True),
        ("setattr(state, 'tenant', user)", True),
        ("state.thing = request.GET['a']", True),
        ("state.thing = user", False),
        ("state.user = None", False),
        ("state.cursor = object()", False),
    ],
)
def test_what_is_state_of_a_request(tmp_path: Path, line: str, found: bool) -> None:
    """By its name, or because it comes from a request; clearing it is none."""
    text = f"import threading\n\nstate = threading.local()\n\ndef keep(request, user):\n    {line}\n"
    findings = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert rules_at(findings) == ([("HM401", "a.py", 3)] if found else [])


def test_uploads_are_told_once_for_each_function(tmp_path: Path) -> None:
    """Many lines of one view are one finding."""
    text = "def view(request):\n    request.FILES['a']\n    request.FILES['b']\n\n"
    text += "def other(request):\n    request.FILES\n"
    findings = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert rules_at(findings) == [("HM203", "a.py", 2), ("HM203", "a.py", 6)]
