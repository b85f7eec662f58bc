"""Takes played on the sound device: asked for in the daemon, read and played in a process of its own."""
