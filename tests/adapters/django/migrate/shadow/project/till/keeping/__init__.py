"""A database that rolls nothing back."""
