"""Does a checkpoint belong to this run? The host loads what fits and says nothing of the rest."""

import re
from typing import Any

from torch import Tensor

from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.models.condense_dense import CondenseDenseModel

DECODER = "_model.decoders.{}.{}"


def check_encoders(
    state: dict[str, Any], model: CondenseDenseModel, specs: tuple[str, ...]
) -> None:
    """Compare the checkpoint's encoders with the run's.

    Only fingerprints that the run knows are compared: viewing and exporting build no encoder.

    Raises:
        UserError: another number of encoders, other widths, other fingerprints.
    """
    numbers = [i for i in range(64) if DECODER.format(i, "mean") in state]
    if len(numbers) != len(specs):
        raise UserError(
            f"the checkpoint holds features of {len(numbers)} encoder(s), this run names {len(specs)} "
            f"({', '.join(specs)}): resume with the encoders it was trained with"
        )
    for number, spec in enumerate(specs):
        channels = len(state[DECODER.format(number, "mean")])
        theirs = state[DECODER.format(number, "fingerprint")]
        ours = model.decoder(spec).fingerprint.cpu()
        known = bool(ours.any())
        if channels != model.decoder(spec).channels or (known and not ours.equal(theirs)):
            raise UserError(
                f"the checkpoint was trained with another encoder (fingerprint {_short(theirs)}, "
                f"{channels} channels) than {spec} (fingerprint {_short(ours)}, "
                f"{model.decoder(spec).channels} channels): resume with that encoder, or start a new "
                "run without --load-dir"
            )


def check_teacher(model: CondenseDenseModel, encoder: ImageEncoder) -> None:
    """Compare an encoder with the one that the run was trained with, if the run knows it.

    Raises:
        UserError: weights, settings or version differ.
    """
    theirs = model.decoder(encoder.spec).fingerprint.cpu()
    ours = fingerprint_tensor(encoder.fingerprint)
    if theirs.any() and not theirs.equal(ours):
        raise UserError(
            f"encoder {encoder.spec} (fingerprint {_short(ours)}) is not the one that the run was "
            f"trained with (fingerprint {_short(theirs)}): put its weights, settings and version "
            "back, or train again"
        )


def check_fingerprints(state: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a checkpoint that learned from other encoders than those of the run, as far as it knows them.

    Raises:
        UserError: with both fingerprints.
    """
    for key, ours in expected.items():
        if key.endswith(".fingerprint") and ours.any():
            theirs = state[key].to(ours)
            if theirs.any() and not theirs.equal(ours):
                raise UserError(
                    f"the checkpoint was trained with another encoder (fingerprint {_short(theirs)}) than "
                    f"this run's (fingerprint {_short(ours)}): resume with the same encoders, in the same "
                    "order and with the same image size, or start a new run without --load-dir"
                )


def check_tuning(state: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a checkpoint of condense-pretrain whose 2D branch is made otherwise.

    Raises:
        UserError: with both kinds of branches, and how to get the checkpoint's.
    """
    theirs, ours = _tuning(state), _tuning(expected)
    if theirs != ours:
        blocks, rank = theirs
        setting = f"--pipeline.model.tuned-blocks {blocks}"
        if blocks:
            setting += f" --pipeline.model.lora-rank {rank}"
        raise UserError(
            f"the 2D branch of the checkpoint is {_branch(*theirs)}, that of this run {_branch(*ours)}: resume "
            f"with {setting}, or start a new run without --load-dir"
        )


def _tuning(state: dict[str, Any]) -> tuple[int, int]:
    """Blocks of the first encoder that are trained, and the rank of their updates."""
    keys = [key for key in state if ".branch_2d.refiners.0." in key]
    blocks = {found[1] for key in keys if (found := re.search(r"\.blocks\.(\d+)\.", key))}
    ranks = {len(state[key]) for key in keys if key.endswith(".down")}
    return len(blocks), max(ranks, default=0)


def _branch(blocks: int, rank: int) -> str:
    if not blocks:
        return "an adapter"
    counted = "the last block" if blocks == 1 else f"the last {blocks} blocks"
    return f"{counted} of the encoder, {f'with updates of rank {rank}' if rank else 'whole'}"


def check_keys(state: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a checkpoint that lacks tensors, brings unknown ones, or has some of other sizes.

    Raises:
        UserError: with the first few names.
    """
    missing, unknown = sorted(expected.keys() - state), sorted(state.keys() - expected)
    resized = sorted(
        key for key in expected.keys() & state if state[key].shape != expected[key].shape
    )
    if missing or unknown or resized:
        raise UserError(
            f"the checkpoint does not fit this run's network: missing {missing[:3]}, unknown "
            f"{unknown[:3]}, of other sizes {resized[:3]}; load it with the settings and the version "
            "that wrote it"
        )


def _short(fingerprint: Tensor) -> str:
    return bytes(fingerprint.tolist()).hex()[:12]
