"""Speed and memory, each against a peer or a limit of the same run; no test asserts them."""
