"""`development` is what `make run` uses, `production` what a shop deploys; both start from `base`."""
