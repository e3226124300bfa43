"""Settings of the dynamic stage: the deformation by speech, eyes and pose (eqs. 4-7, 9-11)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, NotNegative, Pattern, Seed, Share

DEFORMABLE = ("position", "scale", "rotation", "opacity", "color")
"""What the deformation can move, in the order of its outputs."""
_NAME = f"({'|'.join(DEFORMABLE)})"
Attributes = Annotated[
    str, Pattern(rf"{_NAME}(, *{_NAME})*", f"names out of {', '.join(DEFORMABLE)}, with commas")
]
"""A selection of `DEFORMABLE`."""


@dataclass(frozen=True)
class LipSettings:
    """How lips are learned from speech."""

    lip_prior: Literal["shipped", "pooled", "none"] = "shipped"
    """What is known of lips before the clip is seen (not in the paper), for the speech features of
    whisper. shipped: a map that was learned from synthetic voices, to which the clip is fitted.
    pooled: a map from the clips of all other people of the sheet, a recording each. none: networks
    learn from the clip alone."""
    seed: Seed = 0
    """Seed of every random choice."""


@dataclass(frozen=True)
class DynamicSettings(LipSettings):
    """Defaults follow the paper; docs/method.md explains the values that the paper leaves open."""

    iterations: Annotated[int, Bounds(1)] = 165000
    """Largest number of training steps of the dynamic stage. The paper gives 180k for both stages,
    not the split."""
    batch: Annotated[int, Bounds(1, 256)] = 1
    """Frames per training step; the mean of their gradients makes the step (the paper gives none).
    More than 1 fills a large GPU."""
    deform: Attributes = "position,scale,rotation"
    """Attributes that eq. 6 predicts, joined by commas: position, scale, rotation, color, opacity
    (Table 3)."""
    grid_levels: Annotated[int, Bounds(1, 64)] = 12
    """L of eq. 4: number of levels of the tri-plane."""
    grid_features: Literal[1, 2, 4] = 2
    """F of eq. 4: features per level of the tri-plane."""
    grid_base: Annotated[int, Bounds(1, 4096)] = 16
    """Cells of the tri-plane's coarsest level along the box of the field (eq. 4; the paper gives
    none)."""
    grid_finest: Annotated[int, Bounds(1, 4096)] = 64
    """Cells of the tri-plane's finest level along the box of the field (eq. 4; the paper gives
    none)."""
    grid_log2_entries: Annotated[int, Bounds(4, 22)] = 17
    """Base-2 logarithm of the largest number of entries of one tri-plane level. Larger levels are
    hashed (eq. 4; the paper gives none)."""
    face_grid_levels: Annotated[int, Bounds(0, 64)] = 0
    """Levels of a second, finer tri-plane over the face alone (not in the paper; 0: none)."""
    face_grid_finest: Annotated[int, Bounds(1, 4096)] = 96
    """Cells of the face tri-plane's finest level along the box of the face, some 0.2 m (not in the
    paper)."""
    hidden: Annotated[int, Bounds(8, 1024, multiple_of=8)] = 64
    """Width of the deformation MLP of eq. 6 (the paper gives none)."""
    position_scale: Annotated[float, Bounds(above=0, maximum=1)] = 0.01
    """Meters that a mean moves for one unit of the deformation MLP's output (eqs. 6-7; the paper
    gives none)."""
    other_scale: Annotated[float, Bounds(above=0, maximum=100)] = 0.1
    """Raw units that scale, rotation, color and opacity change for one unit of the deformation
    MLP's output (eqs. 6-7; the paper gives none)."""
    pose_input: bool = True
    """Feed the head pose p to the deformation MLP (eq. 6)."""
    body_input: bool = False
    """Feed the torso's own pose to the deformation MLP as well (not in the paper). Needs the track
    of the torso."""
    blendshapes: bool = False
    """Let lip shape and eye units mix blendshapes of the face (not in the paper)."""
    pose_blendshapes: bool = False
    """Let the head pose p mix blendshapes of the whole field but the mouth (not in the paper)."""
    body_blendshapes: bool = False
    """Let the torso's own pose mix blendshapes of the field outside the head (not in the paper).
    Needs the track of the torso."""
    lambda_dssim: NotNegative = 0.2
    """lambda_1 of eq. 8: weight of D-SSIM beside L1."""
    lambda_mouth: NotNegative = 0.1
    """lambda_mouth of eq. 9: weight of the L1 loss in the mouth."""
    lambda_hair: NotNegative = 0.05
    """lambda_hair of eq. 9: weight of the L1 loss in the hair."""
    lambda_torso: NotNegative = 0.1
    """lambda_torso of eq. 9: weight of the L1 loss in the torso."""
    lambda_eyes: NotNegative = 0.0
    """Weight of the L1 loss in boxes around both eyes, brows included (not in the paper; 0:
    off)."""
    region_mean: Literal["frame", "region"] = "frame"
    """Pixels over which the region losses of eq. 9 are averaged. frame: all pixels. region: the
    pixels of the region (the paper leaves this open)."""
    lambda_motion: NotNegative = 1e-5
    """lambda_motion of eq. 10: weight of the mean absolute deltas, position in centimeters, all
    others in raw units."""
    lambda_lpips: NotNegative = 0.2
    """lambda_2 of eq. 11: weight of LPIPS (0: off). Where `dynamic.lpips_model` is auto and the
    weights are not there, the loss goes without LPIPS."""
    lpips_from: Share = 0.5
    """Share of the iterations after which LPIPS (eq. 11) joins the loss (the paper gives none)."""
    lpips_patch: Annotated[int, Bounds(32, 1024)] = 128
    """Side in pixels of the random patch on which LPIPS (eq. 11) is taken (the paper gives
    none)."""
    lpips_mouth: Share = 0.0
    """Share of the patches of LPIPS (eq. 11) that lie over the mouth instead of anywhere: a square
    of a quarter of the image's width, brought to dynamic.lpips_patch pixels (not in the paper)."""
    lpips_model: str = "auto"
    """Path of the weights of LPIPS (eq. 11), AlexNet's convolutions and the linear heads in one
    file. auto: resources/models/lpips-alex.safetensors if it is there."""
    lambda_alpha: NotNegative = 0.0
    """Weight of the L1 loss between rendered opacity and person mask (not in the paper; 0: off)."""
    speech_dim: Annotated[int, Bounds(1, 1024)] = 32
    """Length of the audio feature a of eq. 6 (the paper gives none)."""
    smile: bool = False
    """AU12, the lip corner puller without what speech moves, joins the action units e of eq. 6 (not
    in the paper). In test frames and recordings it is replayed from the clip, as blinks are."""
    lip_code: Annotated[int, Bounds(2, 32, off=0)] = 0
    """Numbers of a lip shape that a separate network predicts from speech and that are appended to
    the audio feature a (not in the paper; 0: none, else 2 or more): opening, width, then principal
    shapes. The network learns from the landmarks before the field is trained."""
    lip_teacher: Share = 1.0
    """Share of the training steps that see the measured lip shape; the others see the out-of-fold
    prediction from speech (not in the paper)."""
    blink_sampling: Share = 0.0
    """Share of the training steps that draw a frame with a closed eye, a wide open mouth or shut
    lips (not in the paper)."""
    condition_noise: Annotated[float, Bounds(0, 10)] = 0.0
    """Standard deviation of the noise that training adds to the z-scored poses (not in the paper;
    0: off)."""
    lr_grid: Share = 3e-3
    """Learning rate of the tri-planes (AdamW), decaying to a tenth (the paper gives none)."""
    lr_network: Share = 1e-3
    """Learning rate of the deformation MLP and the speech network (AdamW), decaying to a tenth (the
    paper gives none)."""
    weight_decay: NotNegative = 0.0
    """Decoupled weight decay of AdamW on tri-planes, deformation MLP and speech network (the paper
    gives none)."""
    gaussian_lr: Annotated[float, Bounds(0, 100)] = 3.0
    """Learning rates of the Gaussians at the start, as a multiple of the static stage's rates,
    decaying to a fifth; the means learn at a tenth of it (the paper gives none). 0 freezes the
    Gaussians."""
    ema: Annotated[float, Bounds(0, below=1)] = 0.0
    """Decay of the running average of all weights that is kept as the result (not in the paper; 0:
    the last weights are kept)."""
    validation_share: Annotated[float, Bounds(0, 0.5)] = 0.0
    """Share of the training frames that is held out for validation (not in the paper). The weights
    of the best step on them are kept. 0: the last step is kept."""
    patience: Annotated[int, Bounds(0)] = 0
    """Evaluations in a row without a better validation after which training stops (not in the
    paper; 0: never)."""
    evaluate_every: Annotated[int, Bounds(1)] = 250
    """Training steps between two rows of the training curve."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device that trains. auto: CUDA where torch finds it, else the CPU."""
