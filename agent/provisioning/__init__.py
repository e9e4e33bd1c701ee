"""How a device gets its name, its key and its certificate, and gets them anew. The running agent imports none of it."""
