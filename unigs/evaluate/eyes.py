"""Do the eyes blink with the truth? Eye opening and action units of the render."""

import numpy as np

from unigs.evaluate.mouth import correlation, spread_ratio
from unigs.evaluate.records import PORTRAIT, Record, measured
from unigs.face.action_units import action_units
from unigs.face.mesh import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS
from unigs.subject.features import ACTION_UNITS

RIGHT_EYE = (159, 145, *RIGHT_EYE_CORNERS)
"""Upper lid, lower lid (both at the middle), outer and inner corner of the right eye."""

LEFT_EYE = (386, 374, *LEFT_EYE_CORNERS)
"""Upper lid, lower lid (both at the middle), outer and inner corner of the left eye."""

AU_BACKEND = "unigs.face.action_units, calibrated on the clip"
"""What measures action units, for the records."""


def eye_opening(points: np.ndarray) -> np.ndarray:
    """Lid distance over eye width, mean of both eyes.

    Args:
        points: landmarks [T,478,2|3], px; NaN where no face was found.

    Returns:
        float [T], without unit; NaN where no face was found.
    """
    ratios = []
    for upper, lower, outer, inner in (RIGHT_EYE, LEFT_EYE):
        lids = np.linalg.norm(points[:, upper, :2] - points[:, lower, :2], axis=1)
        width = np.linalg.norm(points[:, outer, :2] - points[:, inner, :2], axis=1)
        ratios.append(lids / width)
    return np.mean(ratios, axis=0)


def eye_records(
    truth: np.ndarray, render: np.ndarray, backend: str, method: str = PORTRAIT
) -> list[Record]:
    """Correlation and spread of the eye opening.

    Args:
        truth: landmarks of the true test frames, [n,478,3], px.
        render: landmarks of the rendered test frames, [n,478,3], px.
        backend: the landmark detector.
        method: what was rendered.
    """
    opened, opened_too = eye_opening(truth), eye_opening(render)
    frames = int((np.isfinite(opened) & np.isfinite(opened_too)).sum())
    labels = {"region": "eyes", "frames": frames, "backend": backend, "method": method}
    flat = "the eye opening is constant, or fewer than 3 test frames show a face"
    how = "lid distance / eye width, mean of both eyes"
    return [
        measured(
            "eye_correlation",
            correlation(opened, opened_too),
            flat,
            how=f"Pearson, {how}",
            **labels,
        ),
        measured(
            "eye_spread",
            spread_ratio(opened, opened_too),
            flat,
            unit="of the truth's",
            how=f"standard deviation, render / truth, {how}",
            **labels,
        ),
    ]


def units_of_render(
    clip: np.ndarray, test: np.ndarray, render: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Action units of the true and the rendered test frames, on one scale.

    Units are relative to the person's usual face and strongest movement. Measured on its own, a
    render that hardly blinks would be stretched until it does; so it is measured behind the whole
    clip, whose frames alone set the scale. The truth is the same beside every render. Every run of
    test frames is smoothed by itself, in truth and render.

    Args:
        clip: landmarks of all true frames [T,478,3]; NaN without a face.
        test: indices of the test frames [n].
        render: landmarks of the rendered test frames [n,478,3].

    Returns:
        units [n,6] of truth and of render; NaN without a face.
    """
    other = np.zeros(len(clip), bool)
    other[test] = True
    parts = np.cumsum(np.diff(other, prepend=other[:1]))
    behind = parts[test] + parts[-1] + 1
    frames, rows = np.concatenate([clip, render]), len(clip) + np.arange(len(render))
    truth = action_units(clip, parts=parts)
    usable = np.arange(len(frames)) < len(clip)
    mine = action_units(frames, usable=usable, parts=np.concatenate([parts, behind]))
    real, rendered = (
        np.stack([units[name][chosen] for name in ACTION_UNITS], axis=1)
        for units, chosen in ((truth, test), (mine, rows))
    )
    return real, rendered


def au_records(
    truth: np.ndarray, render: np.ndarray, backend: str, method: str = PORTRAIT
) -> list[Record]:
    """Mean absolute error per action unit, and their mean.

    Args:
        truth: units of the true test frames (`ACTION_UNITS`), [n,6], 0-5; NaN = no face.
        render: units of the rendered test frames, [n,6].
        backend: what measured both.
        method: what was rendered.
    """
    valid = np.isfinite(truth).all(axis=1) & np.isfinite(render).all(axis=1)
    labels = {
        "region": "eyes",
        "frames": int(valid.sum()),
        "backend": backend,
        "method": method,
        "unit": "on the 0-5 scale",
        "how": "mean absolute error of the unit's intensity",
    }
    missing = "no test frame in which a face was found in both truth and render"
    error = np.abs(truth - render)[valid]
    records = [
        measured(f"au_error_{name}", error[:, k].mean() if valid.any() else None, missing, **labels)
        for k, name in enumerate(ACTION_UNITS)
    ]
    total = error.mean() if valid.any() else None
    return [measured("au_error", total, missing, **labels), *records]
