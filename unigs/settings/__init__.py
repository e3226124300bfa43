"""Every setting, one module per section of the configuration; the columns of the sheet beside."""
