"""Guards of a training: it stops at numbers that no portrait has, and says which."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import torch

from unigs.model.portrait import Portrait
from unigs.render.spec import MIN_ALPHA
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.subject.labels import FACE, MOUTH

FEWEST_GAUSSIANS = 50
"""Number of visible Gaussians below which a field counts as empty."""
WINDOW = 50
"""Steps over which the loss is averaged before it is judged."""
FAR = 4.0
"""Factor over the least loss so far beyond which a training has gone astray."""
PATIENCE = 4
"""Windows in a row that have gone astray before the training stops."""

LARGEST_SCALE, FARTHEST = 1.0, 5.0
"""Meters beyond which a Gaussian's size, and its distance from the head, belong to no person."""
SCATTERED = 0.1
"""Share of the visible Gaussians beyond these limits at which a field counts as exploded."""
FAINTEST_FACE = 0.2
"""Mean opacity over the pixels of the face below which a portrait counts as faceless: a random
start has more, a trained field about 1."""
FACE_FROM = 1000
"""Step from which on a field must show a face."""


class Guard:
    """Watches the loss, the parameters and the size of a field in training.

    On a CPU each step's loss terms are read at once. From a GPU they are read once in a window,
    since reading a number makes it wait.

    Args:
        stage: name of the stage, for messages.
        portrait: portrait in training.
        settings: settings of the stage; the messages name its learning rates.
    """

    def __init__(self, stage: str, portrait: Portrait, settings: object) -> None:
        self.stage, self.portrait = stage, portrait
        rates = {k: v for k, v in asdict(settings).items() if "lr" in k.split("_")}
        rates = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        self.hint = f"lower the learning rates ({rates}), or look at the inputs"
        self.unread: list[tuple[int, dict[str, torch.Tensor]]] = []
        self.names: list[str] = []
        self.least, self.total, self.summed, self.astray = math.inf, 0.0, 0, 0

    def see(self, step: int, terms: dict[str, torch.Tensor]) -> None:
        """Judge a finished step by its loss terms.

        Raises:
            UserError: a term is not finite, the loss has been far above its least value for long,
                or hardly any Gaussian is left.
        """
        self.unread.append((step, terms))
        fewest = min(len(layer.gaussians) for layer in self.portrait.layers)
        if fewest < FEWEST_GAUSSIANS:
            raise self._empty(step, fewest)
        if self.portrait.device.type == "cpu" or len(self.unread) == WINDOW:
            self._read()

    def check(self, step: int) -> None:
        """Judge all that was trained so far: before a checkpoint, a row of the curve, the result.

        Raises:
            UserError: as of `see`, a parameter is not finite, or the Gaussians have flown apart.
        """
        self._read()
        for name, value in self.portrait.named_parameters():
            if not torch.isfinite(value).all():
                raise self._stop(step, f"{name} holds numbers that are not finite")
        opacities = [x.gaussians.activated_opacities() for x in self.portrait.layers]
        visible = min(int((x > MIN_ALPHA).sum()) for x in opacities)
        if visible < FEWEST_GAUSSIANS:
            raise self._empty(step, visible)
        scattered = max(map(_scattered, self.portrait.layers, opacities))
        if scattered > SCATTERED:
            raise self._stop(
                step,
                f"the field has exploded ({scattered:.0%} of its Gaussians are larger than "
                f"{LARGEST_SCALE:g} m, or more than {FARTHEST:g} m away)",
            )

    def show_face(self, step: int, views: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Judge whether the portrait shows a face where the clip does.

        Args:
            step: number of steps done.
            views: opacity [H,W,1] and labels [H,W] of some frames.

        Raises:
            UserError: it does not.
        """
        shown = torch.cat([alpha[(x == FACE) | (x == MOUTH)].flatten() for alpha, x in views])
        if len(shown) and float(shown.mean()) < FAINTEST_FACE:
            raise UserError(
                f"the {self.stage} stage stopped at step {step}: the field shows no face (its "
                f"opacity there is {float(shown.mean()):.2f} on average): look at the poses and "
                "regions of the clip (figures/sheet.png), train longer (iterations), or "
                f"{self.hint}."
            )

    def finish(self, step: int) -> None:
        """Judge the result.

        Raises:
            UserError: as of `check`, or the loss ends far above its least value.
        """
        self.check(step)
        if self.astray:
            raise self._diverged(step)

    def state(self) -> dict:
        """What the judgement of the next steps needs."""
        self._read()
        return {
            "names": self.names,
            "least": self.least,
            "total": self.total,
            "summed": self.summed,
            "astray": self.astray,
        }

    def load_state(self, state: dict) -> None:
        """Restore a state from `state`."""
        self.names, self.least, self.total = state["names"], state["least"], state["total"]
        self.summed, self.astray = state["summed"], state["astray"]

    def _read(self) -> None:
        unread, self.unread = self.unread, []
        for step, terms in unread:
            values = dict(zip(terms, torch.stack(list(terms.values())).tolist(), strict=True))
            for name, value in values.items():
                if not math.isfinite(value):
                    raise self._stop(step, f"the loss term {name} is {value}")
            if not self.names:  # terms that join later would look like a rise
                self.names, self.least = list(values), sum(values.values())
            self.total += sum(values[name] for name in self.names)
            self.summed += 1
            if self.summed == WINDOW:
                self._judge(step)

    def _judge(self, step: int) -> None:
        mean, self.total, self.summed = self.total / WINDOW, 0.0, 0
        self.astray = self.astray + 1 if mean > FAR * self.least else 0
        self.least = min(self.least, mean)
        if self.astray == PATIENCE:
            raise self._diverged(step)

    def _diverged(self, step: int) -> UserError:
        return self._stop(step, f"the loss is more than {FAR:g} times its least value")

    def _empty(self, step: int, count: int) -> UserError:
        return UserError(
            f"the {self.stage} stage stopped at step {step}: {count} visible Gaussians are left, "
            f"too few for a portrait: prune less (prune_opacity, prune_size), or {self.hint}."
        )

    def _stop(self, step: int, what: str) -> UserError:
        return UserError(f"the {self.stage} stage stopped at step {step}: {what}: {self.hint}.")


def _scattered(layer: Portrait, opacity: torch.Tensor) -> float:
    """Share of a layer's visible Gaussians whose size or place belongs to no person."""
    field, seen = layer.gaussians, opacity > MIN_ALPHA
    large = field.activated_scales()[seen].amax(1) > LARGEST_SCALE
    return float((large | (field.means[seen].norm(dim=1) > FARTHEST)).float().mean())


def refuse_unknown(dataset: Dataset) -> None:
    """Stop before training if a frame that the frame table keeps has no numbers to train with.

    Raises:
        UserError: it names the file and the frame.
    """
    files, kept = dataset.files, np.sort(np.concatenate([dataset.train, dataset.test]))
    seen = dataset.performance[kept]
    inputs = [(files.pose, seen.head.R), (files.pose, seen.head.t), (files.body, seen.outline)]
    inputs += [(files.eyes, seen.eyes), (files.speech, seen.speech)]
    if seen.torso is not None:
        inputs += [(files.body, seen.torso.R), (files.body, seen.torso.t)]
    for path, rows in inputs:
        if rows is None:
            continue
        unknown = ~np.isfinite(rows.reshape(len(kept), -1)).all(1)
        if unknown.any():
            raise UserError(
                f"{path} holds numbers that are not finite in frame {kept[unknown][0]}, which "
                f"{files.frame_table} keeps: make both anew."
            )
