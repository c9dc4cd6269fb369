"""Windows: they fill documents and start registered algorithms; they compute nothing."""
