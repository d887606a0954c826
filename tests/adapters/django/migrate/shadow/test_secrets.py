"""What is secret is written over, however it is named, and what is not stays."""

import pytest

from hybrid.adapters.django.migrate.shadow.secrets import (
    is_secret,
    redacted_body,
    redacted_headers,
    redacted_target,
)


@pytest.mark.parametrize(
    "name",
    ["Authorization", "PROXY-AUTHORIZATION", "X-API-Key", "x_api_key", "x-auth-key", "x-auth", "x-access-key",
     "cookie2", "x-credentials", "x-passwd", "x-csrftoken", "x-session", "cf-access-jwt-assertion",
     "x-amzn-oidc-data", "dpop"],
)  # fmt: skip
def test_secret_fields(name: str) -> None:
    """Their names say so, in any case."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["accept", "authority", "www-authenticate", "access-control-allow-credentials", "content-security-policy",
     "host", "keep-alive", "author", "x-passenger"],
)  # fmt: skip
def test_other_fields(name: str) -> None:
    """Names that only look alike."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    "target",
    ["/?sessionid=hush", "/?token[]=hush", "/?%74oken=hush", "/?password1=hush", "/?pwd=hush", "/?pass=hush",
     "/?sig=hush", "/?jwt=hush", "/?auth=hush", "/?authorization=hush", "/?a=1#access_token=hush",
     "/?a=1;token=hush", "/?token=a;hush", "/?credential=hush", "/?csrf=hush", "/a;jsessionid=hush",
     "/?next=/a%3Ftoken%3Dhush", "/?next=/a%3Fnext%3D/b%253Ftoken%253Dhush",
     "/?next=https%3A%2F%2Fu%3Ahush%40h%2F",
     "http://u:hush@h/a?b=1", "//u:hush@h/", "/?otp=hush", "/?SAMLResponse=hush"],
)  # fmt: skip
def test_secret_parameters(target: str) -> None:
    """In queries, paths and fragments, and in addresses that are values themselves."""
    assert "hush" not in redacted_target(target)
    ((_, value),) = redacted_headers((("location", f"https://a{target}" if target[1] != "/" else target),))
    assert "hush" not in value


@pytest.mark.parametrize(
    "target", ["/token/a=b/?b=1&page=2", "/?q=a%20token&next=/b%3Fc%3D1", "/a@b/?mail=a@b", "*", "/?a&b=&=c"]
)
def test_other_parameters(target: str) -> None:
    """They stay as they came."""
    assert redacted_target(target) == target


@pytest.mark.parametrize(
    ("name", "value"),
    [("location", "https://u:hush@h/a"), ("origin", "https://u:hush@h"), ("x-original-uri", "/a?token=hush"),
     ("hx-current-url", "https://a/?token=hush"), ("refresh", "0; url=https://h/?token=hush"),
     ("link", "<https://h/?token=hush>; rel=next"), ("set-cookie", "hush; Path=/")],
)  # fmt: skip
def test_addresses_in_fields(name: str, value: str) -> None:
    """Whatever the field is called."""
    ((_, written),) = redacted_headers(((name, value),))
    assert "hush" not in written


def test_other_values() -> None:
    """They stay as they came."""
    headers = (("content-type", "text/html; charset=utf-8"), ("cache-control", "max-age=0, private"))
    assert redacted_headers(headers) == headers


@pytest.mark.parametrize(
    "body",
    [b'{"Authorization": "Basic hush"}', b'{"cookie": "a=hush"}', b'{"X-Api-Key": "hush"}',
     b'{"jwt": "hush"}',
     b'{"tokens": ["hush", "hush"]}', b'{"credentials": "hush"}', b'{"sessionId": "hush"}',
     b'{"password": "a\\"hush', b'<input value="hush" name="csrfmiddlewaretoken">',
     b'<meta name="csrf-token" content="hush">', b'<input name="password" value="a hush">'],
)  # fmt: skip
def test_secrets_in_bodies(body: bytes) -> None:
    """Pages and JSON have them under their names; also cut off."""
    assert b"hush" not in redacted_body((), body)


def test_numbers_in_json() -> None:
    """It is JSON after that as before."""
    body = b'{"token": 123, "a": 1, "password": null, "secret": ""}'
    assert redacted_body((), body) == b'{"token": "[redacted]", "a": 1, "password": null, "secret": ""}'


def test_other_bodies() -> None:
    """They stay as they came."""
    body = b'<input name="title" value="token"><p>a token</p>{"title": "token", "session": "morning"}'
    assert redacted_body((), body) == body


def test_long_targets() -> None:
    """However many parameters there are, and however deep they seem to be."""
    target = "/?" + "a=1;" * 10_000 + "a=" * 10_000 + "%25" * 10_000
    assert redacted_target(target) == target
    assert redacted_target(f"{target}&token=hush") == f"{target}&token=[redacted]"
