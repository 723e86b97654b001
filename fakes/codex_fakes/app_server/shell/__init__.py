"""The shells around the machine: memory, stdin and stdout, websocket; doors and faults.

The only place of the simulation that imports asyncio. Decisions are the machine's; a shell moves
bytes, time and signals in and out.
"""
