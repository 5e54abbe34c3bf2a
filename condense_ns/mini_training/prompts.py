"""What is said about things in pictures: class names, phrases that are true of them, captions.

Made-up scenes name class, colour and pattern of every thing, so that it is known of any phrase built
from these words of which things it is true.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from condense_ns.synthetic.vocabulary import CLASS_NAMES, COLOURS, PATTERNS, SYNONYMS

TARGET_CLASSES = CLASS_NAMES[1:]
"""Classes that texts name; number 0 of the maps is a pixel without a surface."""

GENERIC_WORDS = (
    "object",
    "objects",
    "thing",
    "things",
    "stuff",
    "texture",
    "something",
    "anything",
)
"""Words that are true of everything, and against which queries are weighed."""

_TEMPLATES = ("{}", "a {}", "the {}", "a photo of a {}", "a picture of a {}", "this is a {}")
_PREFIXES = ("", "a photo of ", "a picture of ", "an image of ", "there is ")


@dataclass(frozen=True)
class Described:
    """A thing in words; `caption` is all of it, for example "a red striped chair"."""

    class_name: str
    colour: str
    pattern: str
    caption: str


@dataclass(frozen=True)
class Phrase:
    """A text and what it says; None where it says nothing."""

    text: str
    class_name: str | None = None
    colour: str | None = None
    pattern: str | None = None

    def is_true_of(self, thing: Described) -> bool:
        """Whether nothing in the phrase contradicts the thing."""
        return (
            self.class_name in (None, thing.class_name)
            and self.colour in (None, thing.colour)
            and self.pattern in (None, thing.pattern)
        )


def class_texts(generator: random.Random) -> list[str]:
    """One text for each of `TARGET_CLASSES`, in words that vary."""
    return [
        generator.choice(_TEMPLATES).format(word_for(name, generator)) for name in TARGET_CLASSES
    ]


def word_for(class_name: str, generator: random.Random) -> str:
    """The name of the class half of the time, else a synonym if there is one."""
    others = SYNONYMS.get(class_name, ())
    return generator.choice(others) if others and generator.random() < 0.5 else class_name


def phrase_about(thing: Described, generator: random.Random) -> Phrase:
    """A phrase that is true of the thing, saying more or less of it."""
    word = word_for(thing.class_name, generator)
    phrases = (
        Phrase(thing.caption, thing.class_name, thing.colour, thing.pattern),
        Phrase(f"{thing.colour} {word}", thing.class_name, thing.colour),
        Phrase(f"a {thing.colour} {word}", thing.class_name, thing.colour),
        Phrase(f"something {thing.colour}", colour=thing.colour),
        Phrase(thing.colour, colour=thing.colour),
        Phrase(f"a {thing.pattern} {word}", thing.class_name, pattern=thing.pattern),
        Phrase(f"something {thing.pattern}", pattern=thing.pattern),
        Phrase(generator.choice(_TEMPLATES).format(word), thing.class_name),
    )
    return generator.choice(phrases)


def phrases_about(things: Iterable[Described], most: int, generator: random.Random) -> list[Phrase]:
    """At most `most` phrases without two of one text, each true of one of the things at least."""
    unique = {phrase.text: phrase for phrase in (phrase_about(x, generator) for x in things)}
    phrases = list(unique.values())
    generator.shuffle(phrases)
    return phrases[:most]


def caption_of(things: Sequence[Described], generator: random.Random) -> str:
    """A caption that names the things, in any order and from one of several beginnings."""
    names = [thing.caption for thing in things] or ["nothing"]
    generator.shuffle(names)
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    return generator.choice(_PREFIXES) + listed


def tokenizer_corpus(captions: Iterable[str]) -> list[str]:
    """Texts that hold every word of the vocabulary, for the tokenizer to learn them whole."""
    words = [*TARGET_CLASSES, *COLOURS, *PATTERNS, *GENERIC_WORDS]
    words += [other for others in SYNONYMS.values() for other in others]
    sentences = [template.format(word) for word in words for template in _TEMPLATES]
    return [*sentences, *(prefix + "a room" for prefix in _PREFIXES), *captions]
