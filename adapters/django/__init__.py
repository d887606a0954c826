"""Django's users and sessions for the WebSockets of this package; Django is imported when it is used."""
