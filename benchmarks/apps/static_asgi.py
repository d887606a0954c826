"""The files of a directory, by Starlette."""

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from benchmarks.apps.static_files import folder

app = Starlette(routes=[Mount("/static", StaticFiles(directory=folder()))])
