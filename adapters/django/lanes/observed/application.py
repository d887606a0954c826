"""A Django project on both lanes, of which somebody wants to know what its requests do."""

from wsgiref.types import WSGIApplication

from hybrid.adapters.django.lanes.application import DjangoApplication
from hybrid.adapters.django.lanes.asgi import ASGILane, LaneHandler
from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.control import LaneControl
from hybrid.adapters.django.lanes.figures import Figures
from hybrid.adapters.django.lanes.observed.control import ObservedControl
from hybrid.adapters.django.lanes.observed.lanes import ObservedASGILane, ObservedHandler, ObservedWSGILane
from hybrid.adapters.django.lanes.observed.seen import ObservedFigures
from hybrid.adapters.django.lanes.request import Identities
from hybrid.adapters.django.lanes.running import RunningLanes
from hybrid.adapters.django.lanes.threads import StickyThreads
from hybrid.adapters.django.lanes.wsgi import WSGILane
from hybrid.bridge.types import ASGIApp
from hybrid.bridge.wsgi.environ import EnvironBuilder


class ObservedApplication(DjangoApplication):
    """The same, with a record for each request: ``--observe``."""

    def _make_figures(self) -> Figures:
        return ObservedFigures()

    def _make_control(self, running: RunningLanes) -> LaneControl:
        assert isinstance(self._figures, ObservedFigures)
        return ObservedControl(running, self._figures, (running.budget or Budget()).stall)

    def _make_wsgi_lane(self, application: WSGIApplication, identities: Identities) -> WSGILane:
        return ObservedWSGILane(application, identities)

    def _make_handler(self, environs: EnvironBuilder) -> LaneHandler:
        return ObservedHandler(environs, self._identities, self._body_policy)

    def _make_asgi_lane(self, application: ASGIApp, threads: StickyThreads, stall: float) -> ASGILane:
        assert isinstance(self._control, ObservedControl)
        is_plain = isinstance(self.wsgi, WSGILane) and self.wsgi.is_plain
        self._control.hears_signals = not (is_plain and isinstance(application, ObservedHandler))
        return ObservedASGILane(application, threads, stall)
