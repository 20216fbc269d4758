"""Settings: `development` for `make run`, `production` for a deployed shop; both extend `base`."""
