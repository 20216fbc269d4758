"""Benchmarks. They report ratios, because an absolute time says nothing about another machine.

Both sides of a ratio are measured in the same run. docs/performance.md explains how to read the figures.
"""
