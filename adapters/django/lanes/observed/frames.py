"""Stacks of running code: in words, and which line of it is the project's own."""

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

import hybrid
from hybrid.adapters.django.lanes.observed.notes import Spot

#: Frames of a stack that are kept, the innermost.
_MOST: Final = 40
_INSTALLED: Final = frozenset(("site-packages", "dist-packages"))


@cache
def _others() -> tuple[str, ...]:
    """Where code is that is nobody's project: Python's own, and this."""
    paths = sysconfig.get_paths()
    ours = Path(hybrid.__file__).parent
    parts = (ours / each for each in ("adapters", "bridge", "server"))  # links, in a checkout
    every = (paths["stdlib"], paths["platstdlib"], str(ours), *map(str, parts))
    return tuple(f"{os.path.realpath(each)}{os.sep}" for each in every)


@cache  # of so many files as there are
def is_own(file: str) -> bool:
    """Tell whether a file is of the project: not installed, not of Python, and not of this package."""
    if file.startswith("<") or not _INSTALLED.isdisjoint(Path(file).parts):
        return False
    return not os.path.realpath(file).startswith(_others())


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Give a frame, who has called it, and so on."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def spot_of(frame: FrameType) -> Spot:
    """Return the line that a frame is at."""
    module = frame.f_globals.get("__name__", "")
    return Spot(frame.f_code.co_filename, frame.f_lineno, f"{module}.{frame.f_code.co_qualname}")


def own_spot(frame: FrameType | None) -> Spot:
    """Return the innermost line of the project; an empty one where there is none."""
    return next((spot_of(each) for each in outwards(frame) if is_own(each.f_code.co_filename)), Spot())


def caller_spot() -> Spot:
    """Return the innermost line of the project among those who have called this."""
    return own_spot(sys._getframe(1))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def own_spot_in(trace: TracebackType | None) -> Spot:
    """Return the innermost line of the project that an error has come through."""
    found = Spot()
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            found = spot_of(trace.tb_frame)._replace(line=trace.tb_lineno)
        trace = trace.tb_next
    return found


def spot_of_task(coroutine: Any) -> Spot:
    """Return the innermost line of the project at which a coroutine, or whatever it awaits, waits."""
    found = Spot()
    while coroutine is not None:
        frame: FrameType | None = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None and is_own(frame.f_code.co_filename):
            found = spot_of(frame)
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    return found


def words_of(frames: Sequence[FrameType]) -> tuple[str, ...]:
    """Return a stack in words, the innermost frame first."""
    return tuple(
        f"{shortened(each.f_code.co_filename)}:{each.f_lineno} in {each.f_code.co_qualname}"
        for each in frames[:_MOST]
    )


@cache
def shortened(file: str) -> str:
    """Return the name of a file: of the project's from the directory that it is served in, of others from
    where packages are.
    """
    parts = Path(file).parts
    for index, part in enumerate(parts):
        if part in _INSTALLED:
            return "/".join(parts[index + 1 :])
    ours = Path(hybrid.__file__).parent.parent
    for folder in (f"{ours}{os.sep}", f"{Path.cwd()}{os.sep}", *_others()[:2]):
        if file.startswith(folder):
            return Path(file[len(folder) :]).as_posix()
    return file
