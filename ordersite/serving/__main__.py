"""`python -m ordersite.serving`: the web server of `make run` and of production."""

from ordersite.serving.server import main

if __name__ == "__main__":  # its worker processes import this module again
    main()
