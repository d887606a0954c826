"""Consumers: one object for each connection, one method for each kind of message.

The names and call signatures are those of Channels 4 (https://channels.readthedocs.io), and no Django is
needed. ``docs/consumers.md`` says what differs, and why. Import the classes from :mod:`hybrid.bridge`.
"""
