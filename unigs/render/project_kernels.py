"""Compiled projection of 3D Gaussians to image ellipses, and its exact gradient.

The function is gsplat 1.5.3's classic pinhole projection (``csrc/ProjectionEWA3DGSFused.cu`` and
``include/Utils.cuh``): covariance R S S^T R^T seen through the local affine approximation of the
camera (EWA splatting), plus a blur of 0.3 px^2. All kernels work on float32 and on a range of
Gaussians.

``camera`` holds 16 floats: rotation (row major, 9), translation (3), fx, fy, cx, cy.
"""

import math

import numpy as np

from unigs.compute.jit import inlined, kernel
from unigs.render.spec import BLUR, FAR, FRUSTUM_MARGIN, MAX_EXTENT, MIN_ALPHA, NEAR

F = np.float32
ZERO, HALF, ONE, TWO = F(0), F(0.5), F(1), F(2)
MAX_VARIANCE = F(1e12)
"""A Gaussian wider than a million pixels is left out: its conic would underflow."""


@inlined
def _frustum(camera, width, height):
    """Tangents between which the Jacobian's point is clamped: (left, right, top, bottom)."""
    fx, fy, cx, cy = camera[12], camera[13], camera[14], camera[15]
    margin_x = FRUSTUM_MARGIN * HALF * F(width) / fx
    margin_y = FRUSTUM_MARGIN * HALF * F(height) / fy
    return (
        -(cx / fx + margin_x),
        (F(width) - cx) / fx + margin_x,
        -(cy / fy + margin_y),
        (F(height) - cy) / fy + margin_y,
    )


@inlined
def _to_camera(camera, means, i):
    """Center of Gaussian i in camera axes."""
    x, y, z = means[i, 0], means[i, 1], means[i, 2]
    return (
        camera[0] * x + camera[1] * y + camera[2] * z + camera[9],
        camera[3] * x + camera[4] * y + camera[5] * z + camera[10],
        camera[6] * x + camera[7] * y + camera[8] * z + camera[11],
    )


@inlined
def _unit_quaternion(quats, i):
    """Normalized quaternion (w, x, y, z) of Gaussian i and one over its length."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    inverse = ONE / math.sqrt(w * w + x * x + y * y + z * z)
    return w * inverse, x * inverse, y * inverse, z * inverse, inverse


@inlined
def _rotation(w, x, y, z):
    """Rotation matrix of a unit quaternion, row by row."""
    return (
        (ONE - TWO * (y * y + z * z), TWO * (x * y - w * z), TWO * (x * z + w * y)),
        (TWO * (x * y + w * z), ONE - TWO * (x * x + z * z), TWO * (y * z - w * x)),
        (TWO * (x * z - w * y), TWO * (y * z + w * x), ONE - TWO * (x * x + y * y)),
    )


@inlined
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def _row_times(a, m):
    """Row vector times matrix: a M."""
    return (
        a[0] * m[0][0] + a[1] * m[1][0] + a[2] * m[2][0],
        a[0] * m[0][1] + a[1] * m[1][1] + a[2] * m[2][1],
        a[0] * m[0][2] + a[1] * m[1][2] + a[2] * m[2][2],
    )


@inlined
def _mix(s, a, t, b):
    """Linear combination s a + t b of two vectors."""
    return (s * a[0] + t * b[0], s * a[1] + t * b[1], s * a[2] + t * b[2])


@inlined
def _jacobian(camera, frustum, x, y, z):
    """Non-zero entries J00, J02, J11, J12 of the projection's Jacobian, and its clamped point."""
    inverse_z = ONE / z
    tx = z * min(frustum[1], max(frustum[0], x * inverse_z))
    ty = z * min(frustum[3], max(frustum[2], y * inverse_z))
    j00, j11 = camera[12] * inverse_z, camera[13] * inverse_z
    return j00, -j00 * tx * inverse_z, j11, -j11 * ty * inverse_z, tx, ty


@inlined
def _camera_rows(camera):
    return (
        (camera[0], camera[1], camera[2]),
        (camera[3], camera[4], camera[5]),
        (camera[6], camera[7], camera[8]),
    )


