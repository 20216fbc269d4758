"""Settings of the log's seals and of the read models: how often each is made, published, checked."""

from ordersite.settings.environment import env

# Seconds between seals of the settled log, and between publications of the latest seal, to a file or by mail.
SEAL_SECONDS = env.float("SEAL_SECONDS", default=60.0)
SEAL_PUBLISH_SECONDS = env.float("SEAL_PUBLISH_SECONDS", default=86_400.0)
SEAL_FILE = env.str("SEAL_FILE", default="")
SEAL_MAIL_TO = env.list("SEAL_MAIL_TO", default=[])
SEAL_PUBLIC_KEYS = env.list("SEAL_PUBLIC_KEYS", default=[])  # hex; retired signing keys that are still trusted

# Seconds between drift checks, and the number of aggregates that each check compares with their read models.
DRIFT_SECONDS = env.float("DRIFT_SECONDS", default=300.0)
DRIFT_SAMPLE = env.int("DRIFT_SAMPLE", default=50)
# Seconds between two comparisons of how many events the log holds with how many each read model has taken.
WATCH_SECONDS = env.float("WATCH_SECONDS", default=60.0)
# Whether a read model is rebuilt automatically, beside the live one, when its projection's code has changed.
REBUILD_BY_ITSELF = env.bool("REBUILD_BY_ITSELF", default=True)
