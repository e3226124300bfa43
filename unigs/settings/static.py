"""Settings of the static stage: the canonical field (paper section 3.3, eqs. 1-3 and 8)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds, NotNegative, Positive, Seed, Share


@dataclass(frozen=True)
class StaticSettings:
    """Defaults follow the paper; docs/method.md explains the values that the paper leaves open."""

    iterations: Annotated[int, Bounds(1)] = 15000
    """Training steps of the static stage. The paper gives 180k for both stages, not the split."""
    batch: Annotated[int, Bounds(1, 256)] = 1
    """Frames per training step; the mean of their gradients makes the step (the paper gives none).
    More than 1 fills a large GPU."""
    points: Annotated[int, Bounds(100, 2000000)] = 5000
    """Number of Gaussians at the start, at random places of a box (eq. 3; the paper gives none)."""
    max_gaussians: Annotated[int, Bounds(100, 2000000)] = 20000
    """Number of Gaussians at which densification stops (the paper gives none)."""
    init: Literal["cube", "frustum"] = "frustum"
    """Box of the random start points (eq. 3). cube: +-`static.cube` meters around the head.
    frustum: what the camera sees at the head's depth, culled by the mean person mask (not in the
    paper)."""
    cube: Annotated[float, Bounds(above=0, maximum=2)] = 0.1
    """Half side in meters of the box of start points (only for init cube; eq. 3)."""
    mesh_share: Share = 0.0
    """Share of the start points that lie on the fitted face mesh (not in the paper). Without them
    the face stays flat."""
    mouth_points: Annotated[int, Bounds(0, 100000)] = 0
    """Number of extra dark Gaussians that start inside the mouth, behind the lips (not in the
    paper)."""
    face_margin: Annotated[float, Bounds(0, 0.1)] = 0.0
    """Distance in meters by which a Gaussian of the head may lie in front of the fitted face mesh,
    in both stages (not in the paper; 0: anywhere)."""
    face_depth: Annotated[float, Bounds(0, 0.03)] = 0.0
    """Distance in meters by which a Gaussian of the face may lie behind the fitted face mesh, in
    both stages, except within 6 mm of the lips and where hair hangs; only where static.face_margin
    holds the face's surface (not in the paper; 0: anywhere)."""
    face_aspect: Annotated[float, Bounds(0, 1000)] = 0.0
    """Number of times that an axis of a Gaussian in the skin may be as long as another, in both
    stages, where static.face_margin holds the face's surface and no hair hangs before it (not in
    the paper; 0: any; up to 1: round)."""
    sh_degree: Annotated[int, Bounds(0, 3)] = 1
    """Degree of the spherical harmonics of the colors, 0 to 3 (eq. 1)."""
    fields: Literal["one", "separate", "masked"] = "one"
    """Fields of Gaussians that make the portrait (others than one are rivals of the paper;
    docs/method.md). one: the paper's. separate: a field for the head and one for the torso behind
    it; only the head's hears speech; each is trained where its part is seen. masked: the same, but
    each is trained on its part cut out, as segment-dependent systems do."""
    anchor: bool = False
    """Learn one weight per Gaussian between the head's frame and the body's frame (not in the
    paper)."""
    follow_body: bool = False
    """Move the body's frame by the tracked motion of the torso (not in the paper). Off: the body's
    frame rests."""
    refine_poses_at: Annotated[float, Bounds(0, below=1)] = 0.0
    """Share of the iterations after which the head poses are refined through the rasterizer, by
    pixels inside the head alone (not in the paper; 0: never)."""
    refine_torso: bool = False
    """Refine the tracked motion of the torso as well when the head poses are refined, by pixels
    inside the torso, where static.anchor and static.follow_body are on (not in the paper)."""
    lambda_dssim: NotNegative = 0.2
    """lambda_1 of eq. 8: weight of D-SSIM beside L1."""
    lambda_alpha: NotNegative = 0.0
    """Weight of the L1 loss between rendered opacity and person mask (not in the paper; 0: off)."""
    lambda_anchor: NotNegative = 0.0
    """Weight of the mean difference between the anchors of Gaussians that lie side by side, in both
    stages, where static.anchor is on (not in the paper; 0: off)."""
    lr_means: Share = 2e-4
    """Learning rate of the means in meters (Adam), decaying to 2 % of the start (the paper gives
    none)."""
    lr_scales: Share = 5e-3
    """Learning rate of the log-scales (Adam; the paper gives none)."""
    lr_quats: Share = 2e-3
    """Learning rate of the rotations (Adam; the paper gives none)."""
    lr_opacities: Share = 3e-2
    """Learning rate of the opacity logits (Adam; the paper gives none)."""
    lr_colors: Share = 5e-3
    """Learning rate of the constant color (Adam; the paper gives none). Higher harmonics learn at
    1/20 of it."""
    lr_anchor: Share = 2e-2
    """Learning rate of the anchor logits (Adam; not in the paper)."""
    densify_from: Annotated[int, Bounds(0)] = 200
    """First step that densifies and prunes (the paper gives none)."""
    densify_every: Annotated[int, Bounds(1)] = 100
    """Steps between two densifications (the paper gives none)."""
    densify_until: Share = 0.7
    """Share of the iterations after which the set of Gaussians is frozen (the paper gives none)."""
    densify_gradient: NotNegative = 2e-4
    """Mean screen-space gradient per half image width above which a Gaussian is cloned or split
    (the paper gives none)."""
    split_size: Positive = 0.004
    """Standard deviation in meters of a Gaussian's largest axis above which densification splits
    the Gaussian in two; a smaller one is cloned (the paper gives none)."""
    prune_opacity: Annotated[float, Bounds(0, below=1)] = 0.02
    """Opacity, 0 to 1, below which densification removes a Gaussian (the paper gives none)."""
    prune_size: Positive = 0.08
    """Standard deviation in meters of a Gaussian's largest axis above which densification removes
    the Gaussian (the paper gives none)."""
    validation_share: Annotated[float, Bounds(0, 0.5)] = 0.0
    """Share of the training frames that is held out to watch overfitting (not in the paper; 0:
    none)."""
    evaluate_every: Annotated[int, Bounds(1)] = 250
    """Training steps between two rows of the training curve."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device that trains. auto: CUDA where torch finds it, else the CPU."""
    seed: Seed = 0
    """Seed of every random choice."""
