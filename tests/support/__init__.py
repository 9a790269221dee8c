"""What several tests share: members of a network, on real sockets and over real TLS."""
