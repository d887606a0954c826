"""What a server with an access log uses instead of the plain kinds of exchanges, WebSockets and tunnels.

A server without one uses the plain kinds, which know nothing of all this: no request there pays for a clock
or a count that nobody looks at.
"""
