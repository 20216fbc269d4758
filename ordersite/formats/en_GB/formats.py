"""Date formats: to the second, on a 24-hour clock."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i:s"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]  # the admin's calendar uses the first
