"""`python -m bridge` is `punchin`."""

from bridge.cli import main

if __name__ == "__main__":
    main()
