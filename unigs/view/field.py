"""A portrait in the frames of its clip: the render, and its Gaussians as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch.nn.functional import normalize

from unigs.compute.device import pick_device
from unigs.model.portrait import Portrait, PosedField
from unigs.model.storage import load_portrait
from unigs.playback.cues import Cue, cues
from unigs.playback.play import HEARD_AT_ONCE, Playback
from unigs.playback.regions import regions_of
from unigs.playback.torch_player import TorchPlayer
from unigs.stage.errors import UserError
from unigs.subject.labels import TORSO
from unigs.subject.performance import Performance
from unigs.view.clip import Clip
from unigs.view.conditions import Control, changed, controls_of, numbers_of

SAMPLES = 12
"""Frames, evenly spaced, by which the scale of colors is chosen."""
SCALE_QUANTILE = 0.995
"""Share of the Gaussians that move by less than the end of the scale."""
MOVEMENTS = ("deformation", "movement")
"""Numbers of a Gaussian in meters."""


@dataclass(frozen=True)
class Shown:
    """The Gaussians of a frame, of all layers, in the head's frame (x right, y down, z away)."""

    centers: np.ndarray
    """[N,3], meters."""
    quats: np.ndarray
    """Rotations wxyz of unit length [N,4]."""
    scales: np.ndarray
    """Standard deviations along the axes [N,3], meters."""
    opacities: np.ndarray
    """[N] in [0,1]."""
    colors: np.ndarray
    """As the frame's camera sees them [N,3], not limited to 1."""
    anchor: np.ndarray
    """Weight of the torso's frame [N]: 0 follows the head, 1 the torso."""
    deformation: np.ndarray
    """How far eq. 6 moves the center [N], meters: by speech, eyes and pose."""
    movement: np.ndarray
    """How far the center is from its canonical place [N], meters: eq. 6 and the anchor."""


def part_of(shown: Shown, visible: np.ndarray) -> Shown:
    """Some of the Gaussians, by a mask [N]."""
    if visible.all():
        return shown
    return Shown(*(getattr(shown, field.name)[visible] for field in fields(Shown)))


@dataclass(frozen=True)
class Moment:
    """A frame as the portrait shows it."""

    render: np.ndarray
    """uint8 [H,W,3]."""
    shown: Shown
    """Its Gaussians."""
    R: np.ndarray
    """Rotation of the head pose [3,3], x_cam = R x + t."""
    t: np.ndarray
    """Translation of the head pose [3], meters."""


class Field:
    """A portrait, and the performance of its clip.

    Args:
        portrait: static or dynamic, on its device.
        clip: its own clip.

    Raises:
        UserError: the portrait is of another size than the clip, or was trained with other speech
            or eyes than the clip has.
    """

    def __init__(self, portrait: Portrait, clip: Clip) -> None:
        _check_size(portrait, clip)
        self.portrait = portrait
        self.playback, self.player = Playback(portrait), TorchPlayer(portrait, torch.float32)
        self.performance = _driven(portrait, clip)
        self.lips = _lips(portrait, self.performance)
        self.known = _known(self.performance)
        if not self.known.any():
            raise UserError(f"{clip.files.pose} and the eyes share no frame: prepare them anew.")
        self.numbers = numbers_of(self.performance, self.lips)
        seen = self.known & clip.table.keep
        self.controls = self._controls(seen if seen.any() else self.known)
        self.regions = None
        if clip.files.labels is not None:
            self.regions = _regions(portrait, self.performance, self.known, clip)
        self.scale = self._scale()

    def moment(self, frame: int, held: Mapping[tuple[str, str], float]) -> Moment:
        """A frame, with some of its conditions changed.

        Args:
            frame: its number, one of `known`.
            held: new values by group and name, see `unigs.view.conditions`.
        """
        one = slice(frame, frame + 1)
        lips = None if self.lips is None else self.lips[one]
        performance, code = changed(self.performance[one], lips, held)
        # What nobody changed the player predicts by itself, to the last bit.
        [cue] = cues(self.portrait, performance, None if code is lips else code)
        return Moment(
            self.playback.cue(cue).copy(),
            shown_of(self.player, cue),
            np.float64(performance.head.R[0]),
            np.float64(performance.head.t[0]),
        )

    def value(self, control: Control, frame: int) -> float:
        """A number of a frame, within the control's range."""
        value = self.numbers[control.key][frame]
        return float(np.clip(value, control.low, control.high))

    def _controls(self, seen: np.ndarray) -> list[Control]:
        """The numbers that this portrait hears: a torso that it does not follow is none."""
        made = controls_of(self.numbers, seen)
        silent = set() if self.portrait.has_dynamics else {"eyes", "lips"}
        if not any(layer.follows_body for layer in self.portrait.layers):
            silent.add("torso")
        return [control for control in made if control.group not in silent]

    def _scale(self) -> dict[str, float]:
        """End of the scale of each of `MOVEMENTS`, meters, over some frames of the clip."""
        known = np.flatnonzero(self.known)
        chosen = known[np.linspace(0, len(known) - 1, SAMPLES).round().astype(int)]
        seen = [shown_of(self.player, cue) for cue in cues(self.portrait, self.performance[chosen])]
        return {
            name: float(np.quantile([getattr(shown, name) for shown in seen], SCALE_QUANTILE))
            for name in MOVEMENTS
        }


