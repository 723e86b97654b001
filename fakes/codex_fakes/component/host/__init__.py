"""The doors of an application to its component: the endpoints of the contract's manifests.

Data flows one way: an endpoint binds the actor to the caller (``acting``), finds what it is about
(``resolving``), calls the component, and shapes the answer (``answers``); ``definitions`` makes the
functions of a module of it, ``wiring`` tries them. The invariant: a door does not decide anything
that the contract does not say.
"""
