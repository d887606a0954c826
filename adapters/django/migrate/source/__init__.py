"""Reading a project's Python without importing it."""
