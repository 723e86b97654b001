"""The checks of the suite ``protocol``.

May import the plays, the verdicts, the requirements' expectations and the wire.
"""
