"""The folder that AD-NeRF introduced and its relatives train on (RAD-NeRF, ER-NeRF, ...)."""
