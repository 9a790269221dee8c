"""A starter mapping file of an entity: every field of the record with its meaning, the required ones filled in.

What is not required stands there with a ``#`` in front of the line; without it, the line is right where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from ewpgw.model import shape
from ewpgw.model.base import HttpWithOptionalLang, StringWithOptionalLang
from ewpgw.model.omobility_further import PhotoUrl
from ewpgw.model.reference import guide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.model.base import XmlModel
    from ewpgw.model.entity import EntityType

_WIDTH = 110
_WITH_LANGUAGE = (StringWithOptionalLang, HttpWithOptionalLang)
_IN_FULL = (*_WITH_LANGUAGE, PhotoUrl)
"""Models that are never shown as the bare value that may stand for them."""

KIND = "kind"
"""The column of a list's rows that says which of the record's lists each of them is for."""

_OURS = dict.fromkeys(
    ("hei_id", "partner.0.hei_id", "nomination.sending_hei.hei_id", "sending_hei.hei_id", "issuer.hei_id"), "$hei_id"
)
"""Fields that hold the institution's own id, by their path."""
_OF_STUDENT = ("given_names", "family_name", "global_id", "birth_date", "citizenship", "gender")
_OF_SIGNER = ("signer_name", "signer_position", "signer_email")
_PROPOSED = "changes_proposal"
_OF_TERM = ("components_studied", "components_recognized")
_OF_COMPONENT = ("", ".0.los_code", ".0.term_id", ".0.credit")
_OF_PROPOSED = (
    "sending_hei.ounit_name",
    *(f"student.{name}" for name in _OF_STUDENT),
    "start_year_month",
    "end_year_month",
    _PROPOSED,
    *(f"{_PROPOSED}.{table}{below}" for table in _OF_TERM for below in _OF_COMPONENT),
    *(f"{_PROPOSED}.sending_hei_signature.{name}" for name in _OF_SIGNER),
)
"""What the first version of a learning agreement on a term needs."""
_OF_TRANSCRIPT = (
    "receiving_academic_year_id",
    "ready_for_recognition",
    "issue_date",
    "student",
    "issuer",
    "issuer.hei_id",
)
_NEEDED = {
    "partner.0.iia_id",
    "partner.0.iia_code",
    "cooperation_conditions.student_studies_mobility_spec",
    "nomination.sending_academic_term_ewp_id",
    "sending_hei_id",
    *_OF_PROPOSED,
    *_OF_TRANSCRIPT,
}
"""Fields that only the rules demand, or without which there would be nothing to see."""
_CONDITIONS, _COMPONENTS = "conditions", "components"
_LISTED = {
    "student_studies_mobility_spec": (_CONDITIONS, "SMS"),
    "student_traineeship_mobility_spec": (_CONDITIONS, "SMT"),
    "staff_teacher_mobility_spec": (_CONDITIONS, "STA"),
    "staff_training_mobility_spec": (_CONDITIONS, "STT"),
    "components_studied": (_COMPONENTS, "A"),
    "components_recognized": (_COMPONENTS, "B"),
    "virtual_components": (_COMPONENTS, "C"),
    "blended_mobility_components": (_COMPONENTS, "blended"),
    "short_term_doctoral_components": (_COMPONENTS, "doctoral"),
}
"""Lists that the starters suppose the source to have in one table: how that is called in the rows, and the kind."""
_LATER = frozenset({"first_version", "approved_changes"})
"""What is seldom given stands behind what is made of the same parts, where these are explained."""
_DERIVED = frozenset({"iia_hash", "proposal_id", "id"})
"""What the gateway works out itself."""
_TELLING = frozenset({"address_line", "postal_code", "locality", "country", "e164", "email"})
"""Of a part that was explained before, these are repeated, and what is required; of proposed components all is."""


