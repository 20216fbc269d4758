"""Import orders from files, by real commands. `sources` reads files, and `layouts` knows what their columns mean.

The rules are in docs/importing.md.
"""
