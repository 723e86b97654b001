"""The plays: what the client and the model do in each scene.

May import the stage, the script language and the definition of a play. The invariant: a play acts
and records; it never judges.
"""
