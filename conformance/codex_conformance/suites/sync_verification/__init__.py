"""The suite ``sync_verification``: checks of durable imports, through the host's endpoints.

May import the visits and conversations. The invariant: importing a module of it registers checks.
"""
