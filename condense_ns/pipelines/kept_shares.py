"""Shares that are settled for a scene once, and lie in a file from then on."""

import torch

from condense_ns.data.kept_tensor import kept_tensor
from condense_ns.encoders.fingerprint import fingerprint, state_digest
from condense_ns.operators.base import Operator, Shares
from condense_ns.pipelines.scene_lifting import SceneLifter
from condense_ns.pipelines.steady_share import ShareSettler

CODE_VERSION = 5
"""Another one settles anew."""


def kept_shares(lifter: SceneLifter, operator: Operator, steady: float) -> Shares:
    """Let the lifter use the shares that `ShareSettler` settles with the photographs of training.

    They are settled anew when the photographs, the network, the sources' number or what the operator answers change.

    Args:
        lifter: of the scene.
        operator: that is prepared for it, and whose shares may change.
        steady: as for `ShareSettler.settle`.

    Returns:
        The shares.
    """

    def settled() -> torch.Tensor:
        shares = ShareSettler(lifter).settle(operator, steady)
        return torch.tensor([shares.rendered, shares.painted], dtype=torch.float64)

    view = lifter.scene.training[0]
    own = lifter.working_map(operator, view)
    answered = lifter.answer(operator, own, lifter.scene.image(view), alone=True)
    content = {
        "code": CODE_VERSION,
        "scene": lifter.scene.digest,
        "network": state_digest(lifter.network.state_dict()),
        "sources": lifter.num_sources,
        "steady": steady,
        "operator": [operator.spec, operator.fingerprint],
        "least": [operator.rendered_share, operator.painted_share],
        "answer": state_digest({"answer": answered.answer}),
    }
    file = lifter.folder("shares") / f"{fingerprint(content)[:16]}.safetensors"
    shares = Shares(*kept_tensor(file, settled).tolist())
    lifter.settled_shares[operator.spec] = shares
    return shares
