"""How well the engines do on real songs, measured as a user would get the result: `punchin bench`."""
