"""Back up the truth of a site into a folder, and restore it into another database.

What is truth is not decided here: each model says it (`contents`, see `eventstore.models`).
"""
