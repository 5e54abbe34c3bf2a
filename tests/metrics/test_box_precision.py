"""Average precision by hand and against a slow count."""

import pytest
import torch

from condense_ns.metrics.box_precision import (
    SceneDetections,
    average_precision,
    average_precisions,
    precision_recall,
)


def scene(scores, classes, overlaps, truths):
    return SceneDetections(
        torch.tensor(scores, dtype=torch.float32),
        torch.tensor(classes, dtype=torch.long),
        torch.tensor(overlaps, dtype=torch.float32).reshape(len(scores), len(truths)),
        torch.tensor(truths, dtype=torch.long),
    )


def test_a_case_by_hand():
    scenes = [
        scene([0.9, 0.8, 0.3], [0, 0, 0], [[0.6, 0], [0.7, 0], [0, 0.3]], [0, 0]),
        scene([0.5], [0], [[0.1]], [0]),
    ]
    precision, recall = precision_recall(scenes, 0, 0.25)
    # Right, again the same one, too little overlap, right; three true boxes.
    assert precision.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    assert average_precision(precision, recall) == pytest.approx(1 / 3 + 1 / 3 * 0.5)


def test_classes_are_counted_apart():
    scenes = [scene([0.9, 0.8], [0, 1], [[0.9, 0], [0.9, 0.9]], [1, 1]), scene([], [], [], [2])]
    found = average_precisions(scenes, 0.5)
    assert found == {1: pytest.approx(0.5), 2: 0.0}  # of class 0 there is none


def slow_average(scenes, number, threshold):
    found = []
    for place, one in enumerate(scenes):
        for row in range(len(one.scores)):
            if one.classes[row] == number:
                found.append((-float(one.scores[row]), place, row))
    taken, hits, points = set(), 0, []
    truths = sum(int((one.true_classes == number).sum()) for one in scenes)
    for tried, (_, place, row) in enumerate(sorted(found), start=1):
        options = [
            (float(scenes[place].overlaps[row, truth]), truth)
            for truth in range(len(scenes[place].true_classes))
            if scenes[place].true_classes[truth] == number
        ]
        best = max(options, default=(0.0, -1), key=lambda option: (option[0], -option[1]))
        if best[0] >= threshold and (place, best[1]) not in taken:
            taken.add((place, best[1]))
            hits += 1
        points.append((hits / truths, hits / tried))
    area, before = 0.0, 0.0
    for recall, _ in points:
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    return area


@pytest.mark.parametrize("threshold", [0.25, 0.5])
def test_random_scenes_agree_with_a_slow_count(threshold):
    generator = torch.Generator().manual_seed(0)
    scenes = []
    for _ in range(6):
        count, truths = 12, 5
        scenes.append(
            SceneDetections(
                torch.rand(count, generator=generator),
                torch.randint(0, 3, (count,), generator=generator),
                torch.rand(count, truths, generator=generator),
                torch.randint(0, 3, (truths,), generator=generator),
            )
        )
    found = average_precisions(scenes, threshold)
    assert set(found) == {0, 1, 2}
    for number, average in found.items():
        assert average == pytest.approx(slow_average(scenes, number, threshold))


def test_nothing_found_is_nothing_right():
    assert average_precisions([scene([], [], [], [0])], 0.25) == {0: 0.0}
    assert average_precisions([], 0.25) == {}
