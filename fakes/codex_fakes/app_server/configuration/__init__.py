"""What a simulated app-server is told before it starts: command line, config.toml, settings.

May import the dialect. It only reads; what is configured does not change while a server runs.
"""