@dataclass(slots=True)
class Starter:
    """The ``record`` of a starter mapping file.

    - ``columns``: the names that the required fields read of a row, with the path of the field in the record
    - ``name``: how the list of a row is called, None where it has none; ``listed``: the names that the required fields
      read of its rows, with the path below an entry; ``kinds``: the kinds of rows, with the path of their list
    """

    lines: list[str] = field(default_factory=list)
    columns: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    name: str | None = None
    listed: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    kinds: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    _met: set[type[XmlModel]] = field(default_factory=set)
    _above: int = 0

    def group(
        self,
        model: type[XmlModel],
        indent: int,
        path: tuple[str | int, ...],
        column: str,
        *,
        on: bool,
        in_list: bool = False,
    ) -> None:
        """The fields of a model. ``column``: what the names of its columns begin with; ``on``: whether they count."""
        again = model in self._met
        self._met.add(model)
        known = sorted(shape.fields(model), key=lambda each: each.name in _LATER)
        component = in_list and path[0] == _PROPOSED
        least = {each.name for each in known if each.required} or _TELLING
        for each in known:
            here = (*path, each.name)
            needed = ".".join(map(str, here)) in _NEEDED
            if each.name in _DERIVED and not each.required:
                continue
            if again and not (needed or component or each.name in least | _TELLING):
                continue
            counts = on and (needed or each.name in least)
            if not again:
                self._explain(each, indent, counts)
            self._field(each, indent, here, column, counts, in_list)

    def _explain(self, each: shape.FieldShape, indent: int, on: bool) -> None:
        kind = "several of: " if each.repeated and each.model is None else ""
        single = f"{kind}{each.plain or each.words}" if each.model is None or each.plain is not None else "text"
        words = f" ({single})" if single != "text" else ""
        required = " Required." if each.required else ""
        for line in wrap(f"{each.about.rstrip('.')}{words}.{required}", _WIDTH - indent, break_on_hyphens=False):
            self._put(indent, f"# {line}", on)

    def _field(
        self, each: shape.FieldShape, indent: int, here: tuple[str | int, ...], column: str, on: bool, in_list: bool
    ) -> None:
        name = each.name
        if name in _LISTED:
            self._listed(each, indent, here, on)
        elif each.model is None or (each.plain is not None and each.model not in _IN_FULL):
            value = self._column(f"{column}{name}", here, on, in_list)
            self._put(indent, f"{name}: [{value}]" if each.repeated else f"{name}: {value}", on)
        elif each.model in _WITH_LANGUAGE and not each.repeated:
            value = self._column(f"{column}{name}_en", (*here, "value"), on, in_list)
            self._put(indent, f"{name}:", on)
            self._put(indent + 2, f"value: {value}", on)
            self._put(indent + 2, "lang: =en", on)
        elif each.model in _WITH_LANGUAGE:
            value = self._column(f"{column}{name}_en", (*here, 0, "value"), on, in_list)
            self._put(indent, f"{name}:", on)
            self._put(indent + 2, f"- value: {value}", on)
            self._put(indent + 2, "  lang: =en", on)
        elif not each.repeated:
            self._put(indent, f"{name}:", on)
            inner = "" if name == "cooperation_conditions" else f"{column}{name}_"
            self.group(each.model, indent + 2, here, inner, on=on, in_list=in_list)
        else:
            self._put(indent, f"{name}:", on)
            for number in range(max(each.at_least, 1)):
                self._put(indent + 2, "-", on)
                inner = "" if name == "partner" and number == 0 else f"{column}{name}_"
                self.group(each.model, indent + 4, (*here, number), inner, on=on, in_list=in_list)

    def _listed(self, each: shape.FieldShape, indent: int, here: tuple[str | int, ...], on: bool) -> None:
        """A list of the record that takes the rows of one kind. Another list's rows are needed for other versions."""
        assert each.model is not None
        name, kind = _LISTED[each.name]
        version = str(here[0]) if here[0] in _LATER else None
        if on:
            self.name = name
            self.kinds[kind] = here
            self._above = len(here) + 1
        self._put(indent, f"{each.name}:", on)
        self._put(indent + 2, f"each: {name if version is None else f'{version}_{name}'}", on)
        self._put(indent + 2, f"where: {{{KIND}: {kind}}}", on)
        self._put(indent + 2, "item:", on)
        self.group(each.model, indent + 4, (*here, 0), "", on=on, in_list=True)

    def _column(self, name: str, here: tuple[str | int, ...], on: bool, in_list: bool) -> str:
        if own := _OURS.get(".".join(map(str, here))):
            return own
        if on:
            if in_list:
                self.listed.setdefault(name, here[self._above :])
            else:
                self.columns.setdefault(name, here)
        return name

    def _put(self, indent: int, text: str, on: bool) -> None:
        self.lines.append(f"{'' if on else '#'}{' ' * indent}{text}")


def starter(entity: EntityType) -> Starter:
    """The record of an entity's starter mapping file."""
    made = Starter()
    made.group(entity.model, 2, (), "", on=True)
    return made


def key_of(entity: EntityType) -> str:
    """The column that names a row in the starters."""
    return str(entity.id_path[-1])


def row_key_of(entity: EntityType) -> str:
    """What names a row in the starters: a column, or a text with columns in braces."""
    return f'"{{sending_hei_id}}:{{{key_of(entity)}}}"' if entity.foreign_ids else key_of(entity)


def mapping_file(entity: EntityType, made: Starter, source: Sequence[str], key: str | None = None) -> str:
    """The text of a starter mapping file.

    ``source``: the lines below ``source:``, indented; ``key``: the column of a key that the source itself puts together
    """
    words = guide(entity)
    head = [
        "# yaml-language-server: $schema=../mapping.schema.json",
        f"# {words.title}: where each field comes from. A name on the right is a column or field of your source,",
        "# $hei_id your institution's id, and what begins with = a constant. All names there now are placeholders.",
        "# To use a field that has a # at the very start of its lines, delete that # in each of them.",
        "",
        f"entity: {entity.name}",
        "source:",
        *source,
        "# What names a record at the source, always the same for the same record.",
        f"key: {key or row_key_of(entity)}",
        "record:",
    ]
    return "\n".join([*head, *made.lines]) + "\n"
