"""What the device answers a technician who walks through it: pictures, what is drawn, and the sealed report."""
