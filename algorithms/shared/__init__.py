"""What the algorithms share: their base, parameters, inputs and outputs."""
