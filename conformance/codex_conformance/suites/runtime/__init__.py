"""Checks of host runtimes, between an app-server and a deployment.

May import the requirements, the wire's messages and what the targets are to the suites.
"""
