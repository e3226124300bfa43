"""A portrait that answers while people speak: engine, server, page, adapters for agents."""
