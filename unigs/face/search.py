"""Looking for something that is rarely there: in every n-th frame, and in all frames around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


class Search:
    """Marks of the frames of a clip that show something; frames are given in order.

    What lasts `every` frames or more is met by one of the searches. From there frames are searched
    back to the search before, and on until `every` in a row show nothing. So the marks are those of
    a search in every frame, except for what is over in fewer frames and may be missed.

    Args:
        shows: tells of a frame uint8 [H,W,3] and its number whether it shows the thing.
        every: distance in frames between two searches as long as nothing is seen.
    """

    def __init__(self, shows: Callable[[np.ndarray, int], bool], every: int) -> None:
        self.shows, self.every = shows, every
        self.marks: list[bool] = []
        """Whether each frame so far shows it."""
        self._skipped: list[np.ndarray] = []  # frames since the last search
        self._wary = 0  # frames that are searched one by one

    def add(self, frame: np.ndarray) -> None:
        """Take the next frame."""
        number = len(self.marks)
        if number % self.every and not self._wary:
            self.marks.append(False)
            self._skipped.append(frame)
            return
        seen = self.shows(frame, number)
        self.marks.append(seen)
        if seen:
            # Backward, so that a detector that tracks goes on from where it just found it.
            for back, earlier in enumerate(reversed(self._skipped), start=1):
                self.marks[number - back] = self.shows(earlier, number - back)
        self._skipped.clear()
        self._wary = self.every if seen else max(0, self._wary - 1)
