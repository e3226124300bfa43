"""All that moves the field: encodings, speech network, normalization and the MLP of eq. 6."""

from __future__ import annotations

from functools import reduce

import torch
from torch import nn

from unigs.model.anchor import Body
from unigs.model.conditions import BODY_DIM, POSE_DIM, ZScore, body_vector, pose_vector
from unigs.model.deformation import DeformationNet, Encoded
from unigs.model.deltas import Deltas, parse_attributes
from unigs.model.speech_net import SpeechNet
from unigs.model.triplane import TriPlane

EYE_LIMIT = 12.0
"""Largest absolute z-score of an action unit. A blink is rare, so a closed eye is many standard
deviations away and must not be clamped."""
MOUTH_RADIUS = 0.03
"""Standard deviation of the Gaussian around the mouth that fades the pose blendshapes, meters."""
HEAD_BORDER = 0.03
"""Inside the head's box the blendshapes of the torso's pose end over this distance, meters."""


class Motion(nn.Module):
    """The deformation of a portrait as a function of speech, eyes and pose.

    Args:
        config: everything that rebuilds the modules (shapes, not weights), by name:
            `deform`, `hidden`, `position_scale` and `other_scale` as in `DynamicSettings`;
            `planes`, a list of constructor arguments of `TriPlane` without the box;
            `speech`, constructor arguments of `SpeechNet`; None: the field hears nothing;
            `lip_code`, whether the predicted lip shape is appended to the audio feature;
            `eyes`, the number of action units;
            `pose_input`, whether the head's pose is an input;
            `body_input`, whether the torso's pose is an input;
            `blendshapes`, whether lip shape and action units drive blendshapes;
            `pose_blendshapes`, whether the head's pose, if it is an input, drives blendshapes;
            `body_blendshapes`, whether the torso's pose drives blendshapes (absent: whether it is
            an input and there are pose blendshapes, as in portraits of before 2026-11-29);
            `torso_spares_head`, whether the torso's pose drives those outside the head alone
            (absent: false, likewise).

    Raises:
        ValueError: the parts do not fit together.
    """

    def __init__(self, config: dict) -> None:
        super().__init__()
        shaped = config["pose_blendshapes"]
        # What older portraits do not name is settled here, for the player in the page as well.
        older = {"body_blendshapes": config["body_input"] and shaped, "torso_spares_head": False}
        self.config = config = older | config
        box = torch.zeros(3), torch.ones(3)
        self.planes = nn.ModuleList(TriPlane(*box, **arguments) for arguments in config["planes"])
        self.register_buffer("mouth", torch.zeros(3))
        self.speech_net = None if config["speech"] is None else SpeechNet(**config["speech"])
        if self.speech_net is None and config["lip_code"]:
            raise ValueError("a field that hears nothing has no lip code")
        units = config["eyes"]
        self.eye_norm = ZScore(torch.zeros(units), torch.ones(units), EYE_LIMIT)
        self.pose_norm = ZScore(torch.zeros(POSE_DIM), torch.ones(POSE_DIM))
        self.body_norm = ZScore(torch.zeros(BODY_DIM), torch.ones(BODY_DIM))
        self.head_shapes = config["pose_input"] and shaped
        self.torso_shapes = config["body_blendshapes"]
        self.torso_spares_head = config["torso_spares_head"]
        for corner in ("head_low", "head_high") if self.torso_spares_head else ():
            self.register_buffer(corner, torch.zeros(3))
        groups = POSE_DIM * self.head_shapes, BODY_DIM * self.torso_shapes
        groups = groups if self.torso_spares_head else (sum(groups),)
        poses = POSE_DIM * config["pose_input"] + BODY_DIM * config["body_input"]
        self.deformation = DeformationNet(
            features=sum(plane.width for plane in self.planes),
            conditions=self.audio_dim + config["eyes"] + poses,
            attributes=parse_attributes(config["deform"]),
            hidden=config["hidden"],
            position_scale=config["position_scale"],
            other_scale=config["other_scale"],
            face_shapes=self.lip_dim + config["eyes"] if config["blendshapes"] else 0,
            face_features=self.planes[-1].width,
            pose_shapes=tuple(filter(None, groups)),
            pose_features=self.planes[0].width,
        )

    @property
    def audio_dim(self) -> int:
        """Numbers of the audio feature with the lip code; 0 for a field that hears nothing."""
        return 0 if self.speech_net is None else self.speech_net.feature_dim + self.lip_dim

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
        if self.speech_net is None:
            return windows.new_zeros(len(windows), 0)
        features = self.speech_net(windows)
        if not self.lip_dim:
            return features
        code = self.lips(windows) if lips is None else lips
        return torch.cat([features, code], -1)

    def lips(self, windows: torch.Tensor) -> torch.Tensor:
        """Lip shapes [B,lip_dim] (z-scored) that the speech network predicts."""
        return self.speech_net.lips(windows)

    def encode(self, means: torch.Tensor) -> Encoded:
        """Inputs of eq. 6 at canonical centers [N,3]: f_mu of eq. 5 and the pose gates."""
        reaches = [plane.reach(means) for plane in self.planes]
        pairs = zip(self.planes, reaches, strict=True)
        planes = [plane(means, reach) for plane, reach in pairs]
        return Encoded(planes, self.pose_gates(means.detach()), reaches)

    def poses(
        self, R: torch.Tensor, t: torch.Tensor, body: Body
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pose features, z-scored: the head's p and the torso's; empty where nothing takes one."""
        head = torso = t[..., :0]
        if self.config["pose_input"]:
            head = self.pose_norm(pose_vector(R, t))
        if self.config["body_input"] or self.torso_shapes:
            torso = self.body_norm(body_vector(body))
        return head, torso

    def network_inputs(
        self,
        R: torch.Tensor,
        t: torch.Tensor,
        body: Body,
        audio: torch.Tensor,
        eyes: torch.Tensor,
        noise: float = 0.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Network input (speech a, eyes e, pose p concatenated), and blendshape coefficients.

        Args:
            R: rotations of the head poses [...,3,3].
            t: translations of the head poses [...,3], meters.
            body: frames of the torso.
            audio: audio features [...,A] from `hear`; a field that hears nothing takes any.
            eyes: action units [...,E] or more, 0 to 5, of which the first E count.
            noise: standard deviation of noise on the z-scored poses (training).

        Returns:
            Input [...,C]; coefficients [...,S]: lips and e, then p, then the torso's pose, as far
            as they are configured.
        """
        audio = audio if self.audio_dim else audio[..., :0]
        units, poses = self.eye_norm(eyes[..., : self.config["eyes"]]), self.poses(R, t, body)
        if noise:
            poses = tuple(pose + noise * torch.randn_like(pose) for pose in poses)
        head, torso = poses
        lips = audio[..., audio.shape[-1] - self.lip_dim :]
        face = [lips, units] if self.config["blendshapes"] else []
        none = t[..., :0]
        inputs = [audio, units, head, torso if self.config["body_input"] else none]
        shapes = [
            *face,
            head if self.head_shapes else none,
            torso if self.torso_shapes else none,
        ]
        return torch.cat(inputs, -1), torch.cat(shapes, -1)

    def pose_gates(self, means: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Factors [N] of each group of pose blendshapes at points [N,3].

        One group, or that of the head's pose and that of the torso's (`torso_spares_head`). The
        first is 0 at the mouth and 1 far from it: in the clip poses correlate with speech, in
        another recording they do not, and a mouth that p moved would say what was said in training.
        The second is 0 in the head's box and 1 outside: face and crown are moved by their own skull
        alone, and a shape that a clip's few postures taught them breaks them in the next one.
        """
        if not self.deformation.pose_shapes.groups:
            return ()
        # Column by column: torch is slow where rows are as short as three numbers.
        axes = means.unbind(1)
        distance = sum((x - c).square_() for x, c in zip(axes, self.mouth, strict=True))
        mouth = 1 - torch.exp(distance / (-2 * MOUTH_RADIUS**2))
        if not self.torso_spares_head:
            return (mouth,)
        ends = zip(axes, self.head_low, self.head_high, strict=True)
        depth = reduce(torch.minimum, (torch.minimum(x - low, high - x) for x, low, high in ends))
        outside = 1 - (depth / HEAD_BORDER).clamp(0, 1)
        gates = (mouth, self.head_shapes), (outside, self.torso_shapes)
        return tuple(gate for gate, used in gates if used)

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
        """Deltas of eq. 6 in one frame.

        Args:
            encoded: from `encode`.
            R: rotation of the head pose [3,3].
            t: translation of the head pose [3], meters.
            body: the torso's frame.
            audio: audio feature [A] from `hear`.
            eyes: action units [E] or more, 0 to 5, of which the first E count.
            noise: standard deviation of noise on the z-scored pose feature (training).
        """
        conditions, shapes = self.network_inputs(R, t, body, audio, eyes, noise)
        return self.deformation.deltas(self.deformation(encoded, conditions, shapes))
