"""`python -m ordersite.devstack`: what `make run` runs."""

from ordersite.devstack.supervisor import main

main()
