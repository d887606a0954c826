"""``hybrid migrate plan``: from what is known of a project to lanes and ordered steps.

``inputs.py`` reads the files of other commands, ``observed.py`` and ``compared.py`` say what is in them.
``known.py`` has all of it together, ``views.py`` what that means for each view, and ``lanes.py`` where each
one runs. The modules of ``stages/`` make the steps, ``plan.py`` puts them in order, and ``written/`` has a
module for each format.
"""
