"""The app-server's dialect of JSON-RPC: lines, params and their refusals, in its own words.

May import msgspec, the runtime's protocol and errors; nothing else of the simulation. It keeps no
state: what a line is, which params a method takes and what a refusal says are tables and functions.
"""
