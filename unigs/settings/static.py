"""Settings of the static stage: the canonical field (paper section 3.3, eqs. 1-3 and 8)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class StaticSettings:
    """The defaults are the paper's; what it does not give is explained in docs/method.md."""

    iterations: int = 15000
    """Training steps of the static stage. The paper gives 180k in total, not the split."""
    batch: int = 1
    """Frames whose mean gradient makes one step (the paper gives none; more fill a large GPU)."""
    points: int = 5000
    """Gaussians at the start, random in a box."""
    max_gaussians: int = 20000
    """Densification stops here."""
    init: Literal["cube", "frustum"] = "frustum"
    """Where the random points lie: the cube of +-`cube` meters around the head, or the box that
    the camera sees at the head's depth, culled by the mean person mask."""
    cube: float = 0.1
    """Half side of the cube, meters (only for init cube)."""
    mesh_share: float = 0.0
    """Share of the points that start on the fitted face mesh (else the face is flat)."""
    mouth_points: int = 0
    """Extra dark Gaussians that start inside the mouth, behind the lips."""
    sh_degree: int = 1
    """Degree of the spherical harmonics of the colors (0-3)."""
    anchor: bool = False
    """Learn one weight per Gaussian between the head's frame and the body's frame."""
    follow_body: bool = False
    """The body's frame is the tracked motion of the torso (not in the paper); else it rests."""
    refine_poses_at: float = 0.0
    """Share of the iterations after which the head poses are refined through the rasterizer, inside
    the head alone (not in the paper; 0: never)."""
    lambda_dssim: float = 0.2
    """lambda_1 of eq. 8."""
    lambda_alpha: float = 0.0
    """Weight of L1 between the rendered opacity and the person mask (not in the paper)."""
    lr_means: float = 2e-4
    """Learning rate of the means, meters; decays to 2 % of it."""
    lr_scales: float = 5e-3
    """Learning rate of the log-scales."""
    lr_quats: float = 2e-3
    """Learning rate of the rotations."""
    lr_opacities: float = 3e-2
    """Learning rate of the opacity logits."""
    lr_colors: float = 5e-3
    """Learning rate of the constant color; the higher harmonics learn at 1/20 of it."""
    lr_anchor: float = 2e-2
    """Learning rate of the anchor logits."""
    densify_from: int = 200
    """First step that densifies and prunes."""
    densify_every: int = 100
    """Steps between two densifications."""
    densify_until: float = 0.7
    """Share of the iterations after which the set of Gaussians is frozen."""
    densify_gradient: float = 2e-4
    """Mean screen-space gradient (half image widths) above which a Gaussian is cloned or split."""
    split_size: float = 0.004
    """Meters: a hot Gaussian whose largest axis is longer is split in two, else cloned."""
    prune_opacity: float = 0.02
    """A Gaussian with less opacity is removed."""
    prune_size: float = 0.08
    """Meters: a Gaussian with a longer axis is removed."""
    validation_share: float = 0.0
    """Share of the training frames that is held out to watch overfitting (0: none)."""
    evaluate_every: int = 250
    """Steps between two rows of the curve."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    seed: int = 0
    """Seed of everything random."""
