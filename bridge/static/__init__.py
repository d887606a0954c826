"""Files of a directory as an ASGI application: what a name means, what is sent of it, and how."""
