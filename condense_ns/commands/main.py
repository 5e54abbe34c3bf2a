"""`condense`: what goes beyond nerfstudio's own commands."""

from typing import Annotated

import tyro

from condense_ns.commands.bench import Benches
from condense_ns.commands.demo import Demo
from condense_ns.commands.duplicates import Duplicates
from condense_ns.commands.encode import Encode
from condense_ns.commands.evaluate import Evaluate
from condense_ns.commands.export import Exports
from condense_ns.commands.features import Features
from condense_ns.commands.index_scenes import Indexes
from condense_ns.commands.lift import Lift
from condense_ns.commands.match import Match
from condense_ns.commands.probe import Finetune, Probe
from condense_ns.commands.query import AskQuery
from condense_ns.commands.synthesize import Synthesize
from condense_ns.commands.train_colouriser import TrainColouriser
from condense_ns.commands.train_mini import TrainMini
from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence

Commands = tyro.conf.FlagConversionOff[
    Annotated[Demo, tyro.conf.subcommand(name="demo")]
    | Annotated[Evaluate, tyro.conf.subcommand(name="eval")]
    | Annotated[AskQuery, tyro.conf.subcommand(name="query")]
    | Annotated[
        Exports,
        tyro.conf.subcommand(name="export", description="Write a run as files for other programs."),
    ]
    | Annotated[
        Indexes,
        tyro.conf.subcommand(
            name="index", description="A repository of scenes on disk or in a cloud."
        ),
    ]
    | Annotated[Duplicates, tyro.conf.subcommand(name="duplicates")]
    | Annotated[Encode, tyro.conf.subcommand(name="encode")]
    | Annotated[Features, tyro.conf.subcommand(name="features")]
    | Annotated[Lift, tyro.conf.subcommand(name="lift")]
    | Annotated[Match, tyro.conf.subcommand(name="match")]
    | Annotated[Probe, tyro.conf.subcommand(name="probe")]
    | Annotated[Finetune, tyro.conf.subcommand(name="finetune")]
    | Annotated[
        Benches,
        tyro.conf.subcommand(name="bench", description="Measure on this machine."),
    ]
    | Annotated[Synthesize, tyro.conf.subcommand(name="synth")]
    | Annotated[TrainMini, tyro.conf.subcommand(name="train-mini")]
    | Annotated[TrainColouriser, tyro.conf.subcommand(name="train-colouriser")]
]


def entrypoint() -> None:
    """What the script `condense` runs."""
    tell_user_errors_in_one_sentence()
    tyro.extras.set_accent_color("bright_yellow")
    tyro.cli(Commands, prog="condense").main()
