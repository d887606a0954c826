"""The same questions about PEP 3333 put to WSGI servers, and the table of their answers in docs/wsgi.md."""
