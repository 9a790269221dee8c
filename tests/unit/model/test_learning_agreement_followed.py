"""A learning agreement as its receiving institution follows it, from the copies it fetches and its own answers."""

from __future__ import annotations

from lxml import etree

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.model.learning_agreement_states import Moved, follow, put

from .lives import PROPOSED, REJECTED, P, answered, changes, moved
from .stays import CHANGED, agreement


def sent(record: LearningAgreement) -> LearningAgreement | None:
    """The copy that the partner fetches; None where it is shown none."""
    return LearningAgreement.from_tree(etree.fromstring(record.encoded())) if record.listed else None


def test_the_published_scenario_goes_the_same_way_on_both_sides() -> None:
    """examples/example-scenario: comment, second try, approval; change, approval; change, comment, change, approval."""
    here, there = PROPOSED, follow(None, sent(PROPOSED.record))
    steps: list[tuple[LearningAgreement | None, str | None]] = [
        (None, "Big data is not held; take data mining."),
        (agreement(**{f"{P}__components_studied__1__title": "Data mining"}), None),
        (changes("2026-09-10"), None),
        (changes("2026-09-20"), "Not in English."),
        (changes("2026-09-21"), None),
    ]
    for written, words in steps:
        if written is not None:
            here = moved(put(here.standing, written, here.record))
            there = follow(there, sent(here.record))
        assert there.proposal_id == here.standing.proposal_id
        told = answered(Moved(there, here.record, changed=False), words)
        here = answered(here, words)
        there = follow(told.standing, sent(here.record))
        assert there == here.standing
    assert [one.approved for one in here.standing.past] == [False, True, True, False, True]
    assert here.record.first_version is not None
    assert here.record.approved_changes == here.standing.past[-1].version


def test_a_partner_that_approved_without_us_or_takes_back_is_followed() -> None:
    there = follow(None, agreement(CHANGED))
    assert there.stage is Stage.CHANGES_PROPOSED
    assert len(there.approved) == 2
    assert follow(there, agreement(CHANGED)) == there
    assert follow(there, agreement(CHANGED, changes_proposal=None)).stage is Stage.AGREED
    assert follow(follow(None, agreement()), None).empty
    assert follow(there, None).approved == there.approved


def test_what_was_commented_on_does_not_come_back_though_it_is_still_shown() -> None:
    there = follow(REJECTED.standing, sent(PROPOSED.record))
    assert there == REJECTED.standing
