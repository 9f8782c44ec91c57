"""Ground floor: errors, dtypes, shapes, configuration, events, source locations, languages."""
