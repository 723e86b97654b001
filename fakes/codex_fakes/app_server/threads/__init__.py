"""What a server knows: threads, turns, items, and the world they share.

May import dialect, configuration and surroundings. Records and the tables of their states; who
changes them lies in the layers above. A turn knows what its tools have going by type only.
"""
