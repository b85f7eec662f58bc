"""What talks to the outside: OSC, MIDI, HTTP, the command line. Imports engine, never a model library."""
