"""Nominations and arrivals: where each stands, the decisions about it, and what follows from them on both sides."""
