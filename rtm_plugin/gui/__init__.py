"""Windows: a dock, a map tool and settings; they hold no statistics."""
