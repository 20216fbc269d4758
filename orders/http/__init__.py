"""The writing side of the API: turns HTTP requests into commands, and their answers into responses.

The reading side is in `projections`. `ordersite.api` combines both for URLs that read and write.
"""
