"""Checks of `wsgi.input` and `wsgi.errors`."""

from benchmarks.wsgi_matrix.check import Check, get, post, request
from benchmarks.wsgi_matrix.facts.replies import memory, written
from benchmarks.wsgi_matrix.facts.shown import (
    answers,
    answers_with,
    hinted,
    tells_the_end,
    terminated,
)
from benchmarks.wsgi_matrix.plays import UPLOAD, ask_until_written, upload

_STREAMS = "Input and Error Streams"
_TEXT = b"one\ntwo\n\nlast"
_CHUNKS = b"4\r\none\n\r\n5;x=y\r\ntwo\n\n\r\n4\r\nlast\r\n0\r\nX-Trailer: x\r\n\r\n"
_TEST = "TestInputAndErrors::test_input"

CHECKS = (
    Check(
        name="read",
        section=_STREAMS,
        rule='`wsgi.input.read(size)` and `read()`, and `b""` past the end',
        test=_TEST,
        request=post("/read", _TEXT),
        right=(answers_with("results", ["one", "\ntwo", "\n\nlast", "", ""]),),
    ),
    Check(
        name="read-nothing",
        section=_STREAMS,
        rule="Without a body there is nothing to read, and nobody waits for any",
        test="TestInputAndErrors::test_no_body",
        request=get("/read"),
        right=(answers_with("results", ["", "", "", "", ""]),),
    ),
    Check(
        name="readline",
        section=_STREAMS,
        rule="`readline()`",
        test=_TEST,
        request=post("/lines?readline", _TEXT),
        right=(answers(["one\n", "two\n", "\n", "last"]),),
    ),
    Check(
        name="readline-size",
        section=_STREAMS,
        rule="`readline(size)` (optional)",
        test=_TEST,
        request=post("/lines?size", _TEXT),
        right=(answers(["on", "e\n", "tw"]),),
    ),
    Check(
        name="readlines",
        section=_STREAMS,
        rule="`readlines()`",
        test=_TEST,
        request=post("/lines?readlines", _TEXT),
        right=(answers([["one\n", "two\n", "\n", "last"], []]),),
    ),
    Check(
        name="readlines-hint",
        section=_STREAMS,
        rule="`readlines(hint)` gives whole lines, and loses none",
        test=_TEST,
        request=post("/lines?hint", _TEXT),
        right=(hinted,),
    ),
    Check(
        name="iterate",
        section=_STREAMS,
        rule="Iteration over the lines",
        test=_TEST,
        request=post("/lines?iterate", _TEXT),
        right=(answers([["one\n", "two\n", "\n", "last"], []]),),
    ),
    Check(
        name="chunked",
        section=_STREAMS,
        rule="A chunked request body can be read to its end",
        test="TestInputAndErrors::test_upload",
        request=request("POST", "/upload", "Transfer-Encoding: chunked", body=_CHUNKS),
        right=(answers(len(_TEXT)),),
    ),
    Check(
        name="input-terminated",
        section=_STREAMS,
        rule="A chunked body is announced: by `wsgi.input_terminated` (an extension), or CONTENT_LENGTH",
        test="TestInputAndErrors::test_upload",
        request=request("POST", "/read", "Transfer-Encoding: chunked", body=_CHUNKS),
        right=(tells_the_end, terminated),
    ),
    Check(
        name="upload-memory",
        section=_STREAMS,
        rule="An upload of 64 MiB arrives, and memory grows by less than 32 MiB",
        test="TestInputAndErrors::test_large_upload",
        request=request("POST", "/upload", f"Content-Length: {UPLOAD}"),
        right=(answers(UPLOAD), memory),
        play=upload,
        alone=True,
    ),
    Check(
        name="errors",
        section=_STREAMS,
        rule="`wsgi.errors` takes text, and it ends in what the server writes",
        test="TestInputAndErrors::test_errors",
        request=get("/errors"),
        right=(answers("written"), written("matrix: written", "matrix: first", "matrix: zw\u00f6lf")),
        play=ask_until_written,
    ),
)
