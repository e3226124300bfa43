"""Settings of the dynamic stage: the deformation by speech, eyes and pose (eqs. 4-7, 9-11)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DynamicSettings:
    """The defaults are the paper's; what it does not give is explained in docs/method.md."""

    iterations: int = 165000
    """Training steps of the dynamic stage at most."""
    batch: int = 1
    """Frames whose mean gradient makes one step (the paper gives none; more fill a large GPU)."""
    deform: str = "position,scale,rotation"
    """What eq. 6 predicts, with commas: position, scale, rotation, color, opacity (Table 3)."""
    grid_levels: int = 12
    """L of eq. 4."""
    grid_features: int = 2
    """F of eq. 4."""
    grid_base: int = 16
    """Cells of the coarsest level along the box."""
    grid_finest: int = 64
    """Cells of the finest level along the box."""
    grid_log2_entries: int = 17
    """log2 of the largest number of entries of one level; more would be hashed."""
    face_grid_levels: int = 0
    """Levels of a second, finer tri-plane over the face alone (0: none; not in the paper)."""
    face_grid_finest: int = 96
    """Cells of its finest level along the face's box, some 0.2 m."""
    hidden: int = 64
    """Width of the deformation MLP."""
    position_scale: float = 0.01
    """Meters that one unit of the MLP's output moves a mean."""
    other_scale: float = 0.1
    """Raw units that one unit of the MLP's output changes scale, rotation, color, opacity."""
    pose_input: bool = True
    """Feed the head pose p to the MLP."""
    body_input: bool = False
    """Feed the torso's own pose to the MLP as well (not in the paper; needs its track)."""
    blendshapes: bool = False
    """Lip shape and eye units also drive a linear basis of deformations (not in the paper)."""
    pose_blendshapes: bool = False
    """So does p, over the whole field (not in the paper)."""
    lambda_dssim: float = 0.2
    """lambda_1 of eq. 8."""
    lambda_mouth: float = 0.1
    """lambda_mouth of eq. 9."""
    lambda_hair: float = 0.05
    """lambda_hair of eq. 9."""
    lambda_torso: float = 0.1
    """lambda_torso of eq. 9."""
    lambda_eyes: float = 0.0
    """The same for the boxes around both eyes (not in the paper)."""
    region_mean: Literal["frame", "region"] = "frame"
    """Eq. 9 averaged over all pixels of the frame, or over the region's pixels."""
    lambda_motion: float = 1e-5
    """lambda_motion of eq. 10; the deltas are the MLP's scaled outputs, d_mu in centimeters."""
    lambda_lpips: float = 0.0
    """lambda_2 of eq. 11; the paper has 0.2; needs `lpips_trunk`."""
    lpips_from: float = 0.9
    """Share of the iterations after which LPIPS is added."""
    lpips_patch: int = 64
    """Side of its random patch, pixels."""
    lpips_trunk: str = ""
    """Path of the AlexNet trunk's weights (alexnet-owt-7be5be79.pth)."""
    lambda_alpha: float = 0.0
    """Weight of L1 between the rendered opacity and the person mask (not in the paper)."""
    speech_dim: int = 32
    """Length of the audio feature a."""
    lip_code: int = 0
    """Numbers of a lip shape (opening, width, principal shapes) that a network of its own predicts
    from speech, learned from the landmarks before the field; appended to a (0: none)."""
    lip_teacher: float = 0.5
    """Share of the steps that see the measured lip shape, not the out-of-fold prediction."""
    blink_sampling: float = 0.0
    """Share of the steps that draw a frame with a closed eye or an open mouth."""
    condition_noise: float = 0.0
    """Standard deviation of noise on the z-scored poses."""
    lr_grid: float = 3e-3
    """Learning rate of the tri-plane (AdamW)."""
    lr_network: float = 1e-3
    """Learning rate of the MLP and the speech network (AdamW)."""
    weight_decay: float = 0.0
    """AdamW's decoupled weight decay."""
    gaussian_lr: float = 0.5
    """Learning rates of the Gaussians, as a multiple of the static stage's; 0 freezes them."""
    ema: float = 0.0
    """Decay of the running average of all weights that is kept as the result (0: last weights)."""
    validation_share: float = 0.0
    """Share of the training frames held out: the best step on them is kept (0: last step)."""
    patience: int = 0
    """Evaluations without a better validation before training stops (0: never)."""
    evaluate_every: int = 250
    """Steps between two rows of the curve."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    seed: int = 0
    """Seed of everything random."""
