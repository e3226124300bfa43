"""Text that commands print for people."""

from __future__ import annotations

import textwrap

WIDTH = 100
"""Columns of the printed text."""


def finding_text(mark: str, words: str, remedy: str) -> str:
    """Something that was looked at, lines joined by line breaks, its mark in front.

    Args:
        mark: how it was found to be, in a word.
        words: what was found, without a full stop.
        remedy: what to do about it; empty: nothing.
    """
    head, told = f"{mark:5} ", f"{words}." + (f" To do: {remedy}." if remedy else "")
    return textwrap.fill(
        told,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
