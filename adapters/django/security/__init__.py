"""The names of ``channels.security``."""
