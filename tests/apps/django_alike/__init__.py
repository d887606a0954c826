"""A Django project whose requests are sent to several servers, to see that they mean the same."""
