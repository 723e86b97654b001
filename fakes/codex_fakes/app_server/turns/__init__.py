"""How turns go: from turn/start to turn/completed, reviews, compaction and counts on the way.

May import tools, model, storage, threads and the layers below.
"""
