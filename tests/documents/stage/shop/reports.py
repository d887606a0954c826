def app(environ, start_response):
    """Report that there is nothing to report."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"nothing\n"]
