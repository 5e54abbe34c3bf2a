"""What is said of things, and that it is true."""

import random

from condense_ns.mini_training.prompts import (
    TARGET_CLASSES,
    Described,
    Phrase,
    caption_of,
    class_texts,
    phrase_about,
    phrases_about,
    tokenizer_corpus,
)

BALL = Described("ball", "red", "striped", "a red striped ball")
SOFA = Described("sofa", "red", "plain", "a red sofa")


def test_a_phrase_is_true_of_what_it_does_not_contradict():
    assert Phrase("red", colour="red").is_true_of(BALL)
    assert Phrase("red ball", "ball", "red").is_true_of(BALL)
    assert not Phrase("red ball", "ball", "red").is_true_of(SOFA)
    assert not Phrase("something plain", pattern="plain").is_true_of(BALL)
    assert Phrase("anything").is_true_of(SOFA)


def test_every_phrase_about_a_thing_is_true_of_it():
    generator = random.Random(0)
    phrases = [phrase_about(BALL, generator) for _ in range(200)]
    assert all(phrase.is_true_of(BALL) for phrase in phrases)
    assert len({phrase.text for phrase in phrases}) > 10


def test_phrases_are_as_few_as_asked_for_and_differ():
    phrases = phrases_about([BALL, SOFA] * 50, 5, random.Random(0))
    assert len({phrase.text for phrase in phrases}) == len(phrases) == 5
    assert phrases_about([], 5, random.Random(0)) == []


def test_classes_have_a_text_each_in_order():
    texts = class_texts(random.Random(0))
    assert len(texts) == len(TARGET_CLASSES)
    assert "ceiling" in texts[TARGET_CLASSES.index("ceiling")]


def test_captions_name_all_things_and_none_is_nothing():
    caption = caption_of([BALL, SOFA], random.Random(0))
    assert BALL.caption in caption
    assert SOFA.caption in caption
    assert " and " in caption
    assert caption_of([], random.Random(0)).endswith("nothing")


def test_the_tokenizer_learns_from_every_class_and_caption():
    corpus = tokenizer_corpus(["a rare caption"])
    assert {*TARGET_CLASSES, "a rare caption"} <= set(corpus)
