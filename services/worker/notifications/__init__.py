"""Messages to people through the channels that the configuration names."""
