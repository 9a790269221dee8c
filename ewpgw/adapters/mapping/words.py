"""The words of the mapping language, in one place: the compiler, the JSON Schema and the manual follow them."""

from __future__ import annotations

LEAF: dict[str, str] = {
    "from": "The name of a column or a path such as address.city, a text with names in braces, or a list of these, of "
    "which the first that is not empty counts.",
    "jmespath": "A JMESPath expression over the row, in place of `from`.",
    "split": "What separates several values in one text, such as a comma. The field then is a list.",
    "values": "What the source's codes mean: the name of a value map of this file, or the map itself.",
    "unlisted": "What becomes of a value that the map does not list: refuse (unless said otherwise), keep, leave-out.",
    "decimal": "The decimal mark of numbers in texts, where it is not a point.",
    "date": "How dates are written in texts, such as DD.MM.YYYY, or a list of such patterns.",
    "zone": "The time zone whose calendar days count for points in time, such as Europe/Helsinki.",
    "default": "What the field holds where the source has nothing.",
}
GROUP: dict[str, str] = {
    "each": "The name of a list in the row, or a JMESPath expression as {jmespath: …}: the item is made once for each "
    "of its entries.",
    "split": "What separates the entries where the list is one text.",
    "where": "What the row, or the entry, must say: a name and the value it must have, or a list of such values.",
    "item": "The fields, named from the entry. $row.NAME is a name of the whole row, $item the entry itself.",
}
UNLISTED = ("refuse", "keep", "leave-out")

HEI_ID = "$hei_id"
ITEM = "$item"
ROW = "$row."
CONSTANT = "="
ANYTHING = "*"
