"""Audits of Django projects as they are published, and what was judged of their findings."""
