"""The applications every server is measured with; they import nothing from hybrid."""
