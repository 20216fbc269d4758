"""Find files, open them whatever their packing, and say how they are written. Give each row as text, with its place.

Nothing here knows what the columns mean. That is in `ordersite.importing.layouts`.
"""
