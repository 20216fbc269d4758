"""What the log accepts: the bounds of times, numbers, texts and nesting. Every way into the log uses them.

What is inside these bounds can be shown by every reader: pages, exports, timelines, seals and books. Plain Python,
except for `columns`.
"""
