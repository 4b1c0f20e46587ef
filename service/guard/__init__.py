"""What stands between the network and the application: deadlines and limits of connections, keys, rates, headers."""
