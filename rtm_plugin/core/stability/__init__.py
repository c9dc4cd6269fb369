"""Would it have come out the same? The study again with other choices, and with other events of the same city."""
