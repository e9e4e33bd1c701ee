"""A short form of `make uploads`."""

import pytest

from tests.campaigns.uploads import cuts


@pytest.mark.campaign
def test_cuts_of_the_network_lose_no_segment_and_spoil_none() -> None:
    found = cuts.run(8)
    assert (found.lost, found.spoilt) == (0, 0)
    assert found.segments >= 4
