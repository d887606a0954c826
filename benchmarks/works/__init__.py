"""The works that are measured, by the name that `--only` takes, with the targets of the project."""

from benchmarks.work import Work
from benchmarks.works.access_log import ACCESS_LOG_ASGI, ACCESS_LOG_WSGI
from benchmarks.works.consumers import CONSUMER_ECHO, GROUP_SEND, GROUP_SEND_REDIS, GROUP_SEND_WORKERS, LAYER
from benchmarks.works.django import DJANGO_ASYNC, DJANGO_FILES, DJANGO_LATENCY, DJANGO_ROWS, DJANGO_SYNC
from benchmarks.works.fairness import FAIRNESS
from benchmarks.works.footprint import IDLE_DEFLATE, IDLE_HTTP, IDLE_WEBSOCKETS, START
from benchmarks.works.hello import ASGI_HELLO, FLASK_HELLO, TLS_HELLO, WSGI_HELLO
from benchmarks.works.http2 import HTTP2_DOWNLOAD, HTTP2_HELLO, HTTP2_WEBSOCKET, HTTP2_WSGI
from benchmarks.works.metrics import METRICS
from benchmarks.works.observe import DJANGO_OBSERVE
from benchmarks.works.routes import ROUTES
from benchmarks.works.sleep import SLEEP_AT_FULL_LOAD, SLEEP_AT_HALF_LOAD
from benchmarks.works.static import STATIC_LARGE, STATIC_SMALL
from benchmarks.works.transfers import DOWNLOAD, FILE, FILE_ASGI, UPLOAD, UPLOAD_ECHO
from benchmarks.works.websockets import BROADCAST, WEBSOCKET_ECHO, WEBSOCKET_ECHO_16K
from benchmarks.works.workers import WORKERS

WORKS: dict[str, tuple[Work, ...]] = {
    "asgi": (ASGI_HELLO,),
    "wsgi": (WSGI_HELLO,),
    "tls": (TLS_HELLO,),
    "websocket": (WEBSOCKET_ECHO, WEBSOCKET_ECHO_16K),
    "consumer": (CONSUMER_ECHO,),
    "group_send": (GROUP_SEND,),
    "group_send_redis": (GROUP_SEND_REDIS,),
    "group_send_workers": (GROUP_SEND_WORKERS,),
    "layer": (LAYER,),
    "broadcast": (BROADCAST,),
    "http2": (HTTP2_HELLO, HTTP2_WSGI),
    "http2_download": (HTTP2_DOWNLOAD,),
    "http2_websocket": (HTTP2_WEBSOCKET,),
    "routes": (ROUTES,),
    "flask": (FLASK_HELLO,),
    "django": (DJANGO_SYNC, DJANGO_ROWS, DJANGO_ASYNC),
    "django_files": DJANGO_FILES,
    "django_latency": DJANGO_LATENCY,
    "django_observe": DJANGO_OBSERVE,
    "metrics": METRICS,
    "access_log": (ACCESS_LOG_ASGI, ACCESS_LOG_WSGI),
    "sleep": (SLEEP_AT_FULL_LOAD, SLEEP_AT_HALF_LOAD),
    "fairness": (FAIRNESS,),
    "download": (DOWNLOAD,),
    "upload": (UPLOAD,),
    "upload_echo": (UPLOAD_ECHO,),
    "file": (FILE, FILE_ASGI),
    "static": (STATIC_SMALL, STATIC_LARGE),
    "start": (START,),
    "idle": (IDLE_HTTP, IDLE_WEBSOCKETS, IDLE_DEFLATE),
    "workers": (WORKERS,),
}
