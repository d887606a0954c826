import eventlet
from flask import Flask
from gevent import monkey

eventlet.monkey_patch()  # HF104
app = Flask(__name__)


def patched():
    monkey.patch_all()  # not HF104


if __name__ == "__main__":
    monkey.patch_all()  # not HF104
