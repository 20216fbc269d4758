"""Real orders from the UCI Online Retail layout, through the real commands. docs/importing.md has the rules."""
