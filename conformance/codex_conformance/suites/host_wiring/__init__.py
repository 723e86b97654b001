"""The suite ``host_wiring``: checks of the wiring of a host, through the host's endpoints.

May import the visits and conversations. The invariant: importing a module of it registers checks.
"""
