"""The suites: plays, the scenes that come of them, and the checks that judge scenes.

May import the wire, the requirements, the targets' definitions and the script language, never the
runtime's protocol or client. The invariant: plays act and never judge, checks judge and never act.
"""
