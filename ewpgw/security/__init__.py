"""Keys, digests, HTTP signatures and encryption of the network: a library that knows nothing of the gateway."""
