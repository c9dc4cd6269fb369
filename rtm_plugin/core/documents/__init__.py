"""What is asked and kept as text: settings, periods, the study as one document, and the reader of all of them."""
