"""Settings of the stages that judge a portrait: render_test, evaluate, measure_speed."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EvaluateSettings:
    """How test frames are rendered, compared and timed."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the portrait plays; auto takes CUDA where torch finds it. Every figure names it."""

    band_share: float = 1 / 64
    """Reach of the hair/torso boundary band to either side, as a share of the image width."""

    erode_share: float = 1 / 64
    """How far the person mask is eroded (figures free of the background plate), same unit."""

    baselines: bool = True
    """Also judge the mean frame, the nearest frame by pose and the static model."""

    lpips_trunk: str = ""
    """AlexNet weights under torchvision's key names (.pth or .safetensors); empty: no LPIPS."""

    lpips_heads: str = ""
    """LPIPS v0.1 linear heads for AlexNet; empty: those inside the installed lpips package."""

    speed_frames: int = 100
    """Frames that are timed."""

    speed_warmup: int = 10
    """Frames that are played before the clock starts (compilation, caches)."""
