"""The words and their numbers."""

import pytest

from condense_ns.synthetic.catalogue import CATALOGUE
from condense_ns.synthetic.vocabulary import CLASS_NAMES, COLOURS, SYNONYMS, class_number


def test_a_class_has_the_number_of_its_place():
    assert class_number("nothing") == 0
    assert class_number("floor") == 1
    assert [class_number(name) for name in CLASS_NAMES] == list(range(len(CLASS_NAMES)))


def test_numbers_fit_into_a_byte_and_no_word_means_two_classes():
    assert len(CLASS_NAMES) < 256
    words = [*CLASS_NAMES, *(word for others in SYNONYMS.values() for word in others)]
    assert len(set(words)) == len(words)


def test_whatever_is_built_has_a_word():
    assert set(CATALOGUE) | set(SYNONYMS) <= set(CLASS_NAMES)
    assert all(set(kind.colours) <= set(COLOURS) for kind in CATALOGUE.values())


def test_a_class_that_does_not_exist_has_no_number():
    with pytest.raises(ValueError, match="unicorn"):
        class_number("unicorn")
