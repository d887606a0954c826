"""Changes to a project's source that put right what an audit finds: ``hybrid migrate fix``.

A codemod, in ``codemods/``, is asked for one finding at a time. It looks at the syntax tree that the rules
look at, and notes edits of the same nodes in the tree of libcst. All edits of a file are done together, so
no line moves in between.

From the bottom: :mod:`.original` is a file as it was read; :mod:`.edits` are changes to it; :mod:`.draft` is
what a codemod works on; :mod:`.runner` puts together what comes of all of them.
"""
