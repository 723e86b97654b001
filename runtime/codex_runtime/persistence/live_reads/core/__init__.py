"""What the live client decides: the sync protocol from the client's side, without IO or time.

May import values, the exceptions of live reads and msgspec. Data flows one way: :mod:`.machine`
takes inputs (:mod:`.inputs`) and gives effects (:mod:`.effects`); :mod:`.states` holds the states
and their transitions as data.
"""
