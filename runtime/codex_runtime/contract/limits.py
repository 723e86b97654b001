"""Every limit, size and delay of the component and its callers (spec 01-06).

May import nothing of the project. The invariant: a number that two places must agree on stands here
and nowhere else. Times are whole milliseconds unless a name says otherwise.
"""

from __future__ import annotations

from typing import Final

POLICY_VERSION: Final = 4
"""Stamped on import sources and jobs: which rules they were made under."""

# Reading.
SNAPSHOT_TURNS: Final = 50
SNAPSHOT_STREAMS: Final = 200
SNAPSHOT_STATS: Final = 500
SNAPSHOT_APPROVALS: Final = 100
SNAPSHOT_MESSAGES: Final = 20
SNAPSHOT_EVENTS: Final = 50
HISTORY_LATEST: Final = 5
TURN_MESSAGES: Final = 500
PAGE_MOST: Final = 1_000
"""The most rows one page holds; more are never read in one call."""
SERVER_REQUESTS_DEFAULT: Final = 100
SERVER_REQUESTS_MOST: Final = 200
SYNC_JOBS_SCANNED: Final = 16
SYNC_JOBS_DEFAULT: Final = 20
SYNC_JOBS_MOST: Final = 50
TOKEN_USAGE_MOST: Final = 1_000
RUNTIME_IDS_MOST: Final = 1_000
CHECKPOINTS_MOST: Final = 2_000
INPUT_SUMMARY_UNITS: Final = 500
"""UTF-16 units of a turn's input that are kept as its summary."""

ROW_TEXT_MOST: Final = 700_000
"""UTF-8 bytes that the long texts of one row may have together; a document holds 1 MiB."""
PART_BYTES: Final = 500_000
"""UTF-8 bytes of one part of a text that does not fit into its row."""
READ_BYTES_MOST: Final = 4 * 1_024 * 1_024
"""UTF-8 bytes of texts after which a page ends early; a transaction reads at most 16 MiB."""

# Ingest and replay.
DELTA_TTL: Final = 24 * 60 * 60 * 1_000
HEARTBEAT_WRITE_INTERVAL: Final = 10_000
SESSION_SWEEP_INTERVAL: Final = 60_000
SESSION_STALE_AFTER: Final = 180_000
SESSION_SWEEP_BATCH: Final = 500
DELTA_SWEEP_INTERVAL: Final = 300_000
DELTA_SWEEP_BATCH: Final = 1_000
DELTA_SWEEP_MOST: Final = 5_000
RECEIPT_IDS: Final = 64
"""Ids that one receipt holds."""
INGEST_BYTES_MOST: Final = 7 * 1_024 * 1_024
"""UTF-8 bytes that the payloads of one batch may have together: reasoning is written twice, and a
transaction writes at most 16 MiB."""
INGEST_LOOKUPS_MOST: Final = 3_900
"""Index ranges that one batch may need; a transaction may read 4,096."""
INGEST_ENDINGS_MOST: Final = 900
"""Turns that one batch may end: each end schedules its reconciliation, and a transaction schedules
at most 1,000 functions."""
INGEST_READ_MOST: Final = 15 * 1_024 * 1_024
"""UTF-8 bytes of stored messages that one batch may read, payloads included. A long one that it
changes counts twice, since what a transaction deletes is read; one reads at most 16 MiB."""
INGEST_WRITTEN_MOST: Final = 15 * 1_024 * 1_024
"""UTF-8 bytes that one batch may write: its events, its reasoning and the whole of every message
that it changes. A transaction writes at most 16 MiB."""
STREAM_CLEANUP_BATCH: Final = 500
STREAM_CLEANUP_MOST: Final = 2_000
STREAM_DELETE_DELAY: Final = 300_000
RECONCILE_MESSAGES: Final = 500
RECONCILE_STREAMS: Final = 100
REPLAY_STREAMS: Final = 200
DELTAS_PER_STREAM: Final = 100
DELTAS_PER_REQUEST: Final = 1_000
AUDIT_SAMPLE_DEFAULT: Final = 1_000
AUDIT_SAMPLE_MOST: Final = 5_000
AUDIT_ORPHANS_NAMED: Final = 25
AUDIT_ROWS_MOST: Final = 500
"""Rows of one table that an audit counts; beyond that it says "at least"."""
AUDIT_PARENTS_SOUGHT: Final = 100
"""Rows of one table whose parents an audit looks for."""

# Durable import.
SYNC_RETRY_BACKOFF: Final = (500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000)
SYNC_ATTEMPTS: Final = 8
SYNC_INGEST_BATCH: Final = 48
SYNC_LEASE: Final = 60_000
"""How long a worker step may hold a job before the watchdog takes it for dead."""
SYNC_VERIFY_BATCH: Final = 1_000
"""Manifest entries that one step of the verification looks up."""
MANIFEST_PAGE: Final = 200
"""Manifest entries that are stored together."""
MANIFEST_ID_BYTES_MOST: Final = 1_000
"""UTF-8 bytes of an id in a manifest, escapes of JSON included."""
MANIFEST_BYTES_MOST: Final = 12 * 1_024 * 1_024
"""UTF-8 bytes of a manifest: it is written in one transaction, which writes at most 16 MiB."""
SOURCE_CHUNKS_MOST: Final = 10_000
"""Chunks of one source: its seal reads a row of each."""
SOURCE_EXPIRES_AFTER: Final = 60 * 60 * 1_000
"""How long a source may go on collecting without a new chunk."""
CHUNK_BYTES_MOST: Final = 4 * 1_024 * 1_024
"""UTF-8 bytes of one chunk's payload: a transaction reads and writes at most 16 MiB."""
SYNC_EVENTS_PER_STEP: Final = 192
"""Events of a chunk that one step of the worker takes in."""
IMPORT_CHUNK_EVENTS: Final = 128
SYNC_POLL_INTERVAL: Final = 300
SYNC_POLL_TIMEOUT: Final = 180_000

# Deletion.
DELETE_DELAY_DEFAULT: Final = 600_000
DELETE_DELAY_LEAST: Final = 1_000
DELETE_DELAY_MOST: Final = 7 * 24 * 60 * 60 * 1_000
DELETE_BATCH_DEFAULT: Final = 500
DELETE_BATCH_MOST: Final = 2_000
ERROR_TEXT_MOST: Final = 500
DELETE_LOOKUPS_MOST: Final = 1_500
"""Index ranges that one batch of a deletion reads, one for each row that it deletes included; a
transaction may read 4,096."""
DELETE_LEASE: Final = 60_000
"""How long a deletion may stand still before the watchdog takes its batch for dead."""
DELETE_ATTEMPTS: Final = 8
"""Batches in a row that may die before the deletion fails."""

# Dispatch.
LEASE_DEFAULT: Final = 15_000
LEASE_LEAST: Final = 1_000
LEASE_MOST: Final = 10 * 60 * 1_000
