"""What outlives a server: rollouts, their reading, and where stored threads are found again.

May import the layers below: threads, surroundings, configuration, dialect.
"""
