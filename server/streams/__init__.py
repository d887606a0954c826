"""Streams of a connection that carries many: what makes each of them look like a connection of its own."""
