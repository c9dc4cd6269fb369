"""Questions to a model: why here, what if, joint risk, other choices, does it fit."""
