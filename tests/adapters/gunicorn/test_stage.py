from collections.abc import Iterator
from tempfile import TemporaryFile

import pytest

from hybrid.adapters.gunicorn.stage import Stage, read_stage, write_stage


@pytest.fixture
def descriptor() -> Iterator[int]:
    """Give a file as gunicorn makes one for each worker."""
    with TemporaryFile(buffering=0) as file:
        yield file.fileno()


def test_an_empty_file_is_a_worker_that_boots(descriptor: int) -> None:
    """A worker has said nothing yet."""
    assert read_stage(descriptor) == (Stage.BOOTING, "")


def test_a_stage_comes_with_its_text(descriptor: int) -> None:
    """Whoever sees a stage finds the text."""
    write_stage(descriptor, Stage.SERVING, "the routes: /ü")

    assert read_stage(descriptor) == (Stage.SERVING, "the routes: /ü")


def test_a_later_stage_replaces_an_earlier_one(descriptor: int) -> None:
    """A worker that serves may leave."""
    write_stage(descriptor, Stage.SERVING, "the routes")
    write_stage(descriptor, Stage.LEAVING)

    assert read_stage(descriptor)[0] is Stage.LEAVING


def test_a_text_without_a_stage_is_not_seen(descriptor: int) -> None:
    """The stage is written last: until then the worker boots."""
    write_stage(descriptor, Stage.BOOTING, "half of it")

    assert read_stage(descriptor)[0] is Stage.BOOTING
