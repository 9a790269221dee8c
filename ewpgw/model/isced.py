"""The fields of education and training of ISCED-F 2013: which codes there are, and how they are called in English.

Source: UNESCO Institute for Statistics, ISCED Fields of Education and Training 2013 (ISCED-F 2013), Appendix I, "List
of possible codes". It has no code for every combination of digits: a field that has but one part below it has no code
for what is "not further defined", since the part says as much.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "00": "Generic programmes and qualifications",
        "001": "Basic programmes and qualifications",
        "0011": "Basic programmes and qualifications",
        "002": "Literacy and numeracy",
        "0021": "Literacy and numeracy",
        "003": "Personal skills and development",
        "0031": "Personal skills and development",
        "01": "Education",
        "011": "Education",
        "0111": "Education science",
        "0112": "Training for pre-school teachers",
        "0113": "Teacher training without subject specialization",
        "0114": "Teacher training with subject specialization",
        "02": "Arts and humanities",
        "021": "Arts",
        "0211": "Audio-visual techniques and media production",
        "0212": "Fashion, interior and industrial design",
        "0213": "Fine arts",
        "0214": "Handicrafts",
        "0215": "Music and performing arts",
        "022": "Humanities (except languages)",
        "0221": "Religion and theology",
        "0222": "History and archaeology",
        "0223": "Philosophy and ethics",
        "023": "Languages",
        "0231": "Language acquisition",
        "0232": "Literature and linguistics",
        "03": "Social sciences, journalism and information",
        "031": "Social and behavioural sciences",
        "0311": "Economics",
        "0312": "Political sciences and civics",
        "0313": "Psychology",
        "0314": "Sociology and cultural studies",
        "032": "Journalism and information",
        "0321": "Journalism and reporting",
        "0322": "Library, information and archival studies",
        "04": "Business, administration and law",
        "041": "Business and administration",
        "0411": "Accounting and taxation",
        "0412": "Finance, banking and insurance",
        "0413": "Management and administration",
        "0414": "Marketing and advertising",
        "0415": "Secretarial and office work",
        "0416": "Wholesale and retail sales",
        "0417": "Work skills",
        "042": "Law",
        "0421": "Law",
        "05": "Natural sciences, mathematics and statistics",
        "051": "Biological and related sciences",
        "0511": "Biology",
        "0512": "Biochemistry",
        "052": "Environment",
        "0521": "Environmental sciences",
        "0522": "Natural environments and wildlife",
        "053": "Physical sciences",
        "0531": "Chemistry",
        "0532": "Earth sciences",
        "0533": "Physics",
        "054": "Mathematics and statistics",
        "0541": "Mathematics",
        "0542": "Statistics",
        "06": "Information and Communication Technologies (ICTs)",
        "061": "Information and Communication Technologies (ICTs)",
        "0611": "Computer use",
        "0612": "Database and network design and administration",
        "0613": "Software and applications development and analysis",
        "07": "Engineering, manufacturing and construction",
        "071": "Engineering and engineering trades",
        "0711": "Chemical engineering and processes",
        "0712": "Environmental protection technology",
        "0713": "Electricity and energy",
        "0714": "Electronics and automation",
        "0715": "Mechanics and metal trades",
        "0716": "Motor vehicles, ships and aircraft",
        "072": "Manufacturing and processing",
        "0721": "Food processing",
        "0722": "Materials (glass, paper, plastic and wood)",
        "0723": "Textiles (clothes, footwear and leather)",
        "0724": "Mining and extraction",
        "073": "Architecture and construction",
        "0731": "Architecture and town planning",
        "0732": "Building and civil engineering",
        "08": "Agriculture, forestry, fisheries and veterinary",
        "081": "Agriculture",
        "0811": "Crop and livestock production",
        "0812": "Horticulture",
        "082": "Forestry",
        "0821": "Forestry",
        "083": "Fisheries",
        "0831": "Fisheries",
        "084": "Veterinary",
        "0841": "Veterinary",
        "09": "Health and welfare",
        "091": "Health",
        "0911": "Dental studies",
        "0912": "Medicine",
        "0913": "Nursing and midwifery",
        "0914": "Medical diagnostic and treatment technology",
        "0915": "Therapy and rehabilitation",
        "0916": "Pharmacy",
        "0917": "Traditional and complementary medicine and therapy",
        "092": "Welfare",
        "0921": "Care of the elderly and of disabled adults",
        "0922": "Child care and youth services",
        "0923": "Social work and counselling",
        "10": "Services",
        "101": "Personal services",
        "1011": "Domestic services",
        "1012": "Hair and beauty services",
        "1013": "Hotel, restaurants and catering",
        "1014": "Sports",
        "1015": "Travel, tourism and leisure",
        "102": "Hygiene and occupational health services",
        "1021": "Community sanitation",
        "1022": "Occupational health and safety",
        "103": "Security services",
        "1031": "Military and defence",
        "1032": "Protection of persons and property",
        "104": "Transport services",
        "1041": "Transport services",
        "99": "Field unknown",
        "999": "Field unknown",
        "9999": "Field unknown",
    }
)
"""Broad (two digits), narrow (three) and detailed fields (four) with their names."""

# fmt: off
REMAINING = frozenset({
    "0000", "0099",
    "0110", "0119", "0188",
    "0200", "0210", "0219", "0220", "0229", "0230", "0239", "0288", "0299",
    "0300", "0310", "0319", "0320", "0329", "0388", "0399",
    "0400", "0410", "0419", "0488", "0499",
    "0500", "0510", "0519", "0520", "0529", "0530", "0539", "0540", "0588", "0599",
    "0610", "0619", "0688",
    "0700", "0710", "0719", "0720", "0729", "0730", "0788", "0799",
    "0800", "0810", "0819", "0888", "0899",
    "0900", "0910", "0919", "0920", "0929", "0988", "0999",
    "1000", "1010", "1019", "1020", "1029", "1030", "1039", "1088", "1099",
})
# fmt: on
"""Detailed fields for what no other has: not further defined (0), inter-disciplinary (8), not classified elsewhere (9).

