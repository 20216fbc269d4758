"""Events in the API: as pages, and as a stream of server-sent events.

Each audience supplies its own source of events. The cursors, the pages and the stream are the same for all.
"""
