"""Where the person is: MediaPipe's selfie masks, sharpened by what the background looks like."""

from __future__ import annotations

import cv2
import numpy as np

from unigs.prepare.mediapipe_models import _Detector, _quiet, _solutions


class PersonMask(_Detector):
    """Probability that a pixel shows the person: the mean of MediaPipe's two selfie models."""

    def __init__(self) -> None:
        with _quiet():
            solution = _solutions().selfie_segmentation.SelfieSegmentation
            super().__init__(solution(model_selection=0))
            self._second = solution(model_selection=1)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._second.close()

    def find(self, image: np.ndarray) -> np.ndarray:
        """Probabilities float32 [H,W] for uint8 RGB [H,W,3]."""
        with _quiet():
            masks = [
                graph.process(image).segmentation_mask for graph in (self._graph, self._second)
            ]
        return np.clip(np.mean(masks, axis=0, dtype=np.float32), 0, 1)


class Background:
    """Says how well a pixel fits the plate, where the plate was seen.

    Args:
        plate: uint8 [H,W,3]. hole: bool [H,W]. noise: deviation over time [H,W] in grey levels.
    """

    def __init__(self, plate: np.ndarray, hole: np.ndarray, noise: np.ndarray) -> None:
        self.lab = cv2.cvtColor(plate, cv2.COLOR_RGB2LAB).astype(np.float32)
        self.hole = hole
        # Misplaced edges and coding add to the noise over time.
        texture = cv2.morphologyEx(self.lab, cv2.MORPH_GRADIENT, np.ones((3, 3))).mean(2)
        self.sigma = np.sqrt(4.0**2 + noise**2 + (0.3 * texture) ** 2)

    def sharpen(self, image: np.ndarray, person: np.ndarray) -> np.ndarray:
        """Person probability [H,W] with the plate's evidence added where the mask is unsure."""
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
        away = np.sqrt(sum(plane**2 for plane in cv2.split(lab - self.lab))) / self.sigma
        # Two deviations away nothing is said; evidence of either kind has a limit.
        evidence = np.clip(2 * (away**2 / 4 - 1), -2.0, 3.0)
        evidence[self.hole] = 0
        p = np.clip(person, 0.01, 0.99)
        logit = np.log(p / (1 - p)) + cv2.GaussianBlur(evidence, (0, 0), 1.0)
        return 1 / (1 + np.exp(-logit))
