"""A network of lift3d that has learned nothing."""

import torch

from condense_ns.lifting.lifting_network import LiftingNetwork


def random_network(planes: int = 16, spread: float = 0.05) -> LiftingNetwork:
    """Random weights, and none of them zero."""
    torch.manual_seed(0)
    network = LiftingNetwork(planes=planes, samples=4)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return network
