import flask_sockets
import flask_socketio
from flask import Flask
from flask_sock import Sock

from hybrid.adapters.flask import WebSockets

app = Flask(__name__)
old = flask_sockets.Sockets(app)  # HF101
new = WebSockets(app)  # not HF101 HF501
sock = Sock(app)  # HF501
green = flask_socketio.SocketIO(app, async_mode="eventlet", message_queue="redis://")  # HF105
threads = flask_socketio.SocketIO(app, async_mode="threading")  # HF502
queued = flask_socketio.SocketIO(app, async_mode="threading", message_queue="redis://")  # not HF105 HF502
