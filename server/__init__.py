"""How bytes become requests: listeners, connections, protocols, limits and shutdown."""
