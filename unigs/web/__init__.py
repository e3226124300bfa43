"""A portrait as one web page that plays it: the exporter, and the built player (`web/`)."""
