"""What the model did in each recording of requests about threads, and how it was configured.

These recordings were made with the binary of the protocol lock, for what the older ones leave open:
forks of forks and of running turns, reverts, the archive, legacy history, goals, accounts, reviews.
"""

from __future__ import annotations

from codex_fakes.script.steps import FailHttp, Patch, Say, Stall, Think, Wait
from support.recorded_cases import Process, responses, run, say

PROVIDER = {"model_provider": "scripted"}


def process(*answers, opens=None, **settings):
    """A process whose model answers so, and then repeats what it is told."""
    return Process(
        responses(*answers, otherwise="echo"), {**PROVIDER, **settings}, opens=opens or {}
    )


def says(*texts):
    """Answers of one message each."""
    return [say(text, item="m1") for text in texts]


ECHO = run("echo ran", "ran\n", "c1")
HELD_AT_GATE = (say("partial ", item="m9", left_open=True), Wait(gate="go"))
HELD = (say("partial ", item="m1", left_open=True), Stall())
ITEMS = (
    Think(summary=("th",), item_id="rs"),
    Say(text="hmm", item_id="m0", phase="commentary"),
    run("echo ran", "ran\n", "c1"),
)
NEW_FILE = Patch(patch="*** Begin Patch\n*** Add File: n.txt\n+x\n*** End Patch\n", call_id="p1")
ONE, TWO = says("one", "two")

THREAD_CASES = {
    "threads_archive": [process(ONE), process()],
    "threads_archive_and_delete": [process(*says("one", "two"))],
    "threads_archive_pending": [
        process(
            run("touch y", call="c9"),
            run("touch z", call="c8"),
            compacted_context_tokens=7_077,
        )
    ],
    "threads_badids": [process()],
    "threads_ephemeral_fork": [
        process(*says("one", "two", "three"), compacted_context_tokens=7_850)
    ],
    "threads_fork_empty2": [process()],
    "threads_forkread": [process(ONE, TWO), process()],
    "threads_forks": [
        process(ONE, ECHO, TWO, *says("f1"), HELD_AT_GATE, opens={"23": "go"}),
        process(),
    ],
    "threads_forksettings": [process(ONE), process()],
    "threads_goals": [process(ONE), process()],
    "threads_account_auth": [
        process(requires_openai_auth=True),
        process(requires_openai_auth=True),
    ],
    "threads_legacy": [process(*says("one", "two", "f")), process()],
    "threads_legacy_items": [
        process(
            ITEMS,
            NEW_FILE,
            *says("done"),
            FailHttp(status=500),
            *says("c"),
            compacted_context_tokens=7_849,
        )
    ],
    "threads_legacy_running": [process(ONE, HELD_AT_GATE, *says("after")), process()],
    "threads_metadata": [process(ONE)],
    "threads_pages": [process(*says("a"), run("true", "", "c1"), *says("b", "c"))],
    "threads_resume_running": [process(run("touch x", "", "c1"), TWO, HELD_AT_GATE)],
    "threads_revert": [process(ONE, TWO, HELD_AT_GATE, *says("after")), process(*says("x2"))],
    "threads_revert_unloaded": [process(ONE, TWO), process()],
    "threads_revertsettings": [process(ONE, TWO)],
    "threads_review": [process(ONE, *says("a review", "after"))],
    "threads_review_fail": [process(ONE, FailHttp(status=500))],
    "threads_review_running": [process(ONE, HELD, *says("a review", "after"))],
    "threads_review_steer": [process(ONE, HELD, *says("a"))],
}
