"""A ticket desk in Django that began under gunicorn: the README tells how it came here, step by step."""
