"""Import orders from files in the UCI Online Retail layout, by real commands. The rules are in docs/importing.md."""
