"""Fitting into other people's software, which is imported only when asked for."""
