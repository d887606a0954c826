"""What a running server has seen of its requests, told to people and programs: ``hybrid migrate observe``.

``asking.py`` asks the server, ``findings.py`` says which rules were seen to apply, ``report.py`` puts both
together with what is over a budget, ``text.py`` writes it for people; ``schema.json`` says what the JSON is.
What is seen, and how, is in :mod:`hybrid.adapters.django.lanes.observed`.
"""
