"""What looks for the rules of Flask applications, a module for each subject."""
