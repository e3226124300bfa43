"""Every setting, one module per section of the configuration."""
