"""A project with Channels, by its documentation. Tests serve it as it is, and with other imports alone."""
