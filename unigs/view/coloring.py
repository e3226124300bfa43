"""By what the Gaussians are colored, and what the colors mean."""

from __future__ import annotations

import numpy as np

from unigs.view import colors
from unigs.view.field import Field, Shown

OWN, REGION, ANCHOR, DEFORMATION, MOVEMENT, OPACITY = (
    "own colors", "region", "anchor weight", "deformation", "movement", "opacity",
)  # fmt: skip
COLORINGS = {
    OWN: "",
    REGION: "The part of the person in whose pixels a Gaussian weighs most.",
    ANCHOR: "0 follows the head, 1 the torso.",
    DEFORMATION: "How far speech, eyes and pose move a Gaussian in this frame (eq. 6).",
    MOVEMENT: "How far a Gaussian is from its canonical place: eq. 6 and the anchor.",
    OPACITY: "Of this frame.",
}
"""Colorings, and what the panel says of each."""
STOPS = 8
"""Colors of the bar of a legend."""


def colors_of(name: str, shown: Shown, field: Field) -> np.ndarray:
    """RGB uint8 [N,3] of the Gaussians of a frame.

    Args:
        name: one of `COLORINGS`; by region only where the field has regions.
        shown: the Gaussians.
        field: their portrait.
    """
    if name == REGION:
        return colors.by_region(field.regions)
    if name == OWN:
        return colors.own(shown.colors)
    values = {
        ANCHOR: shown.anchor,
        OPACITY: shown.opacities,
        DEFORMATION: shown.deformation,
        MOVEMENT: shown.movement,
    }[name]
    return colors.by_number(values, 0, scale_of(name, field))


def scale_of(name: str, field: Field) -> float:
    """Number of the last color: meters of a movement, else 1."""
    return field.scale.get(name, 1.0)


def legend(name: str, scale: float) -> str:
    """HTML that says what the colors mean.

    Args:
        name: one of `COLORINGS`.
        scale: number of the last color, from `scale_of`.
    """
    small = '<div style="font-size:0.8em;padding:0 1em 0.5em;">{}</div>'
    if name == OWN:
        return ""
    if name == REGION:
        chips = " &nbsp; ".join(
            f'<span style="color:{_css(color)}">&#9632;</span>&nbsp;{region}'
            for region, color in zip(colors.REGION_NAMES, colors.REGION_COLORS, strict=True)
        )
        return small.format(f"{COLORINGS[name]}<br>{chips}")
    stops = colors.by_number(np.linspace(0, 1, STOPS), 0, 1)
    bar = (
        '<div style="height:0.7em;margin:0.3em 0;background:linear-gradient(to right,'
        f'{",".join(map(_css, stops))})"></div>'
    )
    high = f"{scale * 1000:.1f} mm" if name in (DEFORMATION, MOVEMENT) else f"{scale:g}"
    ends = f'<span style="float:right">{high}</span>0'
    return small.format(f"{COLORINGS[name]}{bar}{ends}")


def _css(color: np.ndarray) -> str:
    return "#" + "".join(f"{int(x):02x}" for x in color)
