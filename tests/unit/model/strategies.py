"""Hypothesis strategies for records that break no rule, as the JSON a SIS would send."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

OWNER, OTHER = "north.example", "south.example"
Json = dict[str, Any]

texts = st.text(
    st.one_of(
        st.sampled_from("aåß漢 .,&<>'\"\t\r\n"), st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
    ),
    max_size=12,
)
identifiers = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
languages = st.sampled_from(["en", "fi", "pt-BR", "sr-Latn"])
emails = st.sampled_from(["iro@north.example", "a.b+c@south.example"])
dates = st.dates().map(lambda day: day.isoformat())
flags = st.booleans()


def records(required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]) -> Any:
    """Objects with all of the required and some of the optional fields."""
    return st.fixed_dictionaries(required, optional=optional)


def several(items: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    """Short lists."""
    return st.lists(items, min_size=least, max_size=least + 2)


localised = st.one_of(texts, records({"value": texts}, {"lang": languages}))
telling = texts.filter(str.strip)
names = st.one_of(telling, records({"value": telling}, {"lang": languages}))
urls = records({"value": st.sampled_from(["https://north.example/a?b=1&c=2", "http://x.example"])}, {"lang": languages})
phones = records(
    {}, {"e164": st.from_regex(r"\A\+[0-9]{1,15}\Z"), "ext": st.sampled_from(["1", "20"]), "other_format": texts}
)
_address_ends = {
    "recipient_name": several(texts),
    "postal_code": texts,
    "locality": texts,
    "region": texts,
    "country": st.sampled_from(["FI", "NO"]),
}
addresses = st.one_of(
    records({}, {"address_line": st.lists(texts, max_size=4), **_address_ends}),
    records(
        {},
        {"building_number": texts, "street_name": texts, "delivery_point_code": several(texts), **_address_ends},
    ),
)
contacts = records(
    {"contact_name": several(names, 1)},
    {
        "person_given_names": several(localised),
        "person_family_name": several(localised),
        "person_gender": st.sampled_from([0, 1, "2", 9]),
        "phone_number": several(phones),
        "fax_number": several(phones),
        "email": several(emails),
        "street_address": addresses,
        "mailing_address": addresses,
        "role_description": several(localised),
    },
)


@st.composite
def academic_years(draw: st.DrawFn) -> tuple[str, str]:
    """A first and a last academic year of the same hemisphere."""
    first, length, step = draw(st.integers(1000, 9990)), draw(st.integers(0, 8)), draw(st.integers(0, 1))
    return f"{first}/{first + step}", f"{first + length}/{first + length + step}"


decimals = st.one_of(
    st.integers(1, 400),
    st.decimals("0.01", "99.99", places=2).map(float),
    st.decimals("0.01", "99.99", places=2).map(str),
    st.sampled_from(["5.00", "05", ".5", "5.", " 7 "]),
)
isced_codes = st.from_regex(r"\A[0-9]{4}\Z")
subject_areas = records(
    {"isced_f_code": st.one_of(isced_codes, records({"value": isced_codes}, {}))}, {"isced_clarification": texts}
)
language_skills = records(
    {"language": languages},
    {"cefr_level": st.sampled_from(["A1", "B2", "C2"]), "subject_area": subject_areas},
)


@st.composite
def conditions(draw: st.DrawFn, *, students: bool, languages_required: bool) -> Json:
    """A cooperation condition between the two partners."""
    sending, receiving = draw(st.permutations([OWNER, OTHER]))
    first, last = draw(academic_years())
    people: st.SearchStrategy[Any] = st.one_of(st.integers(1, 500), st.sampled_from(["1", "007", 3.0]))
    required = {
        "mobilities_per_year": st.one_of(people, records({"value": people}, {})),
        "recommended_language_skill": several(language_skills, 1 if languages_required else 0),
        **({"blended": flags} if students else {}),
    }
    own = {"total_months_per_year": decimals, "eqf_level": several(st.integers(1, 8))}
    optional = {
        "sending_ounit_id": identifiers,
        "sending_contact": several(contacts),
        "receiving_ounit_id": identifiers,
        "receiving_contact": several(contacts),
        "subject_area": several(subject_areas),
        "other_info_terms": texts,
        **(own if students else {"total_days_per_year": decimals}),
    }
    return {
        "sending_hei_id": sending,
        "receiving_hei_id": receiving,
        "receiving_first_academic_year_id": first,
        "receiving_last_academic_year_id": last,
        **draw(records(required, optional)),
    }


_partner_extras = {
    "ounit_id": identifiers,
    "signing_contact": contacts,
    "signing_date": dates,
    "contact": several(contacts),
}
_kinds = {
    "student_studies_mobility_spec": several(conditions(students=True, languages_required=True)),
    "student_traineeship_mobility_spec": several(conditions(students=True, languages_required=False)),
    "staff_teacher_mobility_spec": several(conditions(students=False, languages_required=True)),
    "staff_training_mobility_spec": several(conditions(students=False, languages_required=False)),
}
iias = records(
    {
        "partner": st.tuples(
            records({"hei_id": st.just(OWNER), "iia_id": identifiers, "iia_code": texts}, _partner_extras),
            records({"hei_id": st.just(OTHER)}, {"iia_id": identifiers, "iia_code": texts, **_partner_extras}),
        ).map(list),
        "in_effect": flags,
        "cooperation_conditions": records({}, _kinds),
    },
    {"iia_hash": st.just("0" * 64), "pdf_file": texts},
)
institutions = records(
    {"hei_id": st.just(OWNER), "name": several(localised, 1)},
    {
        "other_id": several(records({"value": texts, "type": st.sampled_from(["erasmus", "pic", "local"])}, {})),
        "abbreviation": texts,
        "street_address": addresses,
        "mailing_address": addresses,
        "website_url": several(urls),
        "logo_url": st.just("https://north.example/logo.svg"),
        "mobility_factsheet_url": several(urls),
        "course_catalogue_url": several(urls),
        "contact": several(contacts),
        "root_ounit_id": identifiers,
        "ounit_id": several(identifiers),
    },
)
organizational_units = records(
    {"ounit_id": st.just("u-1"), "ounit_code": texts, "name": several(localised, 1)},
    {
        "abbreviation": texts,
        "parent_ounit_id": identifiers.filter(lambda text: text != "u-1"),
        "street_address": addresses,
        "mailing_address": addresses,
        "website_url": several(urls),
        "logo_url": st.just("https://north.example/logo.svg"),
        "mobility_factsheet_url": several(urls),
        "contact": several(contacts),
    },
)
_days = st.dates().map(lambda day: f"--{day:%m-%d}")
_terms = records({"autumn_term": _days, "spring_term": _days}, {})
_weeks = st.one_of(st.integers(0, 5), st.sampled_from(["3", " +4 ", "05"]))
_information = records({"email": emails, "phone_number": phones, "website_url": several(urls, 1)}, {})
factsheets = records(
    {
        "hei_id": st.just(OWNER),
        "calendar": records({"student_nominations": _terms, "student_applications": _terms}, {}),
        "application_info": _information,
        "decision_weeks_limit": _weeks,
        "tor_weeks_limit": _weeks,
        "housing_info": _information,
        "visa_info": _information,
        "insurance_info": _information,
    },
    {
        "additional_requirement": several(
            records({"name": texts, "details": texts}, {"information_website": several(urls)})
        ),
        "accessibility": several(
            records(
                {
                    "type": st.sampled_from(["infrastructure", "service"]),
                    "name": texts,
                    "information": _information,
                },
                {"description": texts},
            )
        ),
        "additional_info": several(records({"type": texts, "info": _information}, {})),
    },
)
_los_ids = st.from_regex(r"\A(CR|CLS|MOD|DEP)/[!-~]{1,40}\Z")
_spans = st.tuples(st.dates(), st.dates()).map(sorted).map(lambda days: [day.isoformat() for day in days])
_terms_of_courses = st.tuples(
    _spans,
    st.integers(1000, 9990),
    records({"display_name": several(localised, 1)}, {"ewp_id": st.sampled_from(["1/2", "3/3"])}),
).map(
    lambda parts: {
        **parts[2],
        "start_date": parts[0][0],
        "end_date": parts[0][1],
        "academic_year_id": f"{parts[1]}/{parts[1] + 1}",
        **({"ewp_id": f"{parts[1]}/{parts[1] + 1}-{parts[2]['ewp_id']}"} if "ewp_id" in parts[2] else {}),
    }
)
_amounts = st.one_of(st.integers(0, 60), st.sampled_from(["7.50", " 5 ", ".5", "0"]))
_courses_instances = st.tuples(
    _spans,
    records(
        {},
        {
            "academic_term": _terms_of_courses,
            "grading_scheme": records({"label": several(localised, 1)}, {"description": several(localised)}),
            "result_distribution": records(
                {"category": several(records({"label": texts, "count": st.integers(0, 900)}, {}), 1)},
                {"description": several(localised)},
            ),
            "credit": several(
                records(
                    {"scheme": st.one_of(st.just("ects"), texts), "value": _amounts},
                    {"level": st.sampled_from(["Bachelor", "Master", "PhD"])},
                )
            ),
            "language_of_instruction": languages,
            "engagement_hours": _amounts,
        },
    ),
).map(lambda parts: {"start": parts[0][0], "end": parts[0][1], **parts[1]})


def _of_one_kind(parts: tuple[str, list[Json], Json]) -> Json:
    """A course whose instances have identifiers that fit its own."""
    los_id, instances, rest = parts
    prefix = los_id.partition("/")[0]
    named = [{"loi_id": f"{prefix}I/{number}", **instance} for number, instance in enumerate(instances)]
    specified = {"specifies": {"learning_opportunity_instance": named}} if named else {}
    return {"los_id": los_id, **specified, **rest}


courses = st.tuples(
    _los_ids,
    several(_courses_instances),
    records(
        {"title": several(localised, 1)},
        {
            "los_code": texts,
            "ounit_id": identifiers,
            "subject_area": texts,
            "isced_code": st.sampled_from(["0613", "061", "none"]),
            "eqf_level_provided": st.integers(1, 8),
            "url": several(urls),
            "description": several(localised),
            "contains": records({"los_id": several(st.sampled_from(["CR/~part", "CLS/~part", "MOD/~part"]))}, {}),
        },
    ),
).map(_of_one_kind)
