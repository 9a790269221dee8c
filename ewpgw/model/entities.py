"""The catalogue of entity types: what each is made of."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from lxml import etree

from ewpgw.model import (
    course,
    course_rules,
    factsheet,
    factsheet_rules,
    iia,
    iia_rules,
    imobility,
    imobility_rules,
    imobility_v1,
    institution,
    institution_rules,
    learning_agreement,
    learning_agreement_parts,
    learning_agreement_rules,
    omobility,
    omobility_rules,
    omobility_v2,
    organizational_unit,
    organizational_unit_rules,
    transcript,
    transcript_completion,
    transcript_received,
    transcript_rules,
    transcript_tor,
)
from ewpgw.model.base import XmlRecord
from ewpgw.model.entity import Completed, Encoded, EntityType, Rules, Shape, plain, reads
from ewpgw.model.knowledge import NOTHING
from ewpgw.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ewpgw.model.knowledge import Knowledge

Record = TypeVar("Record", bound=XmlRecord)


def _rules(model: type[Record], rules: Callable[[str, Record], Iterator[Problem]]) -> Rules:
    """The rules of one model as rules for any record; TypeError for a record of another entity."""

    def checked(hei_id: str, record: XmlRecord, _known: Knowledge = NOTHING, /) -> Iterator[Problem]:
        return rules(hei_id, _of(model, record))

    return checked


def _of(model: type[Record], record: XmlRecord) -> Record:
    if not isinstance(record, model):
        raise TypeError(f"expected a record of type {model.__name__}, not {type(record).__name__}")
    return record


_OMOBILITIES_3 = "ewp-specs-api-omobilities 3, get-response.xsd"
_OMOBILITIES_2 = "ewp-specs-api-omobilities 2, get-response.xsd"
_IMOBILITIES_2 = "ewp-specs-api-imobilities 2, get-response.xsd"
_IMOBILITIES_1 = "ewp-specs-api-imobilities 1, get-response.xsd"


def _nomination_in_2(record: XmlRecord) -> Encoded:
    told = omobility_v2.to_v2(_of(omobility.KnownOmobility, record))
    return Encoded(told.record.encoded(), told.problems)


def _nomination_from_3(element: etree._Element) -> XmlRecord:
    record = _of(omobility.KnownOmobility, reads(omobility.KnownOmobility, _OMOBILITIES_3)(element))
    return record.model_copy(update={"further": None})


def _nomination_from_2(element: etree._Element) -> XmlRecord:
    told = reads(omobility_v2.OmobilityV2, _OMOBILITIES_2)(element)
    return omobility_v2.from_v2(_of(omobility_v2.OmobilityV2, told))


def _arrival_in_1(record: XmlRecord) -> Encoded:
    told = imobility_v1.to_v1(_of(imobility.Imobility, record))
    return Encoded(told.record.encoded(), told.problems)


def _arrival_from_2(element: etree._Element) -> XmlRecord:
    record = _of(imobility.Imobility, reads(imobility.Imobility, _IMOBILITIES_2)(element))
    return record.model_copy(update={"sending_hei_id": None, "status": None, "comment": None})


def _arrival_from_1(element: etree._Element) -> XmlRecord:
    told = reads(imobility_v1.ImobilityV1, _IMOBILITIES_1)(element)
    return imobility_v1.from_v1(_of(imobility_v1.ImobilityV1, told))


def _transcript_in(version: int) -> Callable[[XmlRecord], Encoded]:
    def encode(record: XmlRecord) -> Encoded:
        told = transcript_tor.encode(_of(transcript.Transcript, record), version)
        return Encoded(told.fragment, told.unsaid)

    return encode


def _complete_transcript(record: XmlRecord, known: Knowledge) -> Completed:
    whole = transcript_completion.completed(_of(transcript.Transcript, record), known)
    return Completed(whole, transcript_completion.with_files(whole, known.files))


def _transcript_rules(hei_id: str, record: XmlRecord, known: Knowledge = NOTHING, /) -> Iterator[Problem]:
    return transcript_rules.problems(
        hei_id,
        _of(transcript.Transcript, record),
        largest_attachment=known.largest_attachment,
        largest_elmo=known.largest_elmo,
        most_elements=known.most_elements,
    )


_TYPES = (
    EntityType(
        name="institutions",
        api="institutions",
        model=institution.Institution,
        id_path=("hei_id",),
        shapes=(
            plain(
                institution.Institution,
                version=2,
                namespace=institution.NAMESPACE,
                envelope="institutions-response",
                element="hei",
                source="ewp-specs-api-institutions 2, response.xsd",
            ),
        ),
        rules=_rules(institution.Institution, institution_rules.problems),
    ),
    EntityType(
        name="organizational-units",
        api="organizational-units",
        model=organizational_unit.OrganizationalUnit,
        id_path=("ounit_id",),
        shapes=(
            plain(
                organizational_unit.OrganizationalUnit,
                version=2,
                namespace=organizational_unit.NAMESPACE,
                envelope="ounits-response",
                element="ounit",
                source="ewp-specs-api-ounits 2, response.xsd",
            ),
        ),
        rules=_rules(organizational_unit.OrganizationalUnit, organizational_unit_rules.problems),
    ),
    EntityType(
        name="iias",
        api="iias",
        model=iia.Iia,
        id_path=("partner", 0, "iia_id"),
        shapes=(
            plain(
                iia.Iia,
                version=7,
                namespace=iia.NAMESPACE,
                envelope="iias-get-response",
                element="iia",
                source="ewp-specs-api-iias 7, get-response.xsd",
            ),
        ),
        rules=_rules(iia.Iia, iia_rules.problems),
    ),
    EntityType(
        name="factsheet",
        api="factsheet",
        model=factsheet.Factsheet,
        id_path=("hei_id",),
        shapes=(
            plain(
                factsheet.Factsheet,
                version=1,
                namespace=factsheet.NAMESPACE,
                envelope="factsheet-response",
                element="factsheet",
                source="ewp-specs-api-factsheet 1, response.xsd",
            ),
        ),
        rules=_rules(factsheet.Factsheet, factsheet_rules.problems),
    ),
    EntityType(
        name="courses",
        api="courses",
        model=course.Course,
        id_path=("los_id",),
        shapes=(
            replace(
                plain(
                    course.Course,
                    version=0,
                    namespace=course.NAMESPACE,
                    envelope="courses-response",
                    element="learningOpportunitySpecification",
                    source="ewp-specs-api-courses 0.7, response.xsd",
                ),
                understood=course.understood,
            ),
        ),
        rules=_rules(course.Course, course_rules.problems),
    ),
    EntityType(
        name="omobilities",
        api="omobilities",
        model=omobility.Omobility,
        id_path=("omobility_id",),
        shapes=(
            Shape(
                version=3,
                namespace=omobility.NAMESPACE,
                envelope="omobilities-get-response",
                element="student-mobility",
                source=_OMOBILITIES_3,
                encode=lambda record: Encoded(record.encoded()),
                decode=_nomination_from_3,
            ),
            Shape(
                version=2,
                namespace=omobility_v2.NAMESPACE,
                envelope=omobility_v2.ENVELOPE,
                element="student-mobility",
                source=_OMOBILITIES_2,
                encode=_nomination_in_2,
                decode=_nomination_from_2,
            ),
        ),
        rules=_rules(omobility.Omobility, omobility_rules.problems),
    ),
    EntityType(
        name="imobilities",
        api="imobilities",
        model=imobility.Imobility,
        id_path=("omobility_id",),
        shapes=(
            Shape(
                version=2,
                namespace=imobility.NAMESPACE,
                envelope=imobility.ENVELOPE,
                element="student-mobility",
                source=_IMOBILITIES_2,
                encode=lambda record: Encoded(record.encoded()),
                decode=_arrival_from_2,
            ),
            Shape(
                version=1,
                namespace=imobility.NAMESPACE_V1,
                envelope=imobility.ENVELOPE,
                element=imobility_v1.ELEMENT,
                source=_IMOBILITIES_1,
                encode=_arrival_in_1,
                decode=_arrival_from_1,
            ),
        ),
        rules=_rules(imobility.Imobility, imobility_rules.problems),
        foreign_ids=True,
    ),
    EntityType(
        name="omobility-las",
        api="omobility-las",
        model=learning_agreement.LearningAgreement,
        id_path=("omobility_id",),
        shapes=(
            replace(
                plain(
                    learning_agreement.LearningAgreement,
                    version=1,
                    namespace=learning_agreement_parts.NAMESPACE,
                    envelope=learning_agreement.ENVELOPE,
                    element=learning_agreement.ELEMENT,
                    source="ewp-specs-api-omobility-las 1, get-response.xsd",
                ),
                understood=learning_agreement.understood,
            ),
        ),
        rules=_rules(learning_agreement.LearningAgreement, learning_agreement_rules.problems),
    ),
    EntityType(
        name="imobility-tors",
        api="imobility-tors",
        model=transcript.Transcript,
        id_path=("omobility_id",),
        shapes=tuple(
            Shape(
                version=version,
                namespace=transcript_tor.NAMESPACES[version],
                envelope=transcript.ENVELOPE,
                element=transcript.ELEMENT,
                source=transcript_received.SOURCES[version],
                encode=_transcript_in(version),
                decode=transcript_received.decoded,
            )
            for version in sorted(transcript_tor.NAMESPACES, reverse=True)
        ),
        rules=_transcript_rules,
        foreign_ids=True,
        complete=_complete_transcript,
        bulky=True,
    ),
)
ENTITIES: Mapping[str, EntityType] = MappingProxyType({entity.name: entity for entity in _TYPES})
