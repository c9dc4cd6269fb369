"""The dock: a window with four parts, each of which does one thing, and the widgets that they share."""
