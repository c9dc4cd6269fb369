"""The wizard: pages that fill one study document, and a last page that runs it."""
