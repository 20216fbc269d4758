"""The admin pages that send commands: buttons and forms on top of the read models' lists and pages.

Read models without commands have their pages in `projections`.
"""
