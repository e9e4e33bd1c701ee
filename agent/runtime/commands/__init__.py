"""What the centre orders: verified, remembered, executed once, answered."""
