"""`python -m simulation`: what `furusato simulate` hands over to."""

from simulation.console import main

if __name__ == "__main__":
    main()
