"""Where the requests come from: recordings, what browsers and servers write, the routes of a project."""
