"""The portrait in space: its Gaussians and the cameras, in viser's scene.

The head is the world. Lengths are centimeters: viser keeps covariances in half precision, which
would round those of a hair, in square meters, to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unigs.view.field import Moment, Shown
from unigs.view.shapes import ball, covariances

if TYPE_CHECKING:
    from viser import ClientHandle, ViserServer

CENTIMETERS = 100.0
SPLATS, POINTS, ELLIPSOIDS, NOTHING = "splats", "points", "ellipsoids", "nothing"
SHAPES = (SPLATS, POINTS, ELLIPSOIDS, NOTHING)
"""How Gaussians are shown."""
NODE = "/gaussians"
TEST_COLOR, TRAIN_COLOR, OWN_COLOR = (224, 134, 45), (63, 127, 214), (210, 85, 90)
"""Colors of the cameras of test frames, of training frames, and of the frame that is shown."""
CAMERA_SIZE = 4.0
"""Depth of a drawn camera, centimeters."""
MOST_CAMERAS = 60
"""Cameras of the clip that are drawn, evenly spaced."""


class Scene:
    """What is drawn in space.

    Args:
        server: viser's server.
        fov: the cameras' angle of view, radians.
    """

    def __init__(self, server: ViserServer, fov: float) -> None:
        self.server, self.fov = server, fov
        self.node, self.key = None, None
        self.camera = None
        server.scene.set_up_direction("-y")

    def draw(
        self, shape: str, shown: Shown, colors: np.ndarray, sizes: tuple[float, float]
    ) -> None:
        """Draw the Gaussians.

        Args:
            shape: one of `SHAPES`.
            shown: the Gaussians.
            colors: RGB uint8 [N,3].
            sizes: diameter of points, millimeters; size of ellipsoids, standard deviations.
        """
        point, deviations = sizes
        key = shape, len(colors)
        if key != self.key and self.node is not None:
            self.node.remove()
            self.node = None
        self.key, fresh = key, self.node is None
        if shape == SPLATS:
            self._splats(shown, colors, fresh)
        elif shape == POINTS:
            self._points(shown, colors, point / 10, fresh)
        elif shape == ELLIPSOIDS:
            self._ellipsoids(shown, colors, deviations, fresh)

    def _splats(self, shown: Shown, colors: np.ndarray, fresh: bool) -> None:
        parts = {
            "centers": shown.centers * CENTIMETERS,
            "covariances": covariances(shown.quats, shown.scales * CENTIMETERS),
            "rgbs": colors,
            "opacities": shown.opacities[:, None],
        }
        if fresh:
            self.node = self.server.scene.add_gaussian_splats(NODE, **parts)
        else:
            self.node.set_gaussians(**parts)

    def _points(self, shown: Shown, colors: np.ndarray, size: float, fresh: bool) -> None:
        centers = (shown.centers * CENTIMETERS).astype(np.float32)
        if fresh:
            self.node = self.server.scene.add_point_cloud(
                NODE, centers, colors, point_size=size, point_shape="circle", precision="float32"
            )
        else:
            self.node.points, self.node.colors, self.node.point_size = centers, colors, size

    def _ellipsoids(self, shown: Shown, colors: np.ndarray, size: float, fresh: bool) -> None:
        parts = {
            "batched_wxyzs": shown.quats,
            "batched_positions": shown.centers * CENTIMETERS,
            "batched_scales": shown.scales * (CENTIMETERS * size),
            "batched_colors": colors,
            "batched_opacities": shown.opacities,
        }
        parts = {name: np.asarray(x, x.dtype if x.dtype == np.uint8 else np.float32)
                 for name, x in parts.items()}  # fmt: skip
        if fresh:
            vertices, faces = ball()
            self.node = self.server.scene.add_batched_meshes_simple(
                NODE, vertices, faces, **parts, lod="off", cast_shadow=False, receive_shadow=False
            )
        else:
            for name, values in parts.items():
                setattr(self.node, name, values)

    def draw_camera(self, moment: Moment, image: np.ndarray, visible: bool) -> None:
        """Draw the camera of the frame that is shown, with a picture on it.

        Args:
            moment: the frame.
            image: uint8 [H,W,3].
            visible: False: draw none.
        """
        if not visible:
            if self.camera is not None:
                self.camera.visible = False
            return
        position, wxyz = placed(moment.R, moment.t)
        if self.camera is None:
            self.camera = self.server.scene.add_camera_frustum(
                "/camera", self.fov, 1.0, scale=CAMERA_SIZE * 2, thickness=2,
                thickness_units="screen", color=OWN_COLOR, image=image,
            )  # fmt: skip
        self.camera.position, self.camera.wxyz, self.camera.image = position, wxyz, image
        self.camera.visible = True

    def draw_cameras(self, R: np.ndarray, t: np.ndarray, test: np.ndarray, visible: bool) -> None:
        """Draw the cameras of frames of the clip anew.

        Args:
            R: rotations of the head poses [T,3,3].
            t: translations [T,3], meters.
            test: which are of test frames, bool [T].
            visible: False: draw none.
        """
        self.server.scene.remove_by_name("/cameras")
        if not visible:
            return
        for k in np.unique(np.linspace(0, len(t) - 1, MOST_CAMERAS).round().astype(int)):
            position, wxyz = placed(R[k], t[k])
            self.server.scene.add_camera_frustum(
                f"/cameras/{k}", self.fov, 1.0, scale=CAMERA_SIZE, thickness=1,
                thickness_units="screen", color=TEST_COLOR if test[k] else TRAIN_COLOR,
                position=position, wxyz=wxyz, cast_shadow=False,
            )  # fmt: skip

    def look_from(self, moment: Moment) -> None:
        """Let everybody who looks, and who comes later, look through the frame's camera."""
        position, target, up = looking(moment.R, moment.t)
        start = self.server.initial_camera
        start.position, start.look_at, start.up, start.fov = position, target, up, self.fov
        for client in self.server.get_clients().values():
            self._move(client, position, target, up)

    def _move(
        self, client: ClientHandle, position: np.ndarray, target: np.ndarray, up: np.ndarray
    ) -> None:
        with client.atomic():
            client.camera.up_direction = up
            client.camera.position = position
            client.camera.look_at = target
            client.camera.fov = self.fov


def placed(R: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a camera stands in the head's frame: center in centimeters, quaternion wxyz.

    Args:
        R: rotation of the head pose [3,3], x_cam = R x + t.
        t: translation [3], meters.
    """
    from scipy.spatial.transform import Rotation

    wxyz = Rotation.from_matrix(R.T).as_quat()[[3, 0, 1, 2]]
    return -R.T @ t * CENTIMETERS, wxyz


def looking(R: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A camera's center, the point on its axis at the head's depth, and its up: for `look_from`.

    Args:
        R: rotation of the head pose [3,3], x_cam = R x + t.
        t: translation [3], meters.
    """
    center = -R.T @ t * CENTIMETERS
    return center, center + R.T[:, 2] * t[2] * CENTIMETERS, -R.T[:, 1]
