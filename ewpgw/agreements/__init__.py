"""Agreements between two sides: mapping, approvals, states, and the moves a side can make."""
