"""The files of a directory, by our application, for other servers than ours."""

from benchmarks.apps.static_files import folder
from hybrid.bridge.routing import PathRouter
from hybrid.bridge.static.files import StaticFiles

app = PathRouter({"/static": StaticFiles(folder())})
