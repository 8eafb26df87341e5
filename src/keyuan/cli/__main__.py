"""`python -m keyuan.cli`: how the process tree starts its children."""

from keyuan.cli.main import main

if __name__ == "__main__":
    main()
