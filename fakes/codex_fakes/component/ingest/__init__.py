"""Taking in what a runtime delivers: events of streams and of threads (spec 02).

Data flows one way: a batch is put in order and understood (``events``), then applied to what is
there (``batch`` with ``messages``, ``streams``, ``approvals``), then written; ``functions`` are the
doors. The invariant: a batch is taken in as a whole or not at all, and what was taken in once
changes nothing when it is delivered again.
"""
