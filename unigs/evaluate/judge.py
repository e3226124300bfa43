"""The judge: sees every test frame once, with the pictures of all methods, and keeps figures."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unigs.evaluate.eyes import (
    ACTION_UNITS,
    AU_BACKEND,
    au_records,
    eye_opening,
    eye_records,
    units_of_render,
)
from unigs.evaluate.faces import FaceReader
from unigs.evaluate.flicker import Flicker
from unigs.evaluate.image import ImageScores
from unigs.evaluate.interval import Key, Statistic
from unigs.evaluate.lip_networks import LipNetworks, Places
from unigs.evaluate.mouth import (
    POINTS68,
    landmark_distance,
    mouth_opening,
    mouth_records,
    voice_records,
)
from unigs.evaluate.perceptual import LpipsScores
from unigs.evaluate.records import (
    MEAN,
    NEAREST,
    PORTRAIT,
    SHUFFLED,
    STATIC,
    TRUTH,
    Record,
)
from unigs.evaluate.sharpness import Sharpness, fine_power
from unigs.evaluate.split import Split
from unigs.evaluate.statistics import eye_statistics, mouth_statistics
from unigs.face.detectors import Detectors
from unigs.settings.evaluate import ScoreSettings

WITH_FACES = (PORTRAIT, SHUFFLED, STATIC)
"""Methods in whose frames the face is searched; of the nearest frame the landmarks are known."""


@dataclass(frozen=True)
class Truth:
    """What is known of the true frames."""

    clip: np.ndarray
    """Landmarks of all frames of the clip [T,478,3], px; NaN without a face."""
    test: np.ndarray
    """Indices of the test frames [n]."""
    backend: str
    """Landmark detector."""
    nearest: np.ndarray | None = None
    """Landmarks [n,478,3] of the nearest training frames, where that baseline is judged."""

    @property
    def points(self) -> np.ndarray:
        """Landmarks of the true test frames [n,478,3]."""
        return self.clip[self.test]


@dataclass
class Judge:
    """Collects the figures of all methods, frame by frame."""

    images: dict[str, ImageScores]
    sharpness: dict[str, Sharpness]
    flicker: dict[str, Flicker]
    faces: dict[str, FaceReader]
    perceptual: LpipsScores
    lips: LipNetworks

    @classmethod
    def build(
        cls,
        settings: ScoreSettings,
        device: str,
        methods: Iterable[str],
        stack: contextlib.ExitStack,
        truth: Truth,
        detectors: Detectors,
        size: int,
    ) -> "Judge":
        """Set up a judge.

        Args:
            settings: fields of the section `evaluate` that say how frames are compared.
            device: where networks run, "cpu" or "cuda".
            methods: the methods to judge.
            stack: closes the face detectors.
            truth: what is known of the true frames.
            detectors: the carrier that finds the face in the methods' pictures.
            size: width of the clip's frames, px.
        """
        methods = list(methods)
        pictured = [name for name in methods if name != SHUFFLED]
        moving = [TRUTH, *(name for name in pictured if name not in (NEAREST, MEAN))]
        searched = [name for name in WITH_FACES if name in methods]
        return cls(
            images={name: ImageScores() for name in pictured},
            sharpness={name: Sharpness() for name in pictured},
            flicker={name: Flicker() for name in moving},
            faces={name: stack.enter_context(FaceReader(detectors)) for name in searched},
            perceptual=LpipsScores(settings.lpips_model, device, truth.points, size, pictured),
            lips=LipNetworks.build(settings, device, methods, Places(truth.points, truth.nearest)),
        )

    def add(
        self,
        real: np.ndarray,
        rendered: dict[str, np.ndarray],
        masks: dict[str, np.ndarray],
        follows: bool,
    ) -> None:
        """Judge one test frame.

        Args:
            real: the true frame, uint8 [H,W,3].
            rendered: method -> picture of that frame, uint8 [H,W,3].
            masks: region masks of the true frame, bool [H,W] each.
            follows: whether the frame continues the test frame before.
        """
        detail = fine_power(real)
        for name, scores in self.images.items():
            scores.add(real, rendered[name], masks)
            self.sharpness[name].add(detail, rendered[name], masks)
        for name, flicker in self.flicker.items():
            flicker.add(real if name == TRUTH else rendered[name], masks, follows)
        for name, reader in self.faces.items():
            reader.read(rendered[name])
        self.perceptual.add(real, rendered)
        self.lips.add(real, rendered)

    def records(
        self, truth: Truth, size: int, device: str, split: Split, samples: np.ndarray | None = None
    ) -> list[Record]:
        """All figures.

        Args:
            truth: what is known of the true frames.
            size: width of the frames, px.
            device: name of the device that measured, for each record.
            split: the clip's test frames.
            samples: the clip's sound, float [n] in [-1,1] at 16 kHz; None: sync is not judged.
        """
        found: list[Record] = []
        for name, scores in self.images.items():
            found += [record.labeled(method=name) for record in scores.records()]
            found += self.perceptual.records(name)
            found += self.sharpness[name].records(name)
        for name, flicker in self.flicker.items():
            found += flicker.records(name)
        points = self.points(truth)
        for name in (PORTRAIT, STATIC, NEAREST):
            if name in points:
                found += mouth_records(truth.points, points[name], size, truth.backend, name)
                found += eye_records(truth.points, points[name], truth.backend, name)
                units = units_of_render(truth.clip, truth.test, points[name])
                found += au_records(*units, AU_BACKEND, name)
        both = points[PORTRAIT], points.get(SHUFFLED, np.full_like(points[PORTRAIT], np.nan))
        found += voice_records(truth.points, *both, size, truth.backend)
        found += self.lips.mouth_records(size) + self.lips.sync_records(samples, split)
        return [record.labeled(device=device) for record in found]

    def statistics(self, truth: Truth, size: int) -> dict[Key, Statistic]:
        """How figures are taken of drawn frames, for their intervals.

        Args:
            truth: what is known of the true frames.
            size: width of the frames, px.
        """
        found = {
            (metric, region, name): statistic
            for parts in (self.images, self.sharpness, self.flicker)
            for name, part in parts.items()
            for (metric, region), statistic in part.statistics().items()
        }
        found |= self.perceptual.statistics()
        points = {TRUTH: truth.points, **self.points(truth)}
        found |= mouth_statistics(points, size) | eye_statistics(points)
        if second := self.lips.points68():
            found |= mouth_statistics(second, size, POINTS68)
        return found

    def points(self, truth: Truth) -> dict[str, np.ndarray]:
        """Landmarks [n,478,3] by method."""
        known = {} if truth.nearest is None else {NEAREST: truth.nearest}
        return {name: reader.points() for name, reader in self.faces.items()} | known

    def table(self, truth: Truth, split: Split) -> pd.DataFrame:
        """One row per test frame: the portrait's figures, the baselines' PSNR, the curves."""
        columns = {"frame": split.test, "time": split.time}
        own = self.images[PORTRAIT].rows
        columns |= {key: [row[key] for row in own] for key in own[0]}
        columns |= self.sharpness[PORTRAIT].rows()
        for name, scores in self.images.items():
            if name != PORTRAIT:
                columns[f"psnr_full_{name}"] = [row["psnr_full"] for row in scores.rows]
        columns |= self.perceptual.columns(PORTRAIT)
        points = self.points(truth)
        columns["lmd"] = landmark_distance(truth.points, points[PORTRAIT])
        if SHUFFLED in points:
            columns["lmd_shuffled"] = landmark_distance(truth.points, points[SHUFFLED])
        for name, marks in {TRUTH: truth.points, **points}.items():
            columns[f"opening_{name}"] = mouth_opening(marks)
            columns[f"eye_{name}"] = eye_opening(marks)
        second = self.lips.points68()
        if second:
            own = landmark_distance(second[TRUTH], second[PORTRAIT], POINTS68)
            columns["lmd_68"] = own
        for name, marks in second.items():
            columns[f"opening_68_{name}"] = mouth_opening(marks, POINTS68)
        real, rendered = units_of_render(truth.clip, truth.test, points[PORTRAIT])
        for index, name in enumerate(ACTION_UNITS):
            columns[f"{name}_truth"], columns[f"{name}_portrait"] = (
                real[:, index],
                rendered[:, index],
            )
        return pd.DataFrame(columns)
