from flask import Flask
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)


@sock.route("/echo")
def echo(socket):
    """Send back what comes."""
    while True:
        socket.send(socket.receive())
