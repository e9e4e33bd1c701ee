"""What the brokers of a site can do, and a cluster that loses a node under presses."""
