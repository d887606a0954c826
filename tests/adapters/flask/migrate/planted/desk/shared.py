import sqlite3

from flask import g, request
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

connection = sqlite3.connect("desk.sqlite3")  # HF109
unused = sqlite3.connect("other.sqlite3")  # not HF109
Session = sessionmaker(bind=create_engine("sqlite://"))
session = Session()  # HF110
scoped = scoped_session(Session)  # not HF110


def tickets():
    return connection.execute("SELECT * FROM tickets WHERE id = ?", (request.args["id"],)).fetchall()


def people():
    return session.query(request.args["kind"]).all() + scoped.query("x").all()


def own():
    g.connection = sqlite3.connect("desk.sqlite3")  # not HF109
    with Session() as local:  # not HF110
        return local.query("x").all()
