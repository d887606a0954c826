import pytest

from benchmarks.loads.plan import (
    Arrivals,
    Batch,
    Broadcast,
    Download,
    Downloads,
    Echoes,
    Idle,
    Load,
    Multiplexed,
    Plan,
    RoundTrip,
    Steady,
    StreamEchoes,
    Upload,
)


@pytest.mark.parametrize(
    "load",
    [
        Steady("http", "hi", connections=3),
        Steady("http", "hi", path="/static/small.js"),
        Batch("hi", 3, rate=50),
        Batch("hi", 3, rate=50, echoes=Echoes(100)),
        Arrivals("hi", 3, rate=400),
        Download(1024, pace=10),
        Downloads("/file", 1024, pace=10),
        Upload(1024),
        RoundTrip(1024, 3),
        Multiplexed(13, 3, 2),
        StreamEchoes("hi", 3),
        Broadcast(100, 1000),
        Idle("websocket", "hi", 1000),
    ],
    ids=lambda load: type(load).__name__,
)
def test_a_plan_survives_the_command_line(load: Load) -> None:
    """The generator does what the runner wants, whatever the kind of load."""
    plan = Plan(17, 8000, 0.5, 2.0, load)
    assert Plan.from_json(plan.to_json()) == plan
