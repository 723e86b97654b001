"""The suite ``deletion``: checks of deletion, through the host's endpoints.

May import the visits and conversations. The invariant: importing a module of it registers checks.
"""
