"""What the experiments share: processes, loopback servers and clients, the rivals, numbers and tables."""
