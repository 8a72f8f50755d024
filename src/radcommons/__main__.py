"""``python -m radcommons`` is the same program as ``radcommons``."""

from radcommons.apps.cli import main

if __name__ == "__main__":
    main()
