"""Settings of the stages that judge a portrait: render_test, evaluate, measure_speed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.settings.detectors import DetectorSettings
from unigs.stage.bounds import Bounds


@dataclass(frozen=True)
class RenderSettings:
    """What render_test reads: how test frames are rendered."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device that renders the portrait, named beside every figure. auto: CUDA where torch finds it,
    else the CPU."""


@dataclass(frozen=True)
class TorsoSettings(RenderSettings):
    """What render_test reads besides: whose torso test frames show."""

    torso: Literal["rendered", "pasted"] = "rendered"
    """Torso of the rendered test frames. rendered: the portrait's own. pasted: the test frame's own
    pixels lie behind the rendered head, as in the figures that segment-dependent systems publish
    (not in the paper; not for static.fields one). The figures say so wherever they stand."""


@dataclass(frozen=True)
class LipJudgeSettings(RenderSettings, DetectorSettings):
    """What the judges of driven videos read: how lips are looked at."""

    landmarks_model: str = "auto"
    """Path of the 68-point network that judges lips beside the mesh (not in the paper):
    FaceLandmark68Net of face-api, or FAN of face-alignment (2DFAN4-11f355bf06.pth.tar). auto:
    resources/models/face-landmarks-68.safetensors if it is there. Empty: no second judge."""


@dataclass(frozen=True)
class ScoreSettings(LipJudgeSettings, TorsoSettings):
    """What evaluate reads: how test frames are compared."""

    band_share: Annotated[float, Bounds(0, 0.5)] = 1 / 64
    """Reach of the hair/torso boundary band to either side, as a share of the image width (not in
    the paper)."""
    erode_share: Annotated[float, Bounds(0, 0.5)] = 1 / 64
    """Erosion of the person mask, as a share of the image width, for figures that exclude the
    background plate (not in the paper)."""
    baselines: bool = True
    """Also judge the mean frame, the nearest frame by pose and the static model (not in the
    paper)."""
    lpips_model: str = "auto"
    """Path of the weights of LPIPS, AlexNet's convolutions and the linear heads in one file. auto:
    resources/models/lpips-alex.safetensors if it is there. Empty: LPIPS is not measured."""
    sync_model: str = "auto"
    """Path of Light-ASD, which judges sync (not in the paper). auto:
    resources/models/light-asd.safetensors if it is there. Empty: not judged."""
    syncnet_model: str = "auto"
    """Path of the weights of SyncNet v2, for Sync-C. auto:
    resources/models/syncnet-v2.safetensors if it is there. Empty: not measured."""


@dataclass(frozen=True)
class SpeedSettings(RenderSettings):
    """What measure_speed reads: how playback is timed."""

    speed_frames: Annotated[int, Bounds(1, 100000)] = 100
    """Number of frames that are timed."""
    speed_warmup: Annotated[int, Bounds(0, 100000)] = 10
    """Number of frames that are played before the clock starts (compilation, caches)."""


@dataclass(frozen=True)
class EvaluateSettings(SpeedSettings, ScoreSettings):
    """How test frames are rendered, compared and timed."""
