"""What clients may ask: one handler for each simulated request, refusals included.

May import turns and all layers below; nothing of the machine or its shells.
"""
