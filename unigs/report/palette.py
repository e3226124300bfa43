"""The colors of all figures: read on a light page and on a dark one."""

INK = "#808790"
"""Text, axes, and what serves as the measure of the rest."""

GRID = f"{INK}40"
"""Grid lines: the ink, three quarters transparent."""

BLUE, ORANGE, GREEN, RED, VIOLET, OCHER, SLATE = (
    "#3f7fd6", "#e0862d", "#3ca06a", "#d2555a", "#8d6cc9", "#b9a13a", "#5d646e",
)  # fmt: skip
"""Colors of curves and bars."""
