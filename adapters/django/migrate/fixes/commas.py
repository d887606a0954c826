"""One more item in a list over one line or many: the commas, and the comments that stay where they are."""

import libcst as cst

Comma = cst.Comma | cst.MaybeSentinel


def between(first: Comma, opening: cst.BaseParenthesizableWhitespace | None) -> cst.Comma:
    """Return the comma that stands between items, without comments.

    Args:
        first: that of the first item, where there are several.
        opening: what stands before the first item; used where there is but one.
    """
    if isinstance(first, cst.Comma):
        return first.with_changes(whitespace_after=_bare(first.whitespace_after))
    if isinstance(opening, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=_bare(opening))
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def no_longer_last(comma: Comma, between: cst.Comma) -> cst.Comma:
    """Return the comma of an item behind which another is put: a comment stays with it."""
    if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
        if isinstance(between.whitespace_after, cst.ParenthesizedWhitespace):
            line = comma.whitespace_after.first_line
            return between.with_changes(
                whitespace_after=between.whitespace_after.with_changes(first_line=line)
            )
    return between


def new_last(comma: Comma) -> Comma:
    """Return the comma of what comes behind the item that was the last."""
    if isinstance(comma, cst.Comma):
        return comma.with_changes(whitespace_after=_bare(comma.whitespace_after))
    return comma


def _bare(space: cst.BaseParenthesizableWhitespace) -> cst.BaseParenthesizableWhitespace:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    line = cst.TrailingWhitespace(newline=space.first_line.newline)
    return space.with_changes(first_line=line, empty_lines=[])
