"""All that moves the field: encodings, speech network, normalization and the MLP of eq. 6."""

from __future__ import annotations

import torch
from torch import nn

from unigs.model.anchor import Body
from unigs.model.conditions import BODY_DIM, POSE_DIM, ZScore, body_vector, pose_vector
from unigs.model.deformation import DeformationNet, Deltas, Encoded, parse_attributes
from unigs.model.speech_net import SpeechNet
from unigs.model.triplane import TriPlane

EYE_LIMIT = 12.0
"""A blink is rare, so a closed eye is many standard deviations away; it must not be cut short."""

MOUTH_RADIUS = 0.03
"""Standard deviation of the Gaussian around the mouth where p drives no shapes, meters."""


class Motion(nn.Module):
    """The deformation of a portrait as a function of speech, eyes and pose.

    `config` holds everything that rebuilds the modules (shapes, not weights):
        deform, hidden, position_scale, other_scale: see DynamicSettings.
        planes: list of constructor arguments of TriPlane without the box.
        speech: constructor arguments of SpeechNet.
        lip_code: the predicted lip shape is appended to the audio feature.
        pose_input: p is an input. body_input: so is the pose of the torso.
        blendshapes: lip shape and eye units also drive shapes of their own.
        pose_blendshapes: so does p.
    """

    def __init__(self, config: dict) -> None:
        super().__init__()
        self.config = config
        box = torch.zeros(3), torch.ones(3)
        self.planes = nn.ModuleList(TriPlane(*box, **arguments) for arguments in config["planes"])
        self.register_buffer("mouth", torch.zeros(3))
        self.speech_net = SpeechNet(**config["speech"])
        units = config["eyes"]
        self.eye_norm = ZScore(torch.zeros(units), torch.ones(units), EYE_LIMIT)
        self.pose_norm = ZScore(torch.zeros(POSE_DIM), torch.ones(POSE_DIM))
        audio = self.speech_net.feature_dim + self.lip_dim
        self.body_norm = ZScore(torch.zeros(BODY_DIM), torch.ones(BODY_DIM))
        pose = POSE_DIM * config["pose_input"] + BODY_DIM * config["body_input"]
        self.deformation = DeformationNet(
            features=sum(plane.width for plane in self.planes),
            conditions=audio + config["eyes"] + pose,
            attributes=parse_attributes(config["deform"]),
            hidden=config["hidden"],
            position_scale=config["position_scale"],
            other_scale=config["other_scale"],
            face_shapes=self.lip_dim + config["eyes"] if config["blendshapes"] else 0,
            face_features=self.planes[-1].width,
            pose_shapes=pose if config["pose_blendshapes"] else 0,
            pose_features=self.planes[0].width,
        )

    @property
    def lip_dim(self) -> int:
        """Numbers of the lip code inside the audio feature."""
        return self.speech_net.lip_dim if self.config["lip_code"] else 0

    def hear(self, windows: torch.Tensor, lips: torch.Tensor | None = None) -> torch.Tensor:
        """Audio features [B,A] of speech windows [B,W,D].

        Args:
            windows: as encode_speech gives them.
            lips: measured lip shapes [B,lip_dim] (z-scored) that stand in for the predicted ones.
        """
        features = self.speech_net(windows)
        if not self.lip_dim:
            return features
        code = self.lips(windows) if lips is None else lips
        return torch.cat([features, code], -1)

    def lips(self, windows: torch.Tensor) -> torch.Tensor:
        """Lip shapes [B,lip_dim] (z-scored) that the speech network predicts."""
        return self.speech_net.lips(windows)

    def encode(self, means: torch.Tensor) -> Encoded:
        """What the network knows of canonical centers [N,3]: f_mu of eq. 5, and where p is free."""
        gate = self.pose_gate(means) if self.config["pose_blendshapes"] else None
        return Encoded([plane(means) for plane in self.planes], gate)

    def poses(self, R: torch.Tensor, t: torch.Tensor, body: Body) -> torch.Tensor:
        """p, normalized: of the head, of the torso, or empty, as configured."""
        scored = []
        if self.config["pose_input"]:
            scored.append(self.pose_norm(pose_vector(R, t)))
        if self.config["body_input"]:
            scored.append(self.body_norm(body_vector(body)))
        return torch.cat(scored, -1) if scored else t[..., :0]

    def network_inputs(
        self,
        R: torch.Tensor,
        t: torch.Tensor,
        body: Body,
        audio: torch.Tensor,
        eyes: torch.Tensor,
        noise: float = 0.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A (+) e (+) p of frames [...,C], and the coefficients of the shapes [...,S].

        The coefficients are lips (+) e, then p, as far as they are configured.
        """
        units, poses = self.eye_norm(eyes), self.poses(R, t, body)
        if noise:
            poses = poses + noise * torch.randn_like(poses)
        lips = audio[..., audio.shape[-1] - self.lip_dim :]
        face = [lips, units] if self.config["blendshapes"] else []
        shapes = [*face, poses] if self.config["pose_blendshapes"] else face
        coefficients = torch.cat(shapes, -1) if shapes else t[..., :0]
        return torch.cat([audio, units, poses], -1), coefficients

    def pose_gate(self, means: torch.Tensor) -> torch.Tensor:
        """How much p's shapes may move points [N,3]: 0 at the mouth, 1 far from it, [N].

        A clip's poses go along with its speech, but those of another sentence do not: moved by p,
        the mouth would say what was said in training.
        """
        distance = (means - self.mouth).square().sum(1)
        return 1 - torch.exp(-distance / (2 * MOUTH_RADIUS**2))

    def forward(
        self,
        encoded: Encoded,
        R: torch.Tensor,
        t: torch.Tensor,
        body: Body,
        audio: torch.Tensor,
        eyes: torch.Tensor,
        noise: float = 0.0,
    ) -> Deltas:
        """Eq. 6 for one frame, from what `encode` gives of the canonical centers to deltas."""
        conditions, shapes = self.network_inputs(R, t, body, audio, eyes, noise)
        return self.deformation.deltas(self.deformation(encoded, conditions, shapes))