Their names follow from the field they belong to.
"""

_BROAD, _NARROW, _DETAILED = 2, 3, 4
_FURTHER = {
    "0": "{} not further defined",
    "8": "Inter-disciplinary programmes and qualifications involving {}",
    "9": "{} not elsewhere classified",
}


def is_code(code: str) -> bool:
    """Whether ISCED-F 2013 has such a code of two to four digits."""
    # 038 is the narrow field of 0388; what is not further defined within a narrow field, as 0310, is a detailed one
    return code in NAMES or code in REMAINING or (len(code) == _NARROW and code + code[-1] in REMAINING)


def detailed(code: str) -> str | None:
    """The four digits that say no more than a code of two or three: 031 is 0310, "not further defined"; 042 is 0421.

    None where that code is none of ISCED-F 2013, as those of the older ISCED-97 are; only a person can say then.
    """
    if len(code) not in (_BROAD, _NARROW) or not is_code(code):
        return None
    if len(code) == _NARROW and code + code[-1] in REMAINING:
        return code + code[-1]
    if (undefined := code.ljust(_DETAILED, "0")) in REMAINING:
        return undefined
    below = [each for each in (*NAMES, *REMAINING) if len(each) == len(code) + 1 and each.startswith(code)]
    return below[0] if len(code) == _NARROW else detailed(below[0])


def official_names(code: str) -> frozenset[str]:
    """The names of a field and of the wider fields it belongs to."""
    names = {NAMES[code[:length]] for length in (_BROAD, _NARROW, _DETAILED) if code[:length] in NAMES}
    if code in REMAINING:
        above = NAMES.get(code[:_NARROW]) or NAMES[code[:_BROAD]]
        names.add(_FURTHER[code[-1]].format(above))
    # the list of codes and the descriptions of the fields spell this word differently
    return frozenset(names | {name.replace("specialization", "specialisation") for name in names})
