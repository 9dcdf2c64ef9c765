"""`python -m app.rehearsal`: what `furusato rehearse` hands over to."""

from app.rehearsal.console import main

if __name__ == "__main__":
    main()
