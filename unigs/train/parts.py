"""What each layer of a portrait is trained on: the whole person, or head and torso apart.

Systems that depend on segmentation (TalkingGaussian and its relatives) train a head under its mask
and lay it over a torso that was made elsewhere. Their twin here does so with all else equal, in two
ways. `static.fields: separate`: each layer sees whole frames in which the other part is the true
one, at its depth, so that the masks cut nothing. `masked`: each sees its part cut out, as in those
systems.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from unigs.model.portrait import Portrait, Rendering
from unigs.stage.errors import UserError
from unigs.subject.dataset import Dataset
from unigs.subject.labels import BACKGROUND, TORSO


@dataclass(frozen=True)
class Compared:
    """Two pictures that a loss compares, and masks."""

    image: torch.Tensor
    """Rendered [H,W,3]."""
    truth: torch.Tensor
    """What it should be [H,W,3]."""
    alpha: torch.Tensor
    """Rendered opacity [H,W,1]."""
    person: torch.Tensor
    """Where it should be opaque, bool [H,W]."""
    part: torch.Tensor | None = None
    """Where the regions and the eyes count, bool [H,W]; None: everywhere. Of a part that is cut out
    the truth is the plate elsewhere: there its regions would teach a hole."""


class Whole:
    """The one field: the frame as it is.

    Args:
        dataset: frames and regions.
        plate: background [H,W,3] on the dataset's device.
    """

    def __init__(self, dataset: Dataset, plate: torch.Tensor) -> None:
        self.dataset, self.plate = dataset, plate

    def backdrop(self, frame: int) -> torch.Tensor:
        """What lies behind the layer in a training frame [H,W,3]."""
        return self.plate

    def compared(self, rendering: Rendering, frame: int) -> Compared:
        """The layer over its backdrop beside what it should show."""
        data = self.dataset
        return Compared(rendering.image, data.image(frame), rendering.alpha, data.person(frame))


class Head(Whole):
    """Face, mouth and hair: the true torso lies behind them, so they learn to leave it free."""

    def backdrop(self, frame: int) -> torch.Tensor:
        """The frame's own torso over the plate."""
        torso = self.dataset.shows(frame, TORSO)
        return torch.where(torso[..., None], self.dataset.image(frame), self.plate)

    def compared(self, rendering: Rendering, frame: int) -> Compared:
        """The whole frame; opaque should be the person without the torso."""
        data = self.dataset
        head = data.person(frame) & ~data.shows(frame, TORSO)
        return Compared(rendering.image, data.image(frame), rendering.alpha, head)


class Torso(Whole):
    """The torso: the true head lies before it, and what the head hides is left open.

    The background is the plate's: what differs from it there, a shadow on the wall, is the head's
    to learn, since both would paint it twice.
    """

    def compared(self, rendering: Rendering, frame: int) -> Compared:
        """The frame's torso over the plate, with the true head before both."""
        data, image = self.dataset, self.dataset.image(frame)
        torso, background = data.shows(frame, TORSO), data.shows(frame, BACKGROUND)
        hidden = ~(torso | background)[..., None]
        truth = torch.where(background[..., None], self.plate, image)
        return Compared(
            torch.where(hidden, truth, rendering.image),
            truth,
            torch.where(hidden, 0.0, rendering.alpha),
            torso,
        )


class CutHead(Whole):
    """Face, mouth and hair cut out: elsewhere the plate is the truth."""

    def own(self, frame: int) -> torch.Tensor:
        """Mask of the part, bool [H,W]."""
        return self.dataset.person(frame) & ~self.dataset.shows(frame, TORSO)

    def compared(self, rendering: Rendering, frame: int) -> Compared:
        """The part over the plate, as its mask cuts it out."""
        own = self.own(frame)
        truth = torch.where(own[..., None], self.dataset.image(frame), self.plate)
        return Compared(rendering.image, truth, rendering.alpha, own, part=own)


class CutTorso(CutHead):
    """The torso cut out, with a hole where the head hides it."""

    def own(self, frame: int) -> torch.Tensor:
        """Mask of the part, bool [H,W]."""
        return self.dataset.shows(frame, TORSO)


KINDS = {"one": (Whole,), "separate": (Head, Torso), "masked": (CutHead, CutTorso)}
"""What the layers are trained on, front to back, by `static.fields`."""


def parts_of(portrait: Portrait, dataset: Dataset, fields: str) -> list[Whole]:
    """What the layers of a portrait are trained on, front to back.

    Args:
        portrait: the portrait, for its plate.
        dataset: frames and regions.
        fields: what `static.fields` says.

    Raises:
        UserError: the portrait has another number of layers.
    """
    if len(portrait.layers) != len(KINDS[fields]):
        raise UserError(
            f"the static portrait has {len(portrait.layers)} layers, but its settings say that its "
            f"fields are {fields}: train the static stage again."
        )
    return [kind(dataset, portrait.plate_image) for kind in KINDS[fields]]
