"""WebSockets for Flask applications: routes, sessions and groups."""
