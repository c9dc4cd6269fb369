"""The model as a document, what it says of itself, and the metadata of the rasters made with it."""
