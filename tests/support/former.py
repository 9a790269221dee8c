"""An agreement approved under version 6 of the IIAs API, as it was served then."""

from __future__ import annotations

IIA_HASH = "7418ebe384471f891cae969258bf0a44ab91b5108b529762aa13ea09a6b743d2"
"""What the transformation that is published for version 6 gives for ``document()``."""

CONDITIONS_HASH = "9423363013c7d553a5bb5909f8de9ee9fa3b15373a9103823ead18c063d424f6"
"""What was approved while version 6 was in use."""

_DOCUMENT = """<iias-get-response\
 xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v6/endpoints/get-response.xsd"\
 xmlns:c="https://github.com/erasmus-without-paper/ewp-specs-types-contact/tree/stable-v1">
  <iia>
    <partner><hei-id>north.example</hei-id><iia-id>n-1</iia-id><iia-code>N/1</iia-code></partner>
    <partner><hei-id>south.example</hei-id><iia-id>s-9</iia-id><iia-code>S/9</iia-code></partner>
    <in-effect>true</in-effect>
    <cooperation-conditions>
      <student-studies-mobility-spec>
        <sending-hei-id>north.example</sending-hei-id>
        <sending-contact><c:contact-name>Office</c:contact-name><c:email>iro@north.example</c:email></sending-contact>
        <receiving-hei-id>south.example</receiving-hei-id>
        <receiving-academic-year-id>2021/2022</receiving-academic-year-id>
        <receiving-academic-year-id>2022/2023</receiving-academic-year-id>
        <receiving-academic-year-id>2023/2024</receiving-academic-year-id>
        <subject-area><isced-f-code>061</isced-f-code>\
<isced-clarification> Käyttöliittymät &amp; pelit</isced-clarification></subject-area>
        <subject-area><isced-f-code>0314</isced-f-code><isced-clarification/></subject-area>
        <other-info-terms>By
April</other-info-terms>
        <total-months-per-year>5.00</total-months-per-year>
        <blended>false</blended>
        <eqf-level>6</eqf-level>
      </student-studies-mobility-spec>
      <staff-training-mobility-spec>
        <sending-hei-id>south.example</sending-hei-id>
        <receiving-hei-id>north.example</receiving-hei-id>
        <receiving-academic-year-id>2021/2022</receiving-academic-year-id>
        <mobilities-per-year>2</mobilities-per-year>
        <recommended-language-skill><language>en</language>\
<subject-area><isced-f-code>04</isced-f-code></subject-area></recommended-language-skill>
        <total-days-per-year>8</total-days-per-year>
      </staff-training-mobility-spec>
    </cooperation-conditions>
    <conditions-hash>9423363013c7d553a5bb5909f8de9ee9fa3b15373a9103823ead18c063d424f6</conditions-hash>
  </iia>
</iias-get-response>
"""


def document(*changes: tuple[str, str]) -> bytes:
    """The whole get-response, each text of ``changes`` replaced by the other wherever it stands."""
    text = _DOCUMENT
    for old, new in changes:
        assert old in text, f"{old!r} is not in the document"
        text = text.replace(old, new)
    return text.encode()


_NORTH, _SOUTH = (line.strip() for line in _DOCUMENT.splitlines() if "<partner>" in line)
_TURNED = (f"{_NORTH}\n    {_SOUTH}", f"{_SOUTH}\n    {_NORTH}")


def partners(*changes: tuple[str, str]) -> bytes:
    """South's copy of the same agreement."""
    return document(_TURNED, *changes)


def approval(iia_id: str, conditions_hash: str = CONDITIONS_HASH) -> bytes:
    """The response of the IIAs Approval API, version 1, that approves a copy."""
    namespace = "https://github.com/erasmus-without-paper/ewp-specs-api-iias-approval/blob/stable-v1/response.xsd"
    said = f"<iia-id>{iia_id}</iia-id><conditions-hash>{conditions_hash}</conditions-hash>"
    return f'<iias-approval-response xmlns="{namespace}"><approval>{said}</approval></iias-approval-response>'.encode()
