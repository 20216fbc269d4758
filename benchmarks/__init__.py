"""Ratios, each side measured in the same run: an absolute time says nothing about another machine."""
