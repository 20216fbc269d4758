"""Settings of PostgreSQL that decide what its log holds. Plain Python: a server is started before Django is set up."""

NO_VALUES_IN_LOG = {
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
}
"""Settings with which the log holds no value of a statement, failed or not: it may be personal data.

The program that sent a failed statement gets the whole error. The server's own log has what is about the server."""
