"""The stages of a plan, a module each: what their steps are, for what is known of a project."""
