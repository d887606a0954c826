from flask import Flask, request

from hybrid.adapters.flask import WebSockets

app = Flask(__name__)
app.secret_key = "for the documents"
ws = WebSockets(app)


@ws.route("/echo")
async def echo(socket):
    """Send back what comes."""
    async for message in socket:
        await socket.send(message)


@app.post("/say")
def say():
    """Repeat what a form says."""
    return request.form["text"] + "\n"
