"""A trained portrait plays a performance, frame by frame, without autograd."""
