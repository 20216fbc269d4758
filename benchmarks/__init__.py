"""How fast it is, as ratios: each side measured in the same run, because an absolute time says nothing about another
machine. docs/performance.md tells how to read them."""
