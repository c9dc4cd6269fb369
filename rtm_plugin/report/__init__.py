"""What was found, in numbers and sentences, and the page that shows it."""
