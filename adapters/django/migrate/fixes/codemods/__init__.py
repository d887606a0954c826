"""The codemods, a module for each; loading one registers it. Docstrings say what each leaves alone."""
