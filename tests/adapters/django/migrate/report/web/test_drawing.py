"""The drawing of a chain of middleware."""

from xml.etree import ElementTree as ET

import pytest

from hybrid.adapters.django.migrate.chain.model import Chain, Hop, Kind, Lane, Layer, Purpose
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.report.web.drawing import draw
from tests.support.planted import audited

LOOP, THREAD = 110, 330


def drawn(chain: Chain) -> ET.Element:
    """Draw a chain, and read the drawing."""
    return ET.fromstring(draw(chain, "it"))  # noqa: S314 - it is ours


def boxes(svg: ET.Element) -> list[tuple[str, int]]:
    """Return the names in the boxes, from above, and on which side each is."""
    return [
        (each.text or "", int(each.get("x", ""))) for each in svg.iter("text") if each.get("class") == "name"
    ]


def of_class(svg: ET.Element, name: str) -> list[ET.Element]:
    """Return the elements of a class."""
    return [each for each in svg.iter() if name in each.get("class", "").split()]


MIXIN = Layer(
    "shop.Async",
    is_async=True,
    hops=(Hop(Kind.TO_THREAD, Purpose.REQUEST), Hop(Kind.TO_THREAD, Purpose.RESPONSE)),
)
SYNC = Layer("shop.Old", is_async=False, adapter=Kind.TO_LOOP)
VIEWS = ((Hop(Kind.TO_THREAD, Purpose.VIEW),), ())


def test_layers_stand_where_they_run() -> None:
    """From the outside to the inside, on the side of the loop or of threads; both kinds of view last."""
    chain = Chain(Lane.ASGI, (MIXIN, SYNC), views=VIEWS)
    assert boxes(drawn(chain)) == [
        ("ASGIHandler", LOOP),
        ("Async", LOOP),
        ("Old", THREAD),
        ("Django looks for the view", LOOP),
        ("asynchronous view", LOOP),
        ("synchronous view", THREAD),
    ]


def test_hops_are_marked() -> None:
    """Each adapter has a dot on its line, and what a layer does on the other side a box with its hops."""
    svg = drawn(Chain(Lane.ASGI, (MIXIN, SYNC), top=Kind.TO_THREAD, views=VIEWS))
    assert (
        len(of_class(svg, "dot")) == 4
    )  # at the top, beside Async, inside Old, and before synchronous views
    assert len(of_class(svg, "trip")) == 1
    assert [each.text for each in of_class(svg, "small")] == ["process_request, _response", "2 hops"]


def test_without_hops() -> None:
    """A chain on one side has lines and no dots."""
    svg = drawn(Chain(Lane.WSGI, (Layer("shop.Old", is_async=False),)))
    assert of_class(svg, "dot") == []
    assert len(of_class(svg, "edge")) == 4
    assert boxes(svg)[0] == ("WSGIHandler", THREAD)


def test_what_goes_together_is_drawn_together() -> None:
    """One box for the layers of a group, as high as they are."""
    group = Hop(Kind.TO_THREAD, Purpose.GROUP)
    layers = (Layer("a.A", is_async=True, hops=(group, group), group=1), Layer("a.B", is_async=True, group=1))
    svg = drawn(Chain(Lane.HYBRID, layers, views=VIEWS))
    (trip,) = of_class(svg, "trip")
    assert int(trip.get("height", "")) == 78
    assert [each.text for each in of_class(svg, "small")] == ["group", "together: 2 hops"]


def test_what_fails_is_marked() -> None:
    """It looks different, and says why."""
    svg = drawn(Chain(Lane.ASGI, (Layer("shop.Bad", is_async=True, problem="it is none"),)))
    (layer,) = of_class(svg, "fails")
    assert layer.findtext("title") == "shop.Bad: it is none"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("shop.M", "M"),
        ("a.DisableClientSideCachingMiddleware", "DisableClientSideCaching"),
        (f"a.{'X' * 40}", f"{'X' * 28}…"),
        ("a.<b>&amp;", "<b>&amp;"),
    ],
)
def test_names_fit_into_their_boxes(path: str, shown: str) -> None:
    """By their last part; what is too long is cut, and the whole of it is its title. Nothing is markup."""
    svg = drawn(Chain(Lane.ASGI, (Layer(path, is_async=True),)))
    assert boxes(svg)[1][0] == shown
    assert of_class(svg, "layer")[0].findtext("title") == path


@pytest.mark.parametrize("lane", Lane)
def test_a_project(lane: Lane) -> None:
    """All layers of the planted project are drawn, and every hop but those that are around them."""
    chain = chain_of(lane, audited("shop.settings").facts)
    svg = drawn(chain)
    assert len(boxes(svg)) == len(chain.layers) + 4
    trips = sum(bool(each.hops) for each in chain.layers)
    adapters = sum(each.adapter is not None for each in chain.layers) + (chain.top is not None)
    assert len(of_class(svg, "dot")) == trips + adapters + 1