def load_field(clip: Clip, device: str = "auto") -> Field:
    """Read the portrait of a clip as it lies on the disk now.

    Args:
        clip: the clip.
        device: auto, cpu or cuda.

    Raises:
        UserError: there is none, it cannot be read, or it does not fit the clip.
    """
    return Field(load_portrait(clip.files.portrait, pick_device(device)), clip)


@torch.no_grad()
def shown_of(player: TorchPlayer, cue: Cue) -> Shown:
    """The Gaussians of a frame, those of the layer behind last.

    Args:
        player: of the portrait, in single precision.
        cue: the frame's numbers.
    """
    layers = []
    while player is not None:
        layers.append(_layer(player.portrait, player.posed(cue)))
        player, cue = player.behind, cue.behind or cue
    columns = (torch.cat(column).cpu().numpy() for column in zip(*layers, strict=True))
    return Shown(*columns)


def _layer(portrait: Portrait, posed: PosedField) -> tuple[torch.Tensor, ...]:
    """The numbers of `Shown` of one layer."""
    field, (splats, deltas) = portrait.gaussians, posed
    still = torch.zeros(len(field), device=portrait.device)
    moved = None if deltas is None else deltas.position
    return (
        splats.means,
        normalize(splats.quats, dim=-1),
        splats.scales,
        splats.opacities,
        splats.colors,
        still if field.anchors is None else field.anchors.sigmoid(),
        still if moved is None else moved.norm(dim=1),
        (splats.means - field.means).norm(dim=1),
    )


def _driven(portrait: Portrait, clip: Clip) -> Performance:
    """The clip's performance; a static portrait takes no eyes and no speech."""
    performance = clip.performance()
    if portrait.has_dynamics:
        for what, rows in (("speech", performance.speech), ("eyes", performance.eyes)):
            if rows is None:
                raise UserError(
                    f"{clip.files.portrait} moves with {what}: name the file with --{what}."
                )
    return performance


def _lips(portrait: Portrait, performance: Performance) -> np.ndarray | None:
    """Lip codes [T,L] that the portrait reads from the clip's speech; None: it has none."""
    if not portrait.has_dynamics or not portrait.motion.lip_dim:
        return None
    # A clip whose speech is of another kind is refused here, before it is heard.
    cues(portrait, performance[:1])
    blocks = torch.from_numpy(performance.speech).split(HEARD_AT_ONCE)
    with torch.no_grad():
        heard = [portrait.motion.lips(block.to(portrait.device)) for block in blocks]
    return torch.cat(heard).cpu().numpy()


def _known(performance: Performance) -> np.ndarray:
    """Frames that can be played, bool [T]."""
    known = performance.head.known
    return known if performance.eyes is None else known & np.isfinite(performance.eyes).all(1)


def _regions(
    portrait: Portrait, performance: Performance, known: np.ndarray, clip: Clip
) -> np.ndarray:
    """Regions of the Gaussians of all layers; the layer behind is a torso by construction."""
    front = regions_of(portrait, performance, known & clip.table.keep, clip.files.labels)
    behind = [np.full(len(x.gaussians), TORSO - 1, np.uint8) for x in portrait.layers[1:]]
    return np.concatenate([front, *behind])


def _check_size(portrait: Portrait, clip: Clip) -> None:
    height, width = clip.truth[0].shape[:2]
    if (height, width) != (portrait.size, portrait.size):
        raise UserError(
            f"{clip.files.portrait} renders {portrait.size}x{portrait.size} but "
            f"{clip.files.video} is {width}x{height}: name the clip that it was trained on."
        )
