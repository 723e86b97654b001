"""Conformance suites: whether an app-server, a host, and a runtime keep their promises.

May import :mod:`codex_fakes` and :mod:`codex_runtime`; nothing imports this package. Its rooms:

* :mod:`~codex_conformance.requirements`: every promise, with its level and where it comes from
* :mod:`~codex_conformance.wire`: bytes, lines, transcripts, turns; the standard library's JSON
* :mod:`~codex_conformance.targets`: what the suites can be run against
* :mod:`~codex_conformance.suites`: plays act and record, checks judge what was recorded
* :mod:`~codex_conformance.runner`: plays each scene once, judges, and tells reporters
* :mod:`~codex_conformance.report`: for people, and for machines
* :mod:`~codex_conformance.miniatures`: app-servers, hosts and runtimes with one fault each, which
  the checks must find
* :mod:`~codex_conformance.cli`: the command ``codex-conformance``

The invariant of all of them: a check passes only when the rule was seen to hold. What could not be
seen is ``unknown``, what the target does not declare is ``not_applicable``, and neither is a pass.
"""
