"""Looking at the requests of a running server: recording them, and trying them again."""
