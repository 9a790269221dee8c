"""XML documents of the network: safe parsing, validation with explanations, names, error responses."""
