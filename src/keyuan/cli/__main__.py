"""`python -m keyuan.cli`: how `up` starts its fork server."""

from keyuan.cli.main import main

if __name__ == "__main__":
    main()
