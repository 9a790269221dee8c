"""Agreements approved under version 6 of the IIAs API, brought into the form of version 7.

Nothing that was agreed changes on the way, and the hash shows it: the hash of the new form is the one that the approval
of the old form is worth today (``iia_v6_hash``). What version 7 demands and version 6 did not have is filled with a
placeholder marked ``not-yet-defined``; a code of fewer than four digits stays beside the new one as ``v6-value``. The
hash looks past both. Such an agreement stays approved as it is, and cannot be approved anew before a person has
replaced what is marked (ewp-specs-api-iias 7, get-response.xsd and resources/xsltKit).
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.model import iia_hash, iia_rules, iia_v6_hash, isced
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import NAMESPACE, Iia
from ewpgw.model.iia_hash_parting import parting
from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SOURCE = "ewp-specs-api-iias 7, get-response.xsd"
_KIT = "ewp-specs-api-iias 7, resources/xsltKit"
_UPGRADE = 'ewp-specs-api-iias-approval 2, README, "Upgrade to v2 steps"'
_V6_YEARS = "ewp-specs-api-iias 6, get-response.xsd, receiving-academic-year-id"
_YEAR, _FIRST, _LAST = (
    "receiving-academic-year-id",
    "receiving-first-academic-year-id",
    "receiving-last-academic-year-id",
)
_NEED_LANGUAGES = ("student-studies-mobility-spec", "staff-teacher-mobility-spec")
_PLACEHOLDER_PEOPLE, _PLACEHOLDER_LANGUAGE = "1", "en"
_SHORT_CODE = re.compile("[0-9]{1,3}")
_YEAR_ID = re.compile("[0-9]{4}/[0-9]{4}")
_DETAILED_CODE = re.compile("[0-9]{4}")


@dataclass(frozen=True, slots=True)
class ImportedIia:
    """What became of an agreement of version 6.

    ``record`` is the agreement in the form of version 7, None where that could not be made. ``problems`` says what was
    filled in or left out (warnings), and why it must not be used (refusals). ``former`` has the hashes of the old form.
    ``pdf`` is the PDF that came with it, in base64 as it stood there; version 7 refers to a file instead.
    """

    record: Iia | None
    problems: tuple[Problem, ...]
    former: iia_v6_hash.HashedFormerIia
    pdf: str | None

    @property
    def refused(self) -> bool:
        """Whether the result must not be used."""
        return self.record is None or any(problem.severity == "refusal" for problem in self.problems)


def bring_to_version_7(former: iia_v6_hash.HashedFormerIia, codes: Mapping[str, str]) -> ImportedIia:
    """Make the record of version 7.

    ``codes`` says which four-digit ISCED-F code stands for a shorter one, as in ``{"31": "0311"}``. Codes of two or
    three digits that ISCED-F 2013 has need no such choice; they become the field's code "not further defined".
    """
    tree = deepcopy(former.element)
    tree.tail = None
    for element in tree.iter(f"{{{iia_v6_hash.NAMESPACE}}}*"):
        element.tag = f"{{{NAMESPACE}}}{etree.QName(element).localname}"
    pdf = _taken_out(tree, "pdf")
    _taken_out(tree, "conditions-hash")
    problems = list(_as_a_whole(former, tree, pdf))
    for path, condition in _conditions(tree):
        problems += _years(path, condition)
        problems += _people_and_languages(path, condition)
        problems += _codes(path, condition, codes)
    checked = ENTITIES["iias"].from_xml(tree.findtext("{*}partner/{*}hei-id") or "", tree)
    problems += checked.problems
    record = checked.record if isinstance(checked.record, Iia) else None
    if record is not None:
        problems += iia_rules.problems_when_completed(record)
        problems += _same_hash(former, record)
    return ImportedIia(record, tuple(problems), former, pdf)


def _as_a_whole(former: iia_v6_hash.HashedFormerIia, tree: etree._Element, pdf: str | None) -> Iterator[Problem]:
    if former.stated is None:
        said = "had no conditions-hash, so that nobody can have approved it through the network"
        yield warning("", said, "ewp-specs-api-iias 6, get-response.xsd, conditions-hash")
    elif former.stated != former.conditions_hash:
        said = (
            f"has the conditions-hash {former.stated}, but its conditions give {former.conditions_hash}: the document "
            "was altered or reformatted; import the bytes as they were received"
        )
        yield warning("", said, "ewp-specs-api-iias 6, get-response.xsd, conditions-hash")
    if not all(partner.findtext("{*}iia-id") for partner in tree.iterfind("{*}partner")):
        said = "is missing in one partner; the approval is of the hash without it, and lapses when it is added"
        yield warning("partner", f"the identifier (iia_id) {said}", _UPGRADE)
    if (tree.findtext("{*}in-effect") or "").strip() not in ("true", "1"):
        yield warning("in_effect", "is false: this was never approved; enter it as a new agreement", _UPGRADE)
    if pdf is not None:
        said = "was part of the document in version 6; hand it in as a file and name the file here"
        yield warning("pdf_file", said, f"{_SOURCE}, pdf-file")


def _years(path: str, condition: etree._Element) -> Iterator[Problem]:
    """From the list of years to the first and the last."""
    years = condition.findall(f"{{*}}{_YEAR}")
    if not years:
        return
    said = [year.text or "" for year in years]
    starts = [int(year[:4]) if _YEAR_ID.fullmatch(year) else None for year in said]
    if starts[0] is None or starts != list(range(starts[0], starts[0] + len(said))):
        yield warning(
            dotted(path, _json(_LAST)),
            f"the years were {', '.join(said)}; from the first to the last without a gap is all that version 7 can say",
            _V6_YEARS,
        )
    last = deepcopy(years[-1])
    years[0].tag, last.tag = f"{{{NAMESPACE}}}{_FIRST}", f"{{{NAMESPACE}}}{_LAST}"
    years[0].addnext(last)
    for year in years[1:]:
        condition.remove(year)


def _people_and_languages(path: str, condition: etree._Element) -> Iterator[Problem]:
    """Placeholders for what version 6 did not demand."""
    last, kind = condition.find(f"{{*}}{_LAST}"), etree.QName(condition).localname
    if last is None:
        return
    people = condition.find("{*}mobilities-per-year")
    if people is None:
        people = etree.Element(f"{{{NAMESPACE}}}mobilities-per-year", {"not-yet-defined": "true"})
        people.text = _PLACEHOLDER_PEOPLE
        last.addnext(people)
        yield _to_define(dotted(path, "mobilities_per_year"), "mobilities-per-year")
    if kind in _NEED_LANGUAGES and condition.find("{*}recommended-language-skill") is None:
        skill = etree.Element(f"{{{NAMESPACE}}}recommended-language-skill", {"not-yet-defined": "true"})
        etree.SubElement(skill, f"{{{NAMESPACE}}}language").text = _PLACEHOLDER_LANGUAGE
        people.addnext(skill)
        yield _to_define(dotted(path, "recommended_language_skill.0"), "recommended-language-skill")


def _to_define(path: str, name: str) -> Problem:
    said = "was not agreed on in version 6: it is marked as not yet defined, to be agreed on with the next change"
    return warning(path, said, f"{_SOURCE}, {name}, not-yet-defined")


def _codes(path: str, condition: etree._Element, codes: Mapping[str, str]) -> Iterator[Problem]:
    """Four digits for shorter codes, which stay beside them."""
    for element in condition.iter("{*}isced-f-code"):
        former = element.text or ""
        if _DETAILED_CODE.fullmatch(former):
            continue
        of_language = next(element.iterancestors("{*}recommended-language-skill"), None) is not None
        where = dotted(path, "recommended_language_skill" if of_language else "subject_area")
        source = f"{_SOURCE}, isced-f-code"
        if not _SHORT_CODE.fullmatch(former):
            said = f"has the ISCED-F code {former!r}, which version 7 cannot carry beside a new one"
            yield refusal(where, f"{said}; the agreement has to be approved anew", source)
            continue
        chosen = codes.get(former) or isced.detailed(former)
        if chosen is None:
            said = f"has the code {former}, which is none of ISCED-F 2013; say which four-digit code stands for it"
            yield refusal(where, said, source)
            continue
        element.text = chosen
        element.set("v6-value", former)
        said = f"has the code {former}, now {chosen}; a person has to choose the code with the next change"
        yield warning(where, said, f"{source}, v6-value")


def _same_hash(former: iia_v6_hash.HashedFormerIia, record: Iia) -> Iterator[Problem]:
    """The proof that the approval still counts."""
    parts = iia_hash.hashed_parts(record.to_tree())
    apart = parting(iia_v6_hash.hashed_parts(former.element), parts)
    if apart is not None:
        said = (
            f"its hash is not the one that was approved, {former.iia_hash}: the old form has {apart.a!r} and the new "
            f"one {apart.b!r} ({apart.words}); it has to be approved anew"
        )
        yield refusal("iia_hash", said, _KIT)


def _conditions(tree: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """Each condition with its JSON path."""
    counts: dict[str, int] = {}
    for condition in tree.iterfind("{*}cooperation-conditions/{*}*"):
        kind = _json(etree.QName(condition).localname)
        counts[kind] = counts.get(kind, -1) + 1
        yield dotted("cooperation_conditions", kind, counts[kind]), condition


def _taken_out(tree: etree._Element, name: str) -> str | None:
    """The text of an element of the agreement, which is then gone."""
    found = tree.find(f"{{*}}{name}")
    if found is None:
        return None
    tree.remove(found)
    return found.text or ""


def _json(name: str) -> str:
    return name.replace("-", "_")
