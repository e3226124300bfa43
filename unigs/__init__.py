"""UniGS: unified 3D Gaussian splatting for long-haired talking portraits."""

__version__ = "0.1.0"
