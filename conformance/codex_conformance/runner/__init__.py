"""The runner: selects checks, plays their scenes, judges, and tells reporters what happens.

May import the suites and the targets' definitions, never a report. The invariant: a reporter hears
of every selected check exactly once, and of the run's end exactly once, also when it is cut short.
"""
