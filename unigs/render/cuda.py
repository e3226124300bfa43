"""The rasteriser on NVIDIA GPUs: gsplat 1.5.3, imported only when tensors are there.

gsplat's ``rasterization`` returns its 2D means with a leading image dimension, and a view of them
would receive no gradient. Its four public steps are therefore called one by one, with the means'
[N,2] tensor on the path from parameters to image; the result is that of ``rasterization`` with
``packed=False``.
"""

import math

from torch import Tensor

from unigs.errors import UserError

TILE = 16


def _gsplat():
    """Import gsplat with its compiled kernels (built at the first call if there is no wheel)."""
    try:
        import gsplat
        from gsplat.cuda._backend import _C
    # Without a wheel gsplat compiles itself on import: a failed build is a RuntimeError.
    except (ImportError, RuntimeError) as error:
        raise UserError(
            f"rendering on a GPU needs gsplat 1.5.3, which does not import ({error}): install it "
            "as docs/gpu.md says, or choose the device cpu"
        ) from error
    if _C is None:
        raise UserError(
            "gsplat is installed without its CUDA kernels and finds no CUDA toolkit to build them: "
            "install the wheel for this torch and CUDA version, or choose the device cpu"
        )
    return gsplat


def rasterize_cuda(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    background: Tensor,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The same as :func:`unigs.render.rasterize.rasterize`, for checked CUDA tensors."""
    gsplat = _gsplat()
    radii, means2d, depths, conics, _ = gsplat.fully_fused_projection(
        means, None, quats, scales, viewmat[None], K[None], width, height, packed=False,
        opacities=opacities,
    )  # fmt: skip
    radii, means2d, depths, conics = radii[0], means2d[0], depths[0], conics[0]
    tiles_x, tiles_y = math.ceil(width / TILE), math.ceil(height / TILE)
    _, tile_keys, order = gsplat.isect_tiles(
        means2d[None], radii[None], depths[None], TILE, tiles_x, tiles_y
    )
    offsets = gsplat.isect_offset_encode(tile_keys, 1, tiles_x, tiles_y)
    image, alpha = gsplat.rasterize_to_pixels(
        means2d[None], conics[None], colors[None], opacities[None], width, height, TILE,
        offsets, order, backgrounds=background[None],
    )  # fmt: skip
    meta = {"means2d": means2d, "conics": conics, "depths": depths, "radii": radii}
    return image[0], alpha[0], meta
