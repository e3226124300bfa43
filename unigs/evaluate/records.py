"""One figure, with everything that has to be said about it.

`metrics.json` holds a flat list of such records: a figure without its region, back-end and device
cannot be written, and a metric that cannot be computed is a record without value but with a reason.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from unigs.stage.files import write_json

FULL = "full"
"""Region of a figure that is taken over the whole frame."""

PORTRAIT, SHUFFLED, STATIC = "portrait", "shuffled", "static"
"""Methods that are rendered: the portrait, the portrait with shuffled speech, its static model."""

NEAREST, MEAN = "nearest_pose", "mean_frame"
"""Methods that show pictures of the training part: the nearest frame by pose, the mean frame."""

TRUTH = "truth"
"""The true frames themselves, for figures that the truth has, too (flicker)."""


@dataclass(frozen=True)
class Record:
    """A measured figure (`value`), or the `reason` why there is none."""

    metric: str
    """Name of what was measured: psnr, lmd_256, fps, ..."""
    value: float | None
    unit: str = ""
    region: str = FULL
    """full, person, head, face, hair, torso, mouth, band, eyes."""
    method: str = PORTRAIT
    """What was judged: one of the methods above, or the truth."""
    frames: int = 0
    """Number of frames that entered the figure."""
    backend: str = ""
    """The implementation or network that measured."""
    device: str = ""
    """The device that measured."""
    how: str = ""
    """Definition in a few words."""
    reason: str | None = None
    """Why the value is empty."""
    low: float | None = None
    """Lower end of the 95 % interval over the frames; None where there is none."""
    high: float | None = None
    """Upper end of that interval."""

    def __post_init__(self) -> None:
        """Refuse a silent gap: exactly one of value and reason is given.

        Raises:
            ValueError: a value that is not finite, or value and reason both given or both missing.
        """
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.metric}/{self.region}: {self.value} is not a figure")
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"{self.metric}/{self.region}: give either a value or a reason")

    def labeled(self, **changes: object) -> "Record":
        """The same record for another method or device, or without its value and with a reason."""
        return replace(self, **changes)


def measured(metric: str, value: float | None, missing: str, **fields: object) -> Record:
    """A record of a value, or an empty record where there is none.

    Args:
        metric: name of what was measured.
        value: the figure; None or not finite where it could not be measured.
        missing: the reason that an empty record gives.
        **fields: further fields of the record.
    """
    if value is None or not math.isfinite(value):
        return Record(metric, None, reason=missing, **fields)
    return Record(metric, float(value), **fields)


def to_json(records: list[Record]) -> list[dict]:
    """Records as plain dictionaries, values rounded to 6 significant digits."""
    rows = []
    for record in records:
        row = asdict(record)
        for name in ("value", "low", "high"):
            if row[name] is not None:
                row[name] = float(f"{row[name]:.6g}")
        if row["low"] is None:
            del row["low"], row["high"]
        rows.append(row)
    return rows


def write_records(path: Path, records: list[Record], device: str) -> None:
    """Write records that one device measured, and nothing else, as `metrics` of a JSON file.

    Args:
        path: file to write (.json).
        records: the figures; what they say of a device is replaced.
        device: name of the device that measured.
    """
    write_json(path, {"metrics": to_json([record.labeled(device=device) for record in records])})


def has_figures(content: dict) -> bool:
    """Whether what was read of metrics.json or speed.json holds records.

    Args:
        content: of the file.
    """
    rows = content.get("metrics")
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and {"metric", "region", "method", "value", "reason"} <= row.keys()
        and isinstance(row["value"], int | float | None)
        for row in rows
    )


def find(rows: list[dict], metric: str, region: str = FULL, method: str = PORTRAIT) -> dict | None:
    """The row of `metrics.json` for a figure.

    Args:
        rows: content of `metrics` in the file.
        metric: name of what was measured.
        region: where it was measured.
        method: what was judged.

    Returns:
        the row, or None where none was written.
    """
    for row in rows:
        if (row["metric"], row["region"], row["method"]) == (metric, region, method):
            return row
    return None
