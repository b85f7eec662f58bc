"""How well the engines do on real songs, and how soon the daemon answers: `punchin bench`."""
