"""condense-pretrain without nerfstudio: what a step looks at, the networks, their losses."""
