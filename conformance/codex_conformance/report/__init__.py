"""Reports: what a run tells people and machines.

May import the runner's events and the requirements. The invariant: a report is made of events
alone, so that a run that was written to a file can be shown again.
"""