@kernel
def project(
    start, stop, means, quats, scales, opacities, camera, width, height,
    means2d, conics, depths, radii,
):  # fmt: skip
    """Project Gaussians [start, stop).

    Writes the center in pixels [N,2], the inverse of the 2x2 covariance as (xx, xy, yy) [N,3], the
    depth [N], and the half sizes of the bounding box [N,2] int32, which are 0 for a Gaussian that
    is behind the camera, outside the image, degenerate or fainter than 1/255.
    """
    frustum = _frustum(camera, width, height)
    c0, c1, c2 = _camera_rows(camera)
    for i in range(start, stop):
        x, y, z = _to_camera(camera, means, i)
        j00, j02, j11, j12, _, _ = _jacobian(camera, frustum, x, y, z)
        qw, qx, qy, qz, _ = _unit_quaternion(quats, i)
        rotation = _rotation(qw, qx, qy, qz)
        # rows of G = J R_camera R S, so that the image covariance is G G^T
        g = _row_times(_mix(j00, c0, j02, c2), rotation)
        h = _row_times(_mix(j11, c1, j12, c2), rotation)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        g = (g[0] * s0, g[1] * s1, g[2] * s2)
        h = (h[0] * s0, h[1] * s1, h[2] * s2)
        xx, xy, yy = _dot(g, g) + BLUR, _dot(g, h), _dot(h, h) + BLUR
        det = xx * yy - xy * xy
        u, v = j00 * x + camera[14], j11 * y + camera[15]
        opacity = opacities[i]
        radius_x, radius_y = ZERO, ZERO
        regular = (det > ZERO) and (xx < MAX_VARIANCE) and (yy < MAX_VARIANCE)
        if regular and (z >= NEAR) and (z <= FAR) and (opacity >= MIN_ALPHA):
            extent = math.sqrt(max(ZERO, TWO * math.log(opacity / MIN_ALPHA)))
            extent = min(MAX_EXTENT, extent)
            rx, ry = np.ceil(extent * math.sqrt(xx)), np.ceil(extent * math.sqrt(yy))
            inside = (u + rx > ZERO) and (u - rx < F(width))
            inside = inside and (v + ry > ZERO) and (v - ry < F(height))
            if inside and (rx > ZERO or ry > ZERO):
                radius_x, radius_y = rx, ry
        inverse = ONE / det
        means2d[i, 0], means2d[i, 1], depths[i] = u, v, z
        conics[i, 0], conics[i, 1], conics[i, 2] = yy * inverse, -xy * inverse, xx * inverse
        radii[i, 0], radii[i, 1] = np.int32(radius_x), np.int32(radius_y)


@inlined
def _covariance_gradient(conics, grad_conics, i):
    """Gradient of the 2x2 covariance from that of its inverse, twice: -2 Q V Q, symmetric."""
    a, b, c = conics[i, 0], conics[i, 1], conics[i, 2]
    va, vb, vc = grad_conics[i, 0], HALF * grad_conics[i, 1], grad_conics[i, 2]
    e00, e01 = a * va + b * vb, a * vb + b * vc
    e10, e11 = b * va + c * vb, b * vb + c * vc
    return -TWO * (e00 * a + e01 * b), -TWO * (e00 * b + e01 * c), -TWO * (e10 * b + e11 * c)


@inlined
def _center_gradient(camera, frustum, x, y, z, grad_j, grad_uv, grad_z):
    """Gradient of the center in camera axes from those of (u, v), of J and of the depth."""
    j00, j02, j11, j12, tx, ty = _jacobian(camera, frustum, x, y, z)
    v00, v02, v11, v12 = grad_j
    r = ONE / z
    vx, vy = j00 * grad_uv[0], j11 * grad_uv[1]
    vz = grad_z - (vx * x + vy * y) * r
    vz -= (j00 * v00 + j11 * v11 + TWO * (j02 * v02 + j12 * v12)) * r
    # d tx / d x = 1 inside the frustum; outside tx moves with z only
    if (x * r <= frustum[1]) and (x * r >= frustum[0]):
        vx -= j00 * r * v02
    else:
        vz += j02 * r * v02
    if (y * r <= frustum[3]) and (y * r >= frustum[2]):
        vy -= j11 * r * v12
    else:
        vz += j12 * r * v12
    return vx, vy, vz


