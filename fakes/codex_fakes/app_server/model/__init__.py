"""What the model writes while it streams: messages, reasoning and plans, delta by delta.

May import storage, threads and the layers below. It knows no tools: calls are the next layer's.
"""
