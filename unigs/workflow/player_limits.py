"""What the player in a page can draw, and so which portraits get a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = 128
"""Largest width of the deformation network (`dynamic.hidden`): its second layer is a block of
uniforms, for which graphics devices have 64 KiB."""
SH_DEGREE = 1
"""Largest degree of colors (`static.sh_degree`)."""


def has_page(static: Mapping[str, Any], dynamic: Mapping[str, Any]) -> bool:
    """Whether a page can play a portrait of some settings.

    Args:
        static: section `static`.
        dynamic: section `dynamic`.
    """
    plain = static["fields"] == "one" and static["sh_degree"] <= SH_DEGREE
    return plain and dynamic["hidden"] <= HIDDEN
