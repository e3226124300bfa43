"""Lips from speech: what a clip, a pool of clips or synthetic voices teach of their shape."""
