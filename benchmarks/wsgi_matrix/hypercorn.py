"""Hypercorn's configuration: settings that its command line has no options for."""

#: As much as the largest upload; Hypercorn refuses more than 16 MiB unless it is told so.
wsgi_max_body_size = 1 << 30
