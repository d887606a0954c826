"""What one lane does not agree on with itself is no difference; what it does agree on is."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.adapters.django.migrate.shadow.compare import compare
from hybrid.adapters.django.migrate.shadow.masks import own_masks
from hybrid.adapters.django.migrate.shadow.parts.templates import Template
from tests.support.outcomes import answer, compared, places


def html(*pages: str) -> list[str]:
    """Compare pages: two of the old lane, and the new one."""
    first, again, other = map(answer, pages)
    return places(compare(first, again, other))


def data(*texts: str) -> list[str]:
    """Compare JSON in the same way."""
    first, again, other = (answer(each, "application/json") for each in texts)
    return places(compare(first, again, other))


def test_a_number_in_a_sentence() -> None:
    """What is around it must be the same."""
    assert html("<p>took 0.12 s on a</p>", "<p>took 0.13 s on a</p>", "<p>took 7.5 s on a</p>") == []
    assert html("<p>took 0.12 s on a</p>", "<p>took 0.13 s on a</p>", "<p>took 7.5 s on b</p>") == [
        "body p > text: took 0.12 s on a | took 7.5 s on b"
    ]


def test_a_field() -> None:
    """Another key of the same object is compared."""
    assert data('{"n": 1, "a": 1}', '{"n": 2, "a": 1}', '{"n": 3, "a": 1}') == []
    assert data('{"n": 1, "a": 1}', '{"n": 2, "a": 1}', '{"n": 3, "a": 2}') == ["body $.a: 1 | 2"]


def test_a_key_that_comes_and_goes() -> None:
    """It may be there or not, with anything in it."""
    assert data('{"a": 1, "b": 1}', '{"a": 1}', '{"a": 1, "b": 2}') == []
    assert data('{"a": 1}', '{"a": 1, "b": 1}', '{"a": 1}') == []


def test_an_order_that_varies() -> None:
    """The elements must be the same all the same."""
    assert data("[1, 2, 3]", "[3, 1, 2]", "[2, 3, 1]") == []
    assert data("[1, 2, 3, 4]", "[2, 1, 4, 3]", '[4, 3, "x", 2]') == ['body $[0]: 1 | "x"']


def test_a_number_of_elements_that_varies() -> None:
    """Any number may come; those that are always there are compared."""
    assert html("<ul><li>a<li>b</ul>", "<ul><li>a</ul>", "<ul><li>a<li>c<li>d</ul>") == []
    page = "<div><h1>{}</h1>{}</div>"
    assert html(page.format("t", "<p>ad</p>"), page.format("t", ""), page.format("u", "")) == [
        "body div > h1 > text: t | u"
    ]


def test_a_header_that_varies() -> None:
    """A field of its own values is learned, and told of as that."""
    first, again, other = (answer("", "", ("x-runtime", each)) for each in ("0.1", "0.2", "0.5"))
    result = compared(first, again, new=other)
    assert result.differences == ()
    assert result.hidden == {("header x-runtime", "learned"): 1}


def test_counts_that_vary() -> None:
    """A query that only the first request makes is noise; another one is not."""
    first = answer(queries=("default: SELECT a", "default: SELECT b"))
    again = answer(queries=("default: SELECT b",))
    assert compare(first, again, again) == []
    more = answer(queries=("default: SELECT b", "default: SELECT b", "default: SELECT b"))
    assert places(compare(first, again, more)) == ["queries default: SELECT b: once | 3 times"]


def test_a_status_that_varies() -> None:
    """One lane that answers 503 now and then says nothing about the other."""
    assert compare(answer(), answer(status=503), answer(status=503)) == []


def test_identifiers_that_one_lane_repeats_are_data() -> None:
    """A UUID that changes each time is masked; one that the old lane says twice belongs to something."""
    uuid = '{"id": "7d4f2c1e-0000-4000-8000-00000000000%s"}'
    texts = [answer(uuid % each, "application/json") for each in "123"]
    result = compared(texts[0], texts[1], new=texts[2])
    assert result.differences == ()
    assert result.hidden == {("UUID", "built in"): 1}
    assert places(compare(texts[0], texts[0], texts[2]))[0].startswith("body $.id: ")


def test_measured_durations() -> None:
    """Three answers may have measured the same by chance, and the next one nearly so; long ones differ."""
    assert html("<p>400 ms</p>", "<p>400 ms</p>", "<p>401 ms</p>") == []
    assert html("<p>2.0 s</p>", "<p>2.0 s</p>", "<p>2.1 seconds</p>") == []
    assert html("<p>400 ms</p>", "<p>400 ms</p>", "<p>500 ms</p>") == ["body p > text: 400 ms | 500 ms"]
    assert len(html("<p>4 s</p>", "<p>4 s</p>", "<p>4 ms</p>")) == 1


def test_masks_within_what_is_learned() -> None:
    """Of two things in one place, one varies each time, and the other one now and then."""
    texts = "<p>at 2026-11-26 10:00:0{} in {} ms: {}</p>"
    pages = [texts.format(*each) for each in ((1, 1001, "a"), (1, 1001, "b"), (2, 1002, "c"))]
    assert html(*pages) == []


def test_masks_are_counted() -> None:
    """What each has hidden is known, by its name; what did not differ is not counted."""
    page = '<input name="csrfmiddlewaretoken" value="{0}"><p>2026-11-26T10:00:0{0}Z, 2020-01-01T00:00:00Z</p>'
    result = compared(answer(page.format(1)), new=answer(page.format(2)))
    assert result.hidden == {("CSRF token", "built in"): 1, ("date", "built in"): 1}


def test_masks_of_ones_own() -> None:
    """They cover what they match, or their first group, in bodies, fields and messages."""
    old = answer('{"a": "x-1"}', "application/json", ("x-node", "n1"), warnings=("a: job abc",))
    new = answer('{"a": "x-2"}', "application/json", ("x-node", "n2"), warnings=("a: job abd",))
    masks = (r'"x-(\d)"', r"^n\d$", "job [a-z]+")
    result = compared(old, new=new, masks=masks)
    assert result.differences == ()
    assert result.hidden == {(each, "option"): 1 for each in masks}
    left = places(compared(old, new=new, masks=masks[:1]).differences)
    assert [each.partition(":")[0] for each in left] == ["header x-node", "warning a", "warning a"]


@pytest.mark.parametrize(
    "mask",
    [r'"a": (\d)', r'"a": \d', r'"(\d) x"', r"\d", r"\d(?= x)|(?<=: )\d"],
    ids=["value", "field", "part", "everywhere", "both"],
)
def test_masks_in_json(mask: str) -> None:
    """Whichever part of the text they cover, the two say the same."""
    old, new = (answer(f'{{"a": {each}, "b": [1, 2], "c": "{each} x"}}', "application/json") for each in "12")
    is_all = mask.endswith("d") or "|" in mask
    result = compared(
        old, new=new, masks=(mask,) if is_all and "a" not in mask else (mask, r'"c": "(\d)', r'"a": (\d)')
    )
    assert places(result.differences) == []


def test_a_mask_that_is_none() -> None:
    """It is named, with what is wrong."""
    with pytest.raises(ValueError, match=r"'\(' is no regular expression: missing \)"):
        own_masks(["("])


DATA = ", ".join(f"{{{{'a': {{0}}{each}, 'b': 'x'}}}}" for each in range(99))


@pytest.mark.parametrize(
    ("one", "other", "third", "fits"),
    [
        ("a 1 b", "a 2 b", "a 333 b", True),
        ("a 1 b", "a 2 b", "a 3 c", False),
        ("1 a", "2 a", " a", True),
        ("1 a 1", "2 a 2", "3 b 3", False),
        ("x", "y", "", True),
        ("aa 1 aa", "aa 2 aa", "aa", False),
        (f"[{DATA.format(1)}]", f"[{DATA.format(2)}]", f"[{DATA.format(33)}]", True),
        (f"[{DATA.format(1)}]", f"[{DATA.format(2)}]", f"[{DATA.format(3).replace('b', 'c')}]", False),
        (f"a {DATA.format(1)} b", f"a 1 {DATA.format(2)} b", f"a 7 {DATA.format(3)} b", True),
        (f"a {DATA.format(1)} b", f"a 1 {DATA.format(2)} b", f"a 7 {DATA.format(3)} c", False),
    ],
    ids=[
        *("middle", "around", "nothing", "between", "all", "overlap"),
        *("data", "other data", "more data", "other text around data"),
    ],
)
def test_templates(one: str, other: str, third: str, fits: bool) -> None:
    """What two texts have in common must be in a third, in its order and without overlapping."""
    assert Template.of(one, other).fits(third) is fits


@given(st.text("ab 1", max_size=20), st.text("ab 1", max_size=20))
def test_templates_fit_what_they_are_made_of(one: str, other: str) -> None:
    """Both texts fit."""
    template = Template.of(one, other)
    assert template.fits(one)
    assert template.fits(other)


@given(st.text("<>!/[]-ab ='\"&;", max_size=30))
def test_any_page_is_as_itself(text: str) -> None:
    """However broken it is, a page can be compared: with itself, and with one that has more."""
    assert compare(answer(text), None, answer(text)) == []
    assert compare(answer(text), answer(f"{text} c"), answer(f"{text} d")) == []


def test_a_page_that_cannot_be_parsed() -> None:
    """It is compared by its lines."""
    assert places(compare(answer("<p>a\n<![a["), None, answer("<p>b\n<![a["))) == ["body line 1: <p>a | <p>b"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_the_new_lane_may_say_what_the_old_one_said(one: object, other: object) -> None:
    """Whatever the old lane has answered twice: the new one gives no difference with either of them."""
    olds = [answer(json.dumps(each), "application/json") for each in (one, other)]
    for new in olds:
        assert places(compare(olds[0], olds[1], new)) == []


def test_a_page_of_chance() -> None:
    """Pages whose lists, texts and attributes are drawn anew each time are the same, once that is known."""
    drawn = random.Random(8).random  # noqa: S311 - the same pages each time

    def page() -> str:
        rows = "".join(f"<li id=r{drawn()}>{drawn()} €" for _ in range(5))
        return f"<title>Shop</title><ul class=x>{rows}</ul><p>{drawn()}<footer>1998</footer>"

    for _ in range(50):
        assert html(page(), page(), page()) == []
    assert len(html(page(), page(), page().replace("1998", "1999"))) == 1
