"""A portrait speaks any recording."""
