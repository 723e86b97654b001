"""The checks of the suite ``lifecycle``.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""
