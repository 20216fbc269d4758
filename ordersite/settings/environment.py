"""The environment of the process, from which all settings that differ between sites come."""

import environ

env = environ.Env()
