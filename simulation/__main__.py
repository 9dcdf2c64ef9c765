"""`python -m simulation`: what `furusato simulate` hands over to."""

from simulation import trying  # noqa: F401 - its commands join the console
from simulation.console import main

if __name__ == "__main__":
    main()
