"""The table of checks, in the order of PEP 3333."""

from benchmarks.wsgi_matrix.checks import delivery, environ, responses, streams

CHECKS = (*environ.CHECKS, *streams.CHECKS, *responses.CHECKS, *delivery.CHECKS)
