"""A valid agreement to break, and the schemas that ship with ewpgw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import Fault, Schemas, default

IIAS = "https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd"
CONTACT = "https://github.com/erasmus-without-paper/ewp-specs-types-contact/tree/stable-v1"

CONDITION = """      <sending-hei-id>north.example</sending-hei-id>
      <receiving-hei-id>south.example</receiving-hei-id>
      <receiving-first-academic-year-id>2026/2027</receiving-first-academic-year-id>
      <receiving-last-academic-year-id>2028/2029</receiving-last-academic-year-id>
      <mobilities-per-year>2</mobilities-per-year>
      <recommended-language-skill><language>en</language><cefr-level>B2</cefr-level></recommended-language-skill>
      <subject-area><isced-f-code>0713</isced-f-code></subject-area>"""

AGREEMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<iias-get-response xmlns="{IIAS}" xmlns:c="{CONTACT}">
  <iia>
    <partner><hei-id>north.example</hei-id><iia-id>N-1</iia-id></partner>
    <partner>
      <hei-id>south.example</hei-id>
      <c:contact><c:contact-name xml:lang="en">International Office</c:contact-name></c:contact>
    </partner>
    <in-effect>false</in-effect>
    <cooperation-conditions>
    <student-studies-mobility-spec>
{CONDITION}
      <total-months-per-year>10</total-months-per-year>
      <blended>false</blended>
    </student-studies-mobility-spec>
    <student-studies-mobility-spec>
{CONDITION}
      <total-months-per-year>5</total-months-per-year>
      <blended>true</blended><!-- the second -->
      <eqf-level>6</eqf-level>
    </student-studies-mobility-spec>
    </cooperation-conditions>
    <iia-hash>{"0a" * 32}</iia-hash>
  </iia>
</iias-get-response>
"""


@pytest.fixture
def schemas() -> Schemas:
    return default()


@pytest.fixture(scope="session")
def agreement() -> str:
    """A valid iias get-response."""
    return AGREEMENT


@pytest.fixture
def broken() -> Callable[[str, str], list[Fault]]:
    """The faults of the agreement after one replacement in its text (the last occurrence)."""

    def faults(old: str, new: str) -> list[Fault]:
        head, found, tail = AGREEMENT.rpartition(old)
        assert found, f"{old!r} is not in the agreement"
        return default().faults(parse((head + new + tail).encode()))

    return faults