@inlined
def _quaternion_gradient(w, x, y, z, inverse, v):
    """Gradient of the unnormalized quaternion from that of the rotation matrix (rows v)."""
    gw = TWO * (x * (v[2][1] - v[1][2]) + y * (v[0][2] - v[2][0]) + z * (v[1][0] - v[0][1]))
    gx = TWO * (
        w * (v[2][1] - v[1][2]) - TWO * x * (v[1][1] + v[2][2])
        + y * (v[1][0] + v[0][1]) + z * (v[2][0] + v[0][2])
    )  # fmt: skip
    gy = TWO * (
        w * (v[0][2] - v[2][0]) - TWO * y * (v[0][0] + v[2][2])
        + x * (v[1][0] + v[0][1]) + z * (v[2][1] + v[1][2])
    )  # fmt: skip
    gz = TWO * (
        w * (v[1][0] - v[0][1]) - TWO * z * (v[0][0] + v[1][1])
        + x * (v[2][0] + v[0][2]) + y * (v[2][1] + v[1][2])
    )  # fmt: skip
    along = gw * w + gx * x + gy * y + gz * z
    return (
        (gw - along * w) * inverse,
        (gx - along * x) * inverse,
        (gy - along * y) * inverse,
        (gz - along * z) * inverse,
    )


@kernel
def project_backward(
    start, stop, means, quats, scales, camera, width, height, radii, conics,
    grad_means2d, grad_conics, grad_depths, grad_means, grad_quats, grad_scales, grad_camera,
):  # fmt: skip
    """Gradients of Gaussians [start, stop); zero for those that were not visible.

    ``grad_camera`` [N,12] receives each Gaussian's share of the gradient of rotation and
    translation; with no rows it is left out.
    """
    frustum = _frustum(camera, width, height)
    rows = _camera_rows(camera)
    c0, c1, c2 = rows
    for i in range(start, stop):
        if radii[i, 0] <= 0 or radii[i, 1] <= 0:
            grad_means[i] = ZERO
            grad_scales[i] = ZERO
            grad_quats[i] = ZERO
            if grad_camera.shape[0] > 0:
                grad_camera[i] = ZERO
            continue
        x, y, z = _to_camera(camera, means, i)
        j00, j02, j11, j12, _, _ = _jacobian(camera, frustum, x, y, z)
        qw, qx, qy, qz, inverse = _unit_quaternion(quats, i)
        r0, r1, r2 = _rotation(qw, qx, qy, qz)
        s = (scales[i, 0], scales[i, 1], scales[i, 2])
        m0 = (r0[0] * s[0], r0[1] * s[1], r0[2] * s[2])
        m1 = (r1[0] * s[0], r1[1] * s[1], r1[2] * s[2])
        m2 = (r2[0] * s[0], r2[1] * s[1], r2[2] * s[2])
        a, b = _mix(j00, c0, j02, c2), _mix(j11, c1, j12, c2)  # rows of A = J R_camera
        g, h = _row_times(a, (m0, m1, m2)), _row_times(b, (m0, m1, m2))  # rows of G = A M
        v00, v01, v11 = _covariance_gradient(conics, grad_conics, i)
        vg, vh = _mix(v00, g, v01, h), _mix(v01, g, v11, h)
        va = (_dot(vg, m0), _dot(vg, m1), _dot(vg, m2))
        vb = (_dot(vh, m0), _dot(vh, m1), _dot(vh, m2))
        vm0, vm1, vm2 = _mix(a[0], vg, b[0], vh), _mix(a[1], vg, b[1], vh), _mix(a[2], vg, b[2], vh)
        vx, vy, vz = _center_gradient(
            camera, frustum, x, y, z, (_dot(va, c0), _dot(va, c2), _dot(vb, c1), _dot(vb, c2)),
            (grad_means2d[i, 0], grad_means2d[i, 1]), grad_depths[i],
        )  # fmt: skip
        world = _row_times((vx, vy, vz), rows)
        grad_means[i, 0], grad_means[i, 1], grad_means[i, 2] = world[0], world[1], world[2]
        for k in range(3):
            grad_scales[i, k] = r0[k] * vm0[k] + r1[k] * vm1[k] + r2[k] * vm2[k]
        vr = (
            (vm0[0] * s[0], vm0[1] * s[1], vm0[2] * s[2]),
            (vm1[0] * s[0], vm1[1] * s[1], vm1[2] * s[2]),
            (vm2[0] * s[0], vm2[1] * s[1], vm2[2] * s[2]),
        )
        vq = _quaternion_gradient(qw, qx, qy, qz, inverse, vr)
        for k in range(4):
            grad_quats[i, k] = vq[k]
        if grad_camera.shape[0] > 0:
            for k in range(3):
                grad_camera[i, k] = vx * means[i, k] + j00 * va[k]
                grad_camera[i, 3 + k] = vy * means[i, k] + j11 * vb[k]
                grad_camera[i, 6 + k] = vz * means[i, k] + j02 * va[k] + j12 * vb[k]
            grad_camera[i, 9], grad_camera[i, 10], grad_camera[i, 11] = vx, vy, vz
