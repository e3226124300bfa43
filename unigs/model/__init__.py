"""The portrait: Gaussians, tri-plane, speech network, deformation."""
