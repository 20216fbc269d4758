"""Date formats by locale, for FORMAT_MODULE_PATH."""
