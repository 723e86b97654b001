"""The specification's vectors about importing a local thread, and what shows each.

Those about the deployment's side of an import (section 23) stand in :mod:`support.vectors`. The
desktop helper's parser, whose ids ``D-RUN-14`` compares, does not exist here: what reads a thread
to import it and what reads it after a crash is one function. The invariant, held by
tests/host/test_import_vectors.py: every vector has one entry, and every test that is named exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support.vectors import by

FLOW, PLAN, RUNTIME = "host/test_import_flow", "host/test_import_plan", "host/test_runtime"

IDS: Final[Mapping[str, str]] = {
    "11": "U-RUN-05 U-RUN-06",
    "25": "D-RUN-13 D-RUN-14 D-RUN-15",
}
"""The ids by section."""

IMPORT_VECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "U-RUN-05": by(FLOW, "test_one_turn_is_sent_as_one_chunk_of_one_stream")
    + by(PLAN, "test_one_turn_becomes_one_stream_of_contiguous_events"),
    "U-RUN-06": by(FLOW, "test_everything_that_was_said_is_there_in_its_order")
    + by(PLAN, "test_many_turns_become_chunks_that_are_never_too_large"),
    "D-RUN-13": by(RUNTIME, "test_nothing_is_imported_where_nothing_is_kept"),
    "D-RUN-14": by(FLOW, "test_items_without_an_id_are_kept_once_however_often_they_are_imported")
    + by(PLAN, "test_an_item_without_an_id_gets_one_that_is_the_same_every_time"),
    "D-RUN-15": by(FLOW, "test_an_item_without_a_type_is_left_out_with_a_warning"),
}
"""What shows each vector."""
