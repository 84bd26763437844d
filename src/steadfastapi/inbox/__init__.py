"""The error inbox: every error of the application, grouped into issues and kept.

An error takes one way: what is known of it is noted on the request path
(`capture`, a `Sighting`), waits in a bounded queue (`queue`), becomes a scrubbed
`Entry` in the writer's thread (`complete`), and is counted and kept by a `Store`.
"""
