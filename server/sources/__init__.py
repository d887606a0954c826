"""Where settings come from: the command line, the environment, and files."""
