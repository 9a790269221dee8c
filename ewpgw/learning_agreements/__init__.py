"""Learning agreements: where each stands, the answers to what is proposed, and what follows on both sides."""
