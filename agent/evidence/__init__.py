"""What a recording is: how it is signed, sealed, chained, verified and exported."""
