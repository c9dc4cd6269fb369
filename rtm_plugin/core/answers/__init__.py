"""Questions to a model: why here, what if, joint risk, does it fit."""
