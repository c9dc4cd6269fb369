"""From features to candidate variables: proximity and density, exposure and adjustments."""
