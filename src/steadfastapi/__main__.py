"""`python -m steadfastapi`: the same as the command `steadfastapi`."""

from steadfastapi.cli import main

if __name__ == "__main__":
    main()
