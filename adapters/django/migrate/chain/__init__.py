"""The chain of middleware as WSGI and ASGI build it, hop by hop, without building it."""
