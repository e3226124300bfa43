"""What a synthetic video says of itself: manifest, metadata, visible mark; and its reader."""
