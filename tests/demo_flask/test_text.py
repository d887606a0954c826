import pytest

from demo_flask.text import Unfit, check_name, check_password, check_room, check_text


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (" Ada  Lovelace ", "Ada Lovelace"),
        ("Jean-Luc O'Neill 3.", "Jean-Luc O'Neill 3."),
        ("हिन्दी", "हिन्दी"),
        ("日本語", "日本語"),
        ("Ａｄａ", "Ada"),  # noqa: RUF001 - wide letters, which look nearly the same
        ("A\x1bd\x9ba\n", "Ada"),
        ("x" * 24, "x" * 24),
    ],
)
def test_names_are_kept_in_one_form(name: str, kept: str) -> None:
    """Letters of any script; single spaces, no control characters, and what looks the same is the same."""
    assert check_name(name) == kept


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Please choose a name."),
        (" \n", "Please choose a name."),
        ("x" * 25, "A name has at most 24 characters, not 25."),
        ("<b>", "A name has letters and digits"),
        ("-Ada", "A name has letters and digits"),
        ("Ada\u202e", "A name has letters and digits"),
        ("🎈", "A name has letters and digits"),
    ],
)
def test_what_is_no_name(name: str, reason: str) -> None:
    """The reason is a sentence for people."""
    with pytest.raises(Unfit, match=reason):
        check_name(name)


@pytest.mark.parametrize("length", [0, 7, 201])
def test_passwords_have_a_length(length: int) -> None:
    """8 to 200 characters, of whatever kind."""
    with pytest.raises(Unfit, match="8 to 200"):
        check_password("x" * length)
    assert check_password(" \t語'<>!x ") == " \t語'<>!x "


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Lobby", "lobby"),
        ("Book club!", "book-club"),
        ("  C++ / _Rust_ ", "c-rust"),
        ("Café №5", "café-no5"),
        ("日本語", "日本語"),
        ("../../etc", "etc"),
    ],
)
def test_a_rooms_address_is_made_of_its_name(name: str, slug: str) -> None:
    """Its letters and digits in lower case, with hyphens for everything between them."""
    assert check_room(name)[0] == slug


def test_what_is_no_rooms_name() -> None:
    """One without a letter or digit, and one that is too long."""
    for name in ("", " ", "!?", "__"):
        with pytest.raises(Unfit, match="needs a letter or a digit"):
            check_room(name)
    with pytest.raises(Unfit, match="at most 32 characters, not 33"):
        check_room("x" * 33)


def test_messages_keep_their_lines_and_lose_control_characters() -> None:
    """Plain newlines, tabs, what other alphabets need, and no terminal escapes."""
    assert check_text(" one\r\ntwo\rthree\n") == "one\ntwo\nthree"
    assert check_text("one\ttwo\x00\u200dthree\x1b") == "one\ttwo\u200dthree"
    assert check_text("🎈" * 1000) == "🎈" * 1000


@pytest.mark.parametrize(
    ("text", "reason"),
    [("\r\n\x00 ", "Please write something."), ("x" * 1001, "at most 1000 characters, not 1001")],
)
def test_what_is_no_message(text: str, reason: str) -> None:
    """Nothing, and too much."""
    with pytest.raises(Unfit, match=reason):
        check_text(text)
