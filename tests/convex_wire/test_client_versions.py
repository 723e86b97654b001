"""Which client speaks, and whether it is still spoken to."""

from __future__ import annotations

import pytest

from codex_fakes.convex.wire.client_versions import (
    UNKNOWN,
    check_supported,
    from_header,
    from_url,
)
from codex_fakes.convex.wire.refusals import Refusal


@pytest.mark.parametrize(
    ("header", "client", "numbers", "prerelease"),
    [
        ("npm-1.48.0", "npm", (1, 48, 0), ""),
        ("NPM-1.48.0", "npm", (1, 48, 0), ""),
        ("python-0.8.1", "python", (0, 8, 1), ""),
        ("npm-cli-1.2.3", "npm-cli", (1, 2, 3), ""),
        ("custom-swift-0.0.10-alpha.0", "custom-swift", (0, 0, 10), "alpha.0"),
        ("some-thing-1.2.3-4.5.6-alpha.7", "some-thing", (1, 2, 3), "4.5.6-alpha.7"),
    ],
)
def test_a_header_names_a_client_and_its_version(header, client, numbers, prerelease):
    found = from_header(header)

    assert (found.client, found.numbers, found.prerelease) == (client, numbers, prerelease)


@pytest.mark.parametrize("header", ["", "npm", "npm-", "npm-abc", "npm-1.2", "npm-1.2.3.4"])
def test_a_header_without_a_version_is_refused(header):
    with pytest.raises(Refusal) as caught:
        from_header(header)

    assert caught.value.code == "InvalidClientVersion"


def test_the_url_of_a_socket_names_an_npm_client():
    assert (from_url("1.48.0").client, from_url("1.48.0").numbers) == ("npm", (1, 48, 0))
    with pytest.raises(Refusal):
        from_url("v1")


@pytest.mark.parametrize(
    ("last_refused", "first_served"),
    [
        ("npm-0.19.1", "npm-0.19.2"),
        ("npm-cli-0.19.1", "npm-cli-0.19.2"),
        ("python-0.0.2", "python-0.0.3"),
        ("python-convex-0.0.2", "python-convex-0.0.3"),
        ("rust-0.0.1", "rust-0.0.2"),
    ],
)
def test_a_client_is_refused_up_to_its_threshold_and_served_past_it(last_refused, first_served):
    refusal = check_supported(from_header(last_refused))

    assert refusal.code == "ClientVersionUnsupported"
    assert check_supported(from_header(first_served)) is None


def test_an_unknown_client_has_no_threshold():
    assert check_supported(from_header("mine-0.0.0")) is None
    assert check_supported(UNKNOWN) is None


@pytest.mark.parametrize(
    ("last_warned", "first_quiet"),
    [("python-0.2.0", "python-0.2.1"), ("npm-0.19.1", "npm-0.19.2")],
)
def test_a_client_is_warned_up_to_its_threshold(last_warned, first_quiet):
    assert from_header(last_warned).deprecation is not None
    assert from_header(first_quiet).deprecation is None


@pytest.mark.parametrize(
    ("last_encoded", "first_clean"),
    [
        ("npm-1.4.0", "npm-1.4.1"),
        ("npm-1.4.1-alpha.0", "npm-1.4.1"),
        ("python-0.4.9", "python-0.5.0"),
        ("actions-1.3.0", "rust-0.1.0"),
    ],
)
def test_old_clients_get_the_lossless_format_unasked(last_encoded, first_clean):
    assert from_header(last_encoded).wants_encoded
    assert not from_header(first_clean).wants_encoded


@pytest.mark.parametrize(
    ("client", "takes"),
    [("npm-1.27.9", False), ("npm-1.28.0", True), ("python-9.0.0", False), ("rust-9.0.0", False)],
)
def test_only_npm_from_1_28_takes_transitions_in_parts(client, takes):
    assert from_header(client).takes_chunks is takes
