"""What importing a Flask application shows. Runs in the process that has imported it."""
