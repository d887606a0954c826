"""Placeholder while it is being written."""
def wants_websocket(request): return False
def upgrade(*a): raise NotImplementedError
