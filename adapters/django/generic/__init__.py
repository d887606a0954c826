"""The names of ``channels.generic``."""
