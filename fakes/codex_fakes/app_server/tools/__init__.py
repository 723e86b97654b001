"""What the model calls: commands, patches, questions, dynamic tools; consent and rules for them.

May import model, storage, threads and the layers below. It does not know how turns end.
"""
