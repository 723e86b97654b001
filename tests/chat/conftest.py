"""What the tests of the chat's command share."""

from __future__ import annotations

import pytest

from support.chat_runs import Chats


@pytest.fixture
def chats(tmp_path):
    """Chats in a folder of their own."""
    return Chats(tmp_path)
