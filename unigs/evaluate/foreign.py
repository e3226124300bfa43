"""What is known of another system's render: where it shows the clip, and what does not count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from unigs.evaluate.records import PORTRAIT, Record
from unigs.stage.errors import UserError
from unigs.stage.files import read_json

NO_SHUFFLED = "another system rendered it, and nothing with the wrong speech"
"""Why figures of the wrong speech are empty."""


@dataclass(frozen=True)
class Foreign:
    """Content of a placement, as place_render wrote it."""

    content: dict
    """All of it, for the figures."""
    box: tuple[int, int, int, int]
    """The part of the clip's frames that the render shows: x, y, width, height, px."""
    invalid: tuple[str, ...] = ()
    """Metrics that mean nothing for this system."""
    pasted: bool = False
    """Whether the system shows pixels of the true frames."""

    @classmethod
    def read(cls, path: Path) -> Foreign:
        """Read a placement.

        Raises:
            UserError: the file is missing or damaged.
        """
        content = read_json(path)
        try:
            x, y, width, height = (int(value) for value in content["box"])
            invalid, pasted = tuple(content["invalid"]), bool(content["pasted"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is no placement ({error}): run place_render.") from None
        return cls(content, (x, y, width, height), invalid, pasted)

    def valid(self, records: list[Record]) -> list[Record]:
        """The records, those of invalid metrics without their value.

        Args:
            records: figures of the render and of the truth.
        """
        reason = "set as invalid for this system (renders.*.invalid)"
        found = []
        for record in records:
            if record.method == PORTRAIT and self._is_invalid(record.metric):
                record = record.labeled(value=None, reason=reason)
            elif any(word in record.metric for word in ("_shuffled", "_gain")):
                record = record.labeled(value=None, reason=NO_SHUFFLED)
            found.append(record)
        return found

    def valid_columns(self, frames: pd.DataFrame) -> pd.DataFrame:
        """The figures per frame, those of invalid metrics empty.

        Args:
            frames: figures per test frame.
        """
        empty = {name: np.nan for name in frames if self._is_invalid(name)}
        return frames.assign(**empty)

    def _is_invalid(self, name: str) -> bool:
        return any(name == metric or name.startswith(f"{metric}_") for metric in self.invalid)
