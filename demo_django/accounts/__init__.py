"""Signing up; signing in and out are Django's own views."""
