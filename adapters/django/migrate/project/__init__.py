"""What is known of a project by importing it, in a process of its own."""
