"""Connects the student system Lyceum to ewpgw: an example of an adapter in a package of its own."""
