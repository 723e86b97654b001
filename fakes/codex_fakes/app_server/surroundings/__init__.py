"""What lies around a server: the files it touches, git repositories, time and chance.

May import the dialect. The only place of the simulation that reads or writes files and clocks.
"""
